"""What a comparison is told to compare: platform files, as they are or changed, and kept runs.

platforms/zcu102.yaml                                               a platform file
zcu102                                                              one that comes with the package
zcu102@components.linear.tile=32,clocks.fabric='400 MHz'            the same with keys changed
out/                                                                a folder that `run --out` kept
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from analysis.platform_path import find_platform
from tlm.errors import Place, Problem

KEPT = "report.json"  # what makes a folder a kept run
COLUMNS = ("key", "figure")  # labels become columns beside these
_PAIRS = {"[": "]", "{": "}", "(": ")"}


@dataclass(frozen=True)
class Variant:
    """A platform file with `overrides`, or a folder that holds a kept run."""

    path: str
    overrides: tuple[str, ...] = ()
    kept: bool = False

    @property
    def name(self) -> str:
        """zcu102, or zcu102@linear.tile=32: without folder and suffix, keys without `components.`."""
        name = os.path.basename(os.path.normpath(self.path))
        name = name if self.kept else os.path.splitext(name)[0]
        changed = ",".join(o.strip().removeprefix("components.") for o in self.overrides)
        return f"{name}@{changed}" if changed else name

    def alone(self, override: str) -> Variant:
        return Variant(self.path, (override,))

    @property
    def base(self) -> Variant:
        return Variant(self.path, (), self.kept)

    def problem(self) -> Problem | None:
        """Why this cannot be compared, found without reading a platform."""
        if not self.kept:
            return None
        place = Place(self.path)
        if self.overrides:
            return Problem(place, "must be a platform file to be changed: a kept run is over")
        if not os.path.isfile(os.path.join(self.path, KEPT)):
            return Problem(
                place, f"must be a platform file or a folder that `run --out` kept: it has no {KEPT}"
            )
        return None


def parse(text: str) -> Variant:
    """`PATH` or `PATH@KEY=VALUE,KEY=VALUE`; commas within brackets or quotes belong to a value."""
    path, at, changes = text.partition("@")
    if not at or os.path.exists(text):
        path, changes = text, ""
    if os.path.isdir(path):
        return Variant(path, tuple(split(changes)), kept=True)
    return Variant(find_platform(path), tuple(split(changes)))


def split(text: str) -> list[str]:
    """`a=1,b=[2, 3]` is ["a=1", "b=[2, 3]"]."""
    parts, depth, quote, begin = [], "", "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in _PAIRS:
            depth += _PAIRS[char]
        elif depth and char == depth[-1]:
            depth = depth[:-1]
        elif char == "," and not depth:
            parts.append(text[begin:at])
            begin = at + 1
    return [part.strip() for part in (*parts, text[begin:]) if part.strip()]


def labels(variants: Iterable[Variant]) -> list[str]:
    """A short name each; where names are equal the paths tell them apart, then numbers."""
    given = list(variants)
    names = [v.name for v in given]
    names = [v.path + n[n.find("@") :] * ("@" in n) if names.count(n) > 1 else n
             for v, n in zip(given, names, strict=True)]  # fmt: skip
    return [
        f"{n} ({names[: at + 1].count(n)})" if names.count(n) > 1 or n in COLUMNS else n
        for at, n in enumerate(names)
    ]
