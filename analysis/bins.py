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
