"""`tlm show`: a platform with every value and where it comes from."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from analysis import console
from analysis.output_file import file_problems, write_file
from analysis.platform_path import find_platform
from tlm.errors import InputError, Place, Problem, did_you_mean
from tlm.platform import Platform, load_platform
from tlm.schema import parameters, to_text
from tlm.simulation import Simulation


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("platform")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the platform")
    parser.add_argument("--json", action="store_true", help="print the resolved platform as one JSON object")
    parser.add_argument("--diagram", metavar="FILE.svg", help="draw components and bindings")
    parser.add_argument("--params", metavar="COMPONENT",
                        help="what may be set of a component, or of a section such as energy")  # fmt: skip


def main(options: argparse.Namespace) -> int:
    platform = load_platform(find_platform(options.platform), options.set)
    simulation = Simulation(platform)  # bindings are checked when it is built
    problems = _known(platform, options.params)
    if options.diagram:
        problems += file_problems(options.diagram, "--diagram", (".svg",))
    if problems:
        raise InputError(problems)
    if options.diagram:
        from analysis.diagram import diagram

        sockets = {name: component.sockets for name, component in simulation.components.items()}
        write_file(options.diagram, diagram(platform, sockets).encode(), "--diagram")
    if options.params:
        rows = list(_parameters(platform, options.params))
        if options.json:
            print(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows]))
        else:
            _print_parameters(platform, options.params, rows)
        return 0
    if options.json:
        print(json.dumps(platform.resolved()))
        return 0
    if options.diagram:
        print(f"Diagram in {options.diagram}")
        return 0
    lines = list(_lines(platform, platform.resolved()))
    width = min(60, max(len(text) for text, _ in lines))
    for text, origin in lines:
        print(f"{text:<{width}}  # {origin}" if origin else text)
    return 0


def _known(platform: Platform, name: str | None) -> list[Problem]:
    known = (*platform.components, *platform.sections)
    if name is None or name in known:
        return []
    rule = f"must be a component or a section of {platform.name}{did_you_mean(name, known)}"
    return [Problem(Place(f"--params {name}"), rule)]


COLUMNS = ("parameter", "type", "default", "value", "origin", "doc")


def _parameters(platform: Platform, name: str) -> Iterator[tuple[str, str, str | None, str, str, str]]:
    """A row per parameter of a component or section; those of a map within it have dotted names."""
    spec = platform.components.get(name)
    key = name if spec is None else f"components.{name}"
    yield from _fields(platform, platform.sections[name] if spec is None else spec.params, key, "")


def _fields(
    platform: Platform, params: Any, key: str, path: str
) -> Iterator[tuple[str, str, str | None, str, str, str]]:
    texts = to_text(params)
    for item in parameters(type(params)):
        here, value = f"{path}{item.name}", getattr(params, item.name)
        if dataclasses.is_dataclass(value):
            yield here, item.type, None, "", "", item.doc
            yield from _fields(platform, value, key, f"{here}.")
        else:
            origin = str(platform.origins.get(f"{key}.{here}", ""))
            yield here, item.type, item.default, _scalar(texts[item.name]), origin, item.doc


def _print_parameters(platform: Platform, name: str, rows: list[tuple[Any, ...]]) -> None:
    model = platform.models.get(f"components.{name}") or platform.models[name]
    shown = []
    for parameter, kind, default, value, origin, doc in rows:
        if not origin:  # a map: its parameters follow
            shown.append((f"{parameter}.", "", "", "", "", doc))
        else:
            written = "" if origin.startswith("default") else origin
            shown.append(
                (parameter, kind, "must be given" if default is None else default, value, written, doc)
            )
    key = f"components.{name}" if name in platform.components else name
    columns = ("<parameter", "<type", "<default", "<value", "<given in", "<")
    console.table(f"{key} is a {model}; set with --set {key}.PARAMETER=VALUE", columns, shown)


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
