"""How full FIFOs and buffers are over time: a strip each, filled to the lowest and the highest level."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.kept_run import KeptRun, Window, owner
from analysis.levels import Track, binned
from analysis.plots.style import DPI, FAINT, INK, WIDTH, figure, spell, time_unit
from tlm.gauge import BINS

LEFT, RIGHT = 2.35, 2.05  # inches beside the strips: names; peak, depth and mean
STRIP, GAP, APART = 0.3, 0.1, 0.12  # inches a strip, between strips, more between engines
HEAD, FOOT = 1.0, 0.5
LOW, HIGH, LINE = "#5a9fd0", "#bdd7ee", "#08306b"  # of different lightness: told apart in grey
DEPTH: Any = {"color": INK, "linewidth": 0.8, "linestyle": (0, (4, 3))}
DEEP = 3  # a strip reaches to the depth if the peak is a third of it or more, else to the peak
COLUMNS = int((WIDTH - LEFT - RIGHT) * DPI / 2)


def fifo(run: KeptRun, window: Window | None = None, what: str = "") -> Figure:
    """The window (ps) of a run, or all of it; `what` names the window in the title."""
    begin, end = window or (0, run.elapsed)
    shown = [track for track in binned(run, (begin, end), COLUMNS) if track.high.any()]
    gaps = [GAP + APART * (owner(a.name) != owner(b.name)) for a, b in pairwise(shown)]
    height = STRIP * max(1, len(shown)) + sum(gaps)
    total = HEAD + height + FOOT
    unit, unit_name = time_unit(end - begin)
    told = f"{len(shown)} of {len(run.fifos)} FIFOs hold something"
    if window:
        told = f"{begin / unit:,.3f} to {end / unit:,.3f} {unit_name} of {spell(run.elapsed)}, {told}"
    drawn = figure(total, f"{run.name}: FIFO levels{', ' if what else ''}{what}", told)
    axes = drawn.add_axes((LEFT / WIDTH, FOOT / total, (WIDTH - LEFT - RIGHT) / WIDTH, height / total))
    axes.set_xlim(begin / unit, end / unit)
    axes.set_ylim(0, height)  # inches
    axes.set_yticks([])
    axes.set_xlabel(f"time since the run's start ({unit_name})")
    if not shown:
        axes.text(0.5, 0.5, "nothing in any FIFO", transform=axes.transAxes, ha="center", va="center")
    floor = height - STRIP
    for strip, gap in zip(shown, [*gaps, 0.0], strict=False):
        _strip(axes, strip, unit, floor)
        floor -= STRIP + gap
    about = f"within {BINS}ths of a call; without a line for the depth a strip reaches to its peak"
    handles = [
        Patch(facecolor=LOW, label="always held"),
        Patch(facecolor=HIGH, label="held at times"),
        Line2D([], [], color=LINE, linewidth=1, label="mean"),
        Line2D([], [], **DEPTH, label="depth"),
        Patch(facecolor="none", label=about),
    ]
    above: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (0, 1.0),
        "borderaxespad": 0.9,
        "borderpad": 0,
    }
    axes.legend(handles=handles, ncols=5, fontsize=8, handlelength=1.6, columnspacing=1.2, **above)
    return drawn


def _strip(axes: Axes, strip: Track, unit: float, floor: float) -> None:
    """From `floor` upwards, in inches."""
    edges = strip.times / unit
    top = strip.capacity if strip.peak * DEEP >= strip.capacity else strip.peak
    low, mean, high = (floor + values * (STRIP / top) for values in (strip.low, strip.mean, strip.high))
    for values, baseline, colour in ((high, low, HIGH), (low, np.full_like(low, floor), LOW)):
        above, below, at = _changes(edges, values, baseline)
        axes.stairs(above, at, baseline=below, fill=True, color=colour, linewidth=0)
    line, at = _changes(edges, mean)
    axes.stairs(line, at, baseline=None, color=LINE, linewidth=0.8)
    axes.axhline(floor, color=FAINT, linewidth=0.8)
    if top == strip.capacity:
        axes.axhline(floor + STRIP, **DEPTH)
    told = f"peak {strip.peak:,} of {strip.capacity:,}, mean {_spell(strip.average)}"
    across = axes.get_yaxis_transform()
    for x, y, text, size, colour in (
        (-30, STRIP / 2, strip.name, 8, INK),
        (-3, 0, "0", 6, FAINT),
        (-3, STRIP, f"{top:,}", 6, FAINT),
        (6, STRIP / 2, told, 8, INK),
    ):
        axes.annotate(text, (float(x > 0), floor + y), (x, 0), xycoords=across, textcoords="offset points",
                      ha="left" if x > 0 else "right", va="center", size=size, color=colour,
                      annotation_clip=False)  # fmt: skip


def _changes(edges: npt.NDArray[np.float64], *values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    """Each of `values` where any of them changes, and the edges there: neighbours that are equal become one bin."""
    new = np.append(True, np.any([np.diff(v) != 0 for v in values], axis=0))
    return *(v[new] for v in values), np.append(edges[:-1][new], edges[-1])


def _spell(level: float) -> str:
    if level < 0.001:
        return "<0.001"
    return f"{level:,.0f}" if level >= 100 else f"{level:.3g}"
