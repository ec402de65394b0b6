"""Options that choose a model: a name or a YAML file, and single sizes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis.model_file import is_model_file, read_model
from workloads.lowering import workload
from workloads.vim.config import VimConfig
from workloads.vim.errors import WorkloadError

SIZES = {
    "d_model": "features of a token",
    "layers": "encoder layers",
    "stride": "pixels between patches",
    "image_size": "pixels a side the model is made for",
    "classes": "outputs of the head",
}


def add_arguments(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    told = f" (default: {default})" if default else ""
    parser.add_argument(
        "--model",
        default=default,
        help=f"tiny, small, base (with + for stride 8), digits, or a YAML file of sizes{told}",
    )
    for size, what in SIZES.items():
        parser.add_argument(f"--{size.replace('_', '-')}", type=int, metavar="N", help=what)


def config_of(options: argparse.Namespace) -> VimConfig:
    """Raises WorkloadError, or InputError for a file, all problems at once."""
    sizes = {size: getattr(options, size) for size in SIZES}
    if is_model_file(options.model):
        return read_model(options.model, sizes)
    return workload(options.model, **sizes)


def refused_sizes(options: argparse.Namespace) -> list[str]:
    """Problems of sizes that are given without a model, where a file says what the model is."""
    return [
        f"--{size.replace('_', '-')} must come with --model"
        for size in SIZES
        if options.model is None and getattr(options, size) is not None
    ]


def gather(*makes: Callable[[], Any]) -> list[Any]:
    """The results of all functions. Raises one WorkloadError with the problems of all that raise it."""
    results: list[Any] = []
    problems: list[str] = []
    for make in makes:
        try:
            results.append(make())
        except WorkloadError as error:
            problems += error.messages
    if problems:
        raise WorkloadError(dict.fromkeys(problems))
    return results


def check_new_file(path: str) -> None:
    """WorkloadError when no file can be written at `path`. Creates nothing."""
    target = Path(path)
    if target.is_dir():
        raise WorkloadError(f"{path}: must be a file to write, not a folder")
    if not target.parent.is_dir():
        raise WorkloadError(f"{path}: must lie in a folder that is there; {target.parent} is not")
