"""The text of a platform: a file merged over the files it uses, with overrides on top, before any checking.

Maps merge, scalars and lists replace, `~` removes an inherited key.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from tlm.errors import Place, Problem, did_you_mean, show
from tlm.yaml_source import Node, read_yaml

# How many keys of an override's path must exist; below, the schema decides.
_MUST_EXIST = {"description": 0, "clocks": 2, "components": 2, "bindings": 2, "memory_map": 2}


class PlatformSource:
    """What was read. `tree` is None when a file cannot be read; one of `problems` then says why."""

    def __init__(self, path: str, overrides: Sequence[str]):
        self.problems: list[Problem] = []
        self.sources: list[str] = []  # the given file, the files it uses, the overrides
        self.root = path  # the file that uses no other
        self.tree = self._chain(Place(path), path, ())
        if self.tree is not None:
            for override in overrides:
                self._override(self.tree, override)

    def _refuse(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _chain(self, asked: Place, path: str, above: tuple[str, ...]) -> Node | None:
        """The tree of a file merged over the files it uses; None when one of them cannot be read."""
        self.sources.append(path)
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except UnicodeDecodeError:
            self._refuse(Place(path), "must be UTF-8 text")
            return None
        except OSError as error:
            folder, name = os.path.split(path)
            missing = isinstance(error, FileNotFoundError) and os.path.isdir(folder or ".")
            near = did_you_mean(name, os.listdir(folder or ".")) if missing else ""
            what = "platform" if asked.line == 0 else "uses"
            self._refuse(
                asked, f"{what} must name a file that can be read, not '{path}' ({error.strerror}){near}"
            )
            return None
        tree, problems = read_yaml(text, path)
        self.problems += problems
        if tree is None:
            if not problems:
                self._refuse(Place(path), "must describe a platform, not be empty")
            return None
        if not isinstance(tree.value, dict):
            self._refuse(tree.place, f"must be a map, not {show(tree.value)}")
            return None
        uses = tree.value.pop("uses", None)
        if uses is None:
            self.root = path
            return tree
        if not isinstance(uses.value, str):
            self._refuse(uses.place, f"uses must be the path of a platform file, not {show(uses.value)}")
            return None
        base_path = os.path.join(os.path.dirname(path), uses.value)
        above = (*above, path)
        if os.path.realpath(base_path) in map(os.path.realpath, above):
            way = " -> ".join((*above, base_path))
            self._refuse(uses.place, f"uses must not lead back to a file that uses this one ({way})")
            return None
        base = self._chain(uses.place, base_path, above)
        return base and _merge(base, tree)

    def _override(self, tree: Node, text: str) -> None:
        place = Place(f"--set {text}")
        self.sources.append(place.source)
        key, equals, value_text = text.partition("=")
        key = key.strip()
        path = key.split(".", 1) if key.startswith("bindings.") else key.split(".")
        if not equals or not all(path):
            self._refuse(place, f"must be key=value such as components.linear.tile=32, not '{text}'")
            return
        value, problems = read_yaml(value_text, place.source, place)
        self.problems += problems
        if value is None:
            if not problems:
                self._refuse(place, f"{key} must be given a value (~ removes it)")
            return
        node = tree
        depth = _MUST_EXIST.get(path[0], 1)
        for at, step in enumerate(path):
            below = node.value
            if isinstance(below, list) and step.isascii() and step.isdigit() and int(step) < len(below):
                if at == len(path) - 1:
                    below[int(step)] = value
                    return
                node = below[int(step)]
            elif isinstance(below, dict) and (step in below or at >= depth):
                if at == len(path) - 1:
                    _put(below, step, value)
                    return
                node = below.setdefault(step, Node({}, place, place))
            else:
                name = ".".join(path[: at + 1])
                known = below if isinstance(below, dict) else ()
                self._refuse(
                    place, f"{name} must be a key of the platform to be set{did_you_mean(step, known)}"
                )
                return


def _put(below: dict[str, Node], key: str, node: Node) -> None:
    """Lay a value over what a map has at a key."""
    if node.value is None and not node.reported and key in below:
        del below[key]
    elif key in below:
        below[key] = _merge(below[key], node)
    else:
        below[key] = node


def _merge(base: Node, delta: Node) -> Node:
    if not (isinstance(base.value, dict) and isinstance(delta.value, dict)):
        return delta
    merged = dict(base.value)
    models = base.value.get("model"), delta.value.get("model")
    if models[0] and models[1] and models[0].value != models[1].value:
        for node in merged.values():
            node.stale = True
    for key, node in delta.value.items():
        _put(merged, key, node)
    return dataclasses.replace(base, value=merged, stale=False)
