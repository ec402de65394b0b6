"""Amounts over time, in bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]


def spread(start: Numbers, end: Numbers, amount: Numbers, edges: Numbers) -> npt.NDArray[np.float64]:
    """What of each amount, evenly spread from its start to its end, falls into each of the equal bins.

    Bin i lasts from `edges[i]` to `edges[i + 1]`; what lies outside all bins is left out.
    """
    bins = len(edges) - 1
    width = (edges[-1] - edges[0]) / bins
    first = np.clip(((start - edges[0]) // width).astype(np.int64), 0, bins - 1)
    last = np.clip(((end - edges[0]) // width).astype(np.int64), 0, bins - 1)
    # a bin that rounding put one too far has no overlap and takes nothing
    first, last = np.maximum(first - 1, 0), np.minimum(last + 1, bins - 1)
    touched = last - first + 1
    which = np.repeat(np.arange(len(touched)), touched)
    at = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(touched) - touched, touched)
    overlap = np.minimum(end[which], edges[at + 1]) - np.maximum(start[which], edges[at])
    share = overlap.clip(min=0) / (end - start)[which]
    return np.bincount(at, weights=amount[which] * share, minlength=bins).astype(np.float64)


def extremes(
    start: Numbers, end: Numbers, low: Numbers, high: Numbers, edges: Numbers
) -> tuple[Numbers, Numbers]:
    """The lowest and the highest in each bin, from `edges[i]` to `edges[i + 1]`, of what lies between `low` and
    `high` from each start to its end; 0 where nothing is. The parts follow each other."""
    times = np.column_stack((start, end)).ravel()
    before = np.array([min(edges[0], times[0]) - 1 if len(times) else edges[0]])
    at = np.concatenate((before, times))
    lasts = np.append(np.diff(at) > 0, True)
    spans = np.column_stack(
        (np.searchsorted(at[lasts], edges[:-1], "right") - 1, np.searchsorted(at[lasts], edges[1:], "left"))
    ).ravel()
    found = []
    for extreme, values in ((np.minimum, low), (np.maximum, high)):
        steps = np.concatenate(([0], np.column_stack((values, np.zeros_like(values))).ravel()))[lasts]
        found.append(extreme.reduceat(np.append(steps, 0), spans)[::2])
    return found[0], found[1]
