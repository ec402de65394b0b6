"""Latency and energy against resolution, and how much better than the baselines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.plots.style import FAINT, INK, WIDTH, figure
from analysis.resolution import Scaling

OURS = ("#2b1d7a", "o", "-")
# colour, marker and line tell them apart, each without the others
THEIRS = (("#d4603a", "s", "-"), ("#2fa893", "^", "-"), ("#e08a5f", "s", ":"), ("#86d3c6", "^", ":"))
HIGH, HEAD, FOOT, GAP = 2.75, 1.15, 0.55, 0.85  # inches
LEFT, BETWEEN, RIGHT = 0.75, 1.45, 0.85


def resolution(scaling: Scaling) -> Figure:
    """Four panels: latency, energy, speed-up and energy ratio over the baselines, with their means."""
    total = HEAD + 2 * HIGH + GAP + FOOT
    sides = [sample.side for sample in scaling.samples]
    drawn = figure(
        total, f"ViM {scaling.model} on {scaling.platform}: scaling with resolution",
        "one image; models of all platforms, not measurements",
    )  # fmt: skip
    names = list(scaling.baselines)
    looks = dict(
        zip(
            [scaling.platform, *names],
            (OURS, *(THEIRS[i % len(THEIRS)] for i in range(len(names)))),
            strict=True,
        )
    )
    all_samples = {scaling.platform: scaling.samples, **scaling.baselines}
    across = (WIDTH - LEFT - BETWEEN - RIGHT) / 2
    boxes = [
        (
            (LEFT + column * (across + BETWEEN)) / WIDTH,
            (FOOT + (1 - row) * (HIGH + GAP)) / total,
            across / WIDTH,
            HIGH / total,
        )
        for row in (0, 1)
        for column in (0, 1)
    ]
    latency, joules, faster, less = (drawn.add_axes(box) for box in boxes)
    for name, samples in all_samples.items():
        _line(latency, sides, [s.latency_s * 1e3 for s in samples], looks[name], name)
        spent = [s.energy_j for s in samples if s.energy_j is not None]
        if len(spent) == len(sides):
            _line(joules, sides, spent, looks[name], name)
    for name in names:
        _line(faster, sides, scaling.speedups(name), looks[name], name)
        if (ratios := scaling.energy_ratios(name)) is not None:
            _line(less, sides, ratios, looks[name], name)
    _finish(latency, sides, "Latency", "ms")
    _finish(joules, sides, "Energy", "J")
    _finish(faster, sides, f"Speed-up of {scaling.platform} (at the right: mean)", "x")
    _finish(less, sides, f"Energy of a baseline / of {scaling.platform} (at the right: mean)", "x")
    handles, labels = latency.get_legend_handles_labels()
    drawn.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.2 / WIDTH, 1 - 0.6 / total),
                 ncols=len(labels), fontsize=8.5, handlelength=2.4)  # fmt: skip
    return drawn


def _line(
    axes: Axes, sides: Sequence[int], values: Sequence[float], look: tuple[str, str, str], name: str
) -> None:
    colour, marker, line = look
    axes.plot(
        sides, values, color=colour, marker=marker, linestyle=line, markersize=5, linewidth=1.5, label=name
    )


def _finish(axes: Axes, sides: Sequence[int], title: str, unit: str) -> None:
    """Axes from one, values at the lines' ends: the last value, of ratios the mean."""
    ratios = unit == "x"
    axes.set_yscale("log")
    ends = []
    for line in axes.lines:
        values = np.asarray(line.get_ydata(), dtype=float)
        ends.append((float(values[-1]), float(values.mean()) if ratios else float(values[-1])))
    if ratios:
        axes.axhline(1, color=FAINT, linewidth=0.8)
    low, high = axes.get_ylim()
    gap = np.log10(high / low) * 0.055
    at = -np.inf
    for value, shown in sorted(ends):
        at = max(at + gap, np.log10(value))
        text = f"{shown:.3g} {unit}" if not ratios else f"{shown:.3g}{unit}"
        axes.annotate(text, (sides[-1], 10**at), (8, 0), textcoords="offset points", size=8, va="center", color=INK,
                      annotation_clip=False)  # fmt: skip
    axes.set_xticks(sides, [str(side) for side in sides])
    axes.set_xlabel("pixels a side")
    axes.set_title(title)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{' ' * (not ratios)}{unit}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.grid(linewidth=0.5)
