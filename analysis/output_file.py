"""A single file to write: checked before the work begins, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence

from analysis.folder import write_files
from tlm.errors import Place, Problem, one_of


def file_problems(path: str, option: str, suffixes: Sequence[str]) -> list[Problem]:
    """Why no file with one of the suffixes can be written at `path`. Creates nothing."""
    place = Place(f"{option} {path}")
    problems = []
    if os.path.splitext(path)[1].lower() not in suffixes:
        problems.append(Problem(place, f"must end in {one_of(suffixes)}"))
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        problems.append(
            Problem(place, "must be a file to write, in a folder that is there and may be written to")
        )
    return problems


def write_file(path: str, content: bytes, option: str) -> None:
    """Raises InputError when that is not possible."""
    folder, name = os.path.split(path)
    write_files(folder or ".", {name: content}, option)
