"""What runs look like over time, for pictures and text: a letter per engine, windows, columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from analysis.subject import Bar, Subject

IDLE = "·"
_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")


def engines(subjects: Iterable[Subject]) -> list[str]:
    """All engines, in the order in which they first work."""
    return list(dict.fromkeys(bar.engine for s in subjects for bar in sorted(s.bars, key=lambda b: b.start)))


def kinds(subjects: Iterable[Subject]) -> dict[str, str]:
    """What each engine spends the most time on: a kind of call, without its shape."""
    spent: dict[str, Counter[str]] = {}
    for bar in (b for s in subjects for b in s.bars):
        spent.setdefault(bar.engine, Counter())[bar.kind.split()[0]] += bar.end - bar.start
    return {engine: max(of, key=lambda kind: of[kind]) for engine, of in spent.items()}


def letters(names: Sequence[str]) -> dict[str, str]:
    """The first letter of each that is free, else a digit."""
    found: dict[str, str] = {}
    for name in names:
        wanted = (*(c for c in name.upper() if c.isalpha()), *"0123456789")
        found[name] = next((c for c in wanted if c not in found.values()), "?")
    return found


def layer(subject: Subject, number: int) -> tuple[Bar, ...]:
    """The calls of one encoder layer of the first image; none where the run has no such layer."""
    bars = [b for b in subject.bars if (m := _LAYER.search(b.name)) and int(m[1]) == number]
    if not bars:
        return ()
    image = bars[0].name.partition("layers.")[0]
    return tuple(b for b in bars if b.name.startswith(f"{image}layers."))


def busiest(bars: Sequence[Bar], begin: int, end: int, columns: int) -> list[str]:
    """The engine that works the most in each of so many equal columns, "" where none works half of it."""
    if end <= begin or not columns:
        return []
    step = (end - begin) / columns
    found: list[dict[str, float]] = [{} for _ in range(columns)]
    for bar in bars:
        first = max(0, int((bar.start - begin) / step))
        last = min(columns - 1, int((bar.end - begin) / step))
        for at in range(first, last + 1):
            left = begin + at * step
            covered = min(bar.end, left + step) - max(bar.start, left)
            found[at][bar.engine] = found[at].get(bar.engine, 0.0) + max(0.0, covered)
    top = [max(f, key=lambda name: f[name], default="") for f in found]
    return [name if name and f[name] >= step / 2 else "" for name, f in zip(top, found, strict=True)]


def stack(parts: Sequence[tuple[str, float]], columns_each: float) -> list[str]:
    """Names repeated in proportion; rounding does not add up."""
    out: list[str] = []
    total = 0.0
    for name, value in parts:
        total += value
        out += [name] * (round(total * columns_each) - len(out))
    return out
