"""How full a FIFO or a buffer was during a call."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

BINS = 128  # of a call, at most
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Gauge:
    """Places, cycles of the engine's clock.

    `levels` has a row a bin of the call: the lowest and the highest level, and the sum of the levels of its
    cycles. `bin_edges` tells where the bins are.
    """

    name: str
    capacity: int
    peak: int
    mean: float
    full: int  # cycles with no place left
    empty: int
    levels: Integers = field(default_factory=lambda: np.empty((0, 3), np.int64), compare=False, repr=False)

    @classmethod
    def of(
        cls, name: str, capacity: int, pushed: npt.ArrayLike, popped: npt.ArrayLike, start: int, end: int
    ) -> Gauge:
        """From the cycles at which items come and go; one that comes and goes in the same cycle is never there."""
        comes, goes = np.asarray(pushed, np.int64), np.asarray(popped, np.int64)
        times = np.concatenate((comes, goes, [start, end]))
        order = np.argsort(times, kind="stable")
        changes = np.repeat(np.array([1, -1, 0]), (len(comes), len(goes), 2))
        times = np.minimum(np.maximum(times[order], start), end) - start
        lasts = np.diff(times)
        some = lasts > 0
        lasts, levels = lasts[some], np.cumsum(changes[order])[:-1][some]
        return cls(
            name,
            capacity,
            int(levels.max(initial=0)),
            float((levels * lasts).sum() / max(1, end - start)),
            int(lasts[levels >= capacity].sum()),
            int(lasts[levels <= 0].sum()),
            _binned(times[:-1][some], levels, lasts, end - start),
        )


def bin_edges(cycles: int, bins: int) -> Integers:
    """Where the bins of a call begin, and its end: cycles since its start."""
    return np.arange(bins + 1, dtype=np.int64) * cycles // bins


def _binned(at: Integers, levels: Integers, lasts: Integers, cycles: int) -> Integers:
    """`Gauge.levels` of a level that changes at the cycles `at` and then lasts so many."""
    edges = bin_edges(cycles, min(BINS, cycles)) if cycles else np.zeros(1, np.int64)
    first = np.searchsorted(at, edges, "right") - 1
    behind = np.searchsorted(at, edges, "left")
    spans = np.column_stack((first[:-1], behind[1:])).ravel()
    padded = np.append(levels, 0)  # the end of the last bin must be an index too
    so_far = np.cumsum(levels * lasts) - levels * lasts  # before each change
    sums = np.diff(so_far[first] + levels[first] * (edges - at[first])) if len(at) else edges[:-1]
    if not len(spans):
        return np.empty((0, 3), np.int64)
    low, high = (extreme.reduceat(padded, spans)[::2] for extreme in (np.minimum, np.maximum))
    return np.column_stack((low, high, sums))
