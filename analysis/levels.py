"""How full FIFOs are over a window: as kept, or in bins where there is too much of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.bins import extremes, spread
from analysis.kept_run import KeptRun, Window

MOST = 40_000  # levels in a window, of all FIFOs
BINS = 1_000  # over a window with more


@dataclass(frozen=True)
class Track:
    """One FIFO: from `times[i]` to `times[i + 1]` (ps) between `low[i]` and `high[i]`, on average `mean[i]`."""

    name: str
    capacity: int
    times: npt.NDArray[Any]
    low: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    high: npt.NDArray[np.int64]

    @property
    def peak(self) -> int:
        return int(self.high.max())

    @property
    def average(self) -> float:
        return float((self.mean * np.diff(self.times)).sum() / (self.times[-1] - self.times[0]))


def tracks(run: KeptRun, window: Window) -> tuple[list[Track], int]:
    """All FIFOs that were gauged, and the width of a bin in ps: 0 where levels are as they were kept."""
    begin, end = window
    found = [_kept(run, name, window) for name in run.fifos]
    if sum(len(track.high) for track in found) <= MOST:
        return found, 0
    return binned(run, window, BINS), (end - begin) // BINS


def binned(run: KeptRun, window: Window, bins: int) -> list[Track]:
    """All FIFOs that were gauged, in equal bins."""
    edges = np.linspace(*window, bins + 1)
    found = []
    for name, capacity in run.fifos.items():
        levels = run.levels(name, *window)
        low, high = extremes(levels.start, levels.end, levels.low, levels.high, edges)
        lasts = levels.end - levels.start
        mean = spread(levels.start, levels.end, levels.mean * lasts, edges) / np.diff(edges)
        found.append(Track(name, capacity, edges, low, mean, high))
    return found


def _kept(run: KeptRun, name: str, window: Window) -> Track:
    begin, end = window
    levels = run.levels(name, begin, end)
    # behind each level none, which lasts until the next: not at all within a call
    times = np.concatenate(([begin], np.column_stack((levels.start, levels.end)).ravel(), [end]))
    times = times.clip(begin, end)
    some = np.append(np.diff(times) > 0, True)

    def stepped(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.append(0, np.column_stack((values, np.zeros_like(values))).ravel())[some[:-1]]

    low, mean, high = (stepped(values) for values in (levels.low, levels.mean, levels.high))
    return Track(name, run.fifos[name], times[some], low, mean, high)
