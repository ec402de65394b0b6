"""A model of one's own: sizes in a YAML file, problems told with file and line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tlm.errors import InputError, Place, Problem, show
from tlm.yaml_source import Node, read_yaml
from workloads.lowering import lower, workload
from workloads.vim.config import VimConfig
from workloads.vim.errors import WorkloadError


def is_model_file(model: str) -> bool:
    """Whether a --model is meant as a file, not as a name."""
    return model.endswith((".yaml", ".yml")) or os.sep in model


def read_model(path: str, changes: Mapping[str, Any]) -> VimConfig:
    """Sizes as in VimConfig, d_model and layers at least; `changes` that are not None replace single ones.

    The name is the file's unless it has one. Raises InputError, all problems at once.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError:
        raise InputError([Problem(Place(path), "must be UTF-8 text")]) from None
    except OSError as error:
        problem = f"model must name a file that can be read, not '{path}' ({error.strerror})"
        raise InputError([Problem(Place(path), problem)]) from None
    tree, problems = read_yaml(text, path)
    if tree is None:
        raise InputError(problems or [Problem(Place(path), "must describe a model, not be empty")])
    if not isinstance(tree.value, dict):
        raise InputError([*problems, Problem(tree.place, f"must be a map, not {show(tree.value)}")])
    given = {key: value for key, value in changes.items() if value is not None}
    name = os.path.splitext(os.path.basename(path))[0]
    sizes: dict[str, Any] = {"name": name} | tree.plain() | given  # type: ignore[operator]
    try:
        config = workload(sizes)
        lower(config)  # refuses sizes that the engines do not have
    except WorkloadError as error:
        problems += [_placed(m, tree, path, given) for m in error.messages]
    if problems:
        raise InputError(sorted(dict.fromkeys(problems), key=lambda p: p.place))
    return config


def _placed(message: str, tree: Node, path: str, given: Mapping[str, Any]) -> Problem:
    """The messages of a workload begin with the model's name and the size in question."""
    text = message.partition(": ")[2] or message
    key = text.split(" ", 1)[0]
    assert isinstance(tree.value, dict)
    if key in given:
        return Problem(Place(f"--{key.replace('_', '-')} {given[key]}"), text)
    node = tree.value.get(key)
    place = (node.key_place if "is not a size" in text else node.place) if node else Place(path)
    return Problem(place, text)
