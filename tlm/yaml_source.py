"""YAML with one meaning: the subset of YAML 1.2 that a platform needs, each key and value with its place.

Plain scalars are null (`~`, `null`), `true`, `false`, decimal or 0x integers (underscores allowed between
digits), decimal floats (`1e9` is one), and otherwise text, as are `no`, `on`, `1:30`, `010` and `.inf`.
Refused: repeated keys, anchors, aliases, merge keys, tags, tab indentation, keys without a value, several
documents.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from tlm.errors import Place, Problem

_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NON_PRINTABLE = yaml.reader.Reader.NON_PRINTABLE
_TAB = re.compile(r"^ *\t", re.MULTILINE)
_INT = re.compile(r"[-+]?(0|[1-9](_?[0-9])*)")
_HEX = re.compile(r"0x[0-9a-fA-F](_?[0-9a-fA-F])*")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9](_?[0-9])*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_LONGEST_NUMBER = 40  # characters; what is longer is text
_DEEPEST = 40  # levels of nesting

Scalar = str | int | float | bool | None


@dataclass
class Node:
    """A value, where it stands, and where its key stands (a list item or document: where the value does)."""

    value: Scalar | list[Node] | dict[str, Node]
    place: Place
    key_place: Place
    reported: bool = False  # a problem was recorded: further ones here would repeat it
    stale: bool = False  # inherited in a map whose model was replaced

    def plain(self) -> object:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read_yaml(text: str, source: str, at: Place | None = None) -> tuple[Node | None, list[Problem]]:
    """The document's tree and its problems; no tree when it is not YAML at all.

    `source` names the text in places; with `at` every place is that one (for text from the command line).
    """
    if bad := _NON_PRINTABLE.search(text) or _TAB.search(text):
        char = text[bad.end() - 1]
        line, column = text.count("\n", 0, bad.end()) + 1, bad.end() - 1 - text.rfind("\n", 0, bad.end() - 1)
        rule = (
            "indentation must be spaces, not tabs"
            if char == "\t"
            else f"must be text, not character {char!a}"
        )
        return None, [Problem(at or Place(source, line, column), rule)]
    reader = _Reader(source, at)
    try:
        return reader.document(yaml.parse(text, Loader=_Parser)), reader.problems
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = reader.place(mark) if mark else Place(source)
        what = ", ".join(part for part in (error.context, error.problem) if part)
        return None, [*reader.problems, Problem(at or place, f"must be valid YAML: {what}")]


def scalar(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


_WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass
class _Reader:
    source: str
    at: Place | None
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str | None, Node] = field(default_factory=dict)

    def place(self, mark: Any) -> Place:
        return self.at or Place(self.source, mark.line + 1, mark.column + 1)

    def refuse(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def document(self, events: Iterator[Any]) -> Node | None:
        tree: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and tree is not None:
                self.refuse(self.place(event.start_mark), "a file must hold one document, not several")
                break
            if isinstance(event, yaml.NodeEvent):
                tree = self.node(event, events, ())
        return tree

    def node(self, event: Any, events: Iterator[Any], path: tuple[str, ...]) -> Node:
        place = self.place(event.start_mark)
        name = ".".join(path) or "the document"
        if len(path) > _DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"more than {_DEEPEST} levels", problem_mark=event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            self.refuse(place, f"{name} must be written out, not given by the alias *{event.anchor}")
            known = self.anchors.get(event.anchor, Node(None, place, place))
            return Node(known.value, place, place, reported=True)
        if event.tag:
            self.refuse(place, f"{name} must be plain, not tagged {event.tag}")
        if isinstance(event, yaml.MappingStartEvent):
            node = Node(self.mapping(events, path), place, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                items.append(self.node(item, events, (*path, str(len(items)))))
            node = Node(items, place, place)
        else:
            assert isinstance(event, yaml.ScalarEvent)
            node = Node(event.value if event.style else scalar(event.value), place, place)
        if event.anchor:
            self.refuse(
                place, f"{name} must not carry an anchor (&{event.anchor}): write the value where it is used"
            )
            self.anchors[event.anchor] = node
        return node

    def mapping(self, events: Iterator[Any], path: tuple[str, ...]) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key_place = self.place(event.start_mark)
            if isinstance(event, yaml.ScalarEvent):
                key = event.value
            else:
                self.node(event, events, (*path, "?"))
                key = None
            value_event = next(events)
            node = self.node(value_event, events, (*path, key or "?"))
            node.key_place = key_place
            name = ".".join((*path, key or "?"))
            if not key:
                self.refuse(key_place, f"a key in {'.'.join(path) or 'the document'} must be a text")
            elif key == "<<":
                self.refuse(
                    key_place, f"{name} must not be used: write the keys out, or put them in a file it `uses`"
                )
            elif key in found:
                first = found[key].key_place.line
                self.refuse(key_place, f"{name} must be given once (it is already on line {first})")
            else:
                found[key] = node
            if isinstance(value_event, yaml.ScalarEvent) and not value_event.value and not value_event.style:
                self.refuse(key_place, f"{name} must have a value (~ stands for none)")
                node.reported = True
        return found
