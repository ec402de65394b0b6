"""`tlm show`: a platform with every value and where it comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from analysis.platform_path import find_platform
from tlm.platform import Platform, load_platform
from tlm.simulation import Simulation


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("platform")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the platform")
    parser.add_argument("--json", action="store_true", help="print the resolved platform as one JSON object")


def main(options: argparse.Namespace) -> int:
    platform = load_platform(find_platform(options.platform), options.set)
    Simulation(platform)  # bindings are checked when it is built
    if options.json:
        print(json.dumps(platform.resolved()))
        return 0
    lines = list(_lines(platform, platform.resolved()))
    width = min(60, max(len(text) for text, _ in lines))
    for text, origin in lines:
        print(f"{text:<{width}}  # {origin}" if origin else text)
    return 0


def _lines(platform: Platform, tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """(YAML line, origin) of every key; maps without entries and lists are written in one line."""
    for key, value in tree.items():
        here = (*path, key)
        indent = "  " * len(path)
        if isinstance(value, dict) and value:
            yield f"{indent}{key}:", ""
            yield from _lines(platform, value, here)
        else:
            yield f"{indent}{key}: {_scalar(value)}", str(platform.origins.get(".".join(here), ""))


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)
