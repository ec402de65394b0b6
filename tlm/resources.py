"""What a component takes of programmable logic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Resources:
    """`lut` counts those of logic and those of memory, `memory_lut` the latter alone; `bram36` is in halves."""

    lut: int = 0
    memory_lut: int = 0
    ff: int = 0
    bram36: float = 0
    dsp: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def total(cls, several: Iterable[Resources]) -> Resources:
        return sum(several, cls())


@dataclass(frozen=True)
class Part:
    """One entry of a component's bill: its name, its size in words, what it takes, which parameters size it."""

    name: str
    size: str
    takes: Resources
    knobs: tuple[str, ...] = ()
