"""Data files that come with the program, each one value of a schema, chosen by name."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from tlm.errors import InputError, did_you_mean, one_of
from tlm.schema import check
from tlm.yaml_source import read_yaml

T = TypeVar("T")


def preset_names(folder: Path) -> list[str]:
    """Of the YAML files of a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_preset(schema: type[T], folder: Path, name: str, key: str) -> T:
    """A preset by name; `key` is where the user gave it.

    Raises ValueError for an unknown name, InputError for a file that is wrong.
    """
    known = preset_names(folder)
    if name not in known:
        raise ValueError(f"{key} must be {one_of(known)}, not '{name}'{did_you_mean(name, known)}")
    path = folder / f"{name}.yaml"
    tree, problems = read_yaml(path.read_text(encoding="utf-8"), str(path))
    found = None
    if tree is not None:
        found, more = check(schema, tree, "")
        problems += more
    if problems or found is None:
        raise InputError(problems)
    return found
