"""Problems in what a user wrote: each with its place and its rule, all reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """Where something was written; line and column count from 1, line 0 means the source as a whole."""

    source: str  # a path as the user gave it, or an option such as "--set clocks.fabric=1 GHz"
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True)
class Problem:
    """One thing to correct."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class InputError(Exception):
    """Input that cannot be used; `str` gives one line per problem."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        """From one process to another: `args` is the text."""
        return type(self), (self.problems,)


class UnfitError(Exception):
    """A platform cannot run what it was given: no component for it, or a buffer too small."""


class RuleError(ValueError):
    """A value breaks a rule: it "must be <rule>, not <value><hint>"."""

    def __init__(self, rule: str, value: object, hint: str = ""):
        self.rule, self.hint = rule, hint
        super().__init__(f"must be {rule}, not {show(value)}{hint}")


def show(value: object) -> str:
    """A value as a user of YAML would recognise it."""
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case dict():
            return "a map"
        case list() | tuple():
            return "a list"
        case str():
            return f"'{value}'"
        case _:
            return str(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint to append to a message: " (did you mean tile?)", or nothing when no word is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def one_of(words: Iterable[str]) -> str:
    """A list in words: "a, b or c"."""
    *head, last = words
    return f"{', '.join(head)} or {last}" if head else last
