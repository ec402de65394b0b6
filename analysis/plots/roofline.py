"""Every call against what it cannot beat."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.kept_run import KeptRun
from analysis.palette import colours
from analysis.plots.style import DPI, FAINT, INK, WIDTH, figure, ink, percent
from analysis.roofline import Bound, bounds
from tlm.units import SECOND

HEIGHT, HEAD, FOOT = 6.6, 0.95, 0.55  # inches
ROW = 0.3  # inches a kind of call
CAUSES = {
    "compute": "its arithmetic",
    "port": "its busiest port",
    "path": "its link to memory",
    "memory": "memory",
}


def roofline(run: KeptRun) -> Figure:
    """Left, steps of arithmetic a second over steps a byte; right, how near each kind comes to its bound."""
    found = bounds(run)
    groups: dict[str, list[Bound]] = {}
    for bound in found:
        groups.setdefault(bound.label, []).append(bound)
    order = sorted(groups, key=lambda label: -sum(b.time for b in groups[label]))
    palette = colours(bound.kind for bound in found)
    high = max(HEIGHT, HEAD + ROW * len(order) + FOOT)
    least = sum(b.least for b in found) / run.elapsed
    drawn = figure(
        high,
        f"{run.name}: roofline",
        f"{len(found):,} calls; their bounds add up to {least:.1%} of the latency",
    )
    axes = drawn.add_axes((0.85 / WIDTH, FOOT / high, 5.25 / WIDTH, (high - HEAD - FOOT) / high))
    _roofs(drawn, axes, run, found, palette)
    numbers = {label: str(i + 1) for i, label in enumerate(order)}
    _points(axes, groups, order, numbers, palette)
    beside = drawn.add_axes(
        (9.3 / WIDTH, (high - HEAD - ROW * len(order)) / high, 1.3 / WIDTH, ROW * len(order) / high)
    )
    _reached(beside, groups, order, numbers, palette)
    return drawn


def _roofs(drawn: Figure, axes: Axes, run: KeptRun, found: Sequence[Bound], palette: dict[str, str]) -> None:
    """A slope for each memory with a peak, a level for the arithmetic of each engine."""
    computing = [b for b in found if b.steps and b.bytes]
    x = [b.steps / b.bytes for b in computing]
    y = [b.steps * SECOND / b.time for b in computing]
    roofs: dict[str, float] = {}  # of each kind, its fastest call's
    for bound in computing:
        if bound.causes["compute"]:
            rate = bound.steps * SECOND / bound.causes["compute"]
            roofs[bound.kind] = max(rate, roofs.get(bound.kind, 0.0))
    low, high = min(x) / 2, max(x) * 2.2
    bottom, top = min(y) / 3, max(max(y), *roofs.values()) * 2
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(bottom, top))
    axes.grid(linewidth=0.5)
    for name, memory in run.report["traffic"]["memories"].items():
        if peak := memory["peak_bytes_per_s"]:
            ends = np.array([low, high])
            axes.plot(ends, ends * peak, color=INK, linewidth=1.2)
            box = axes.get_position()
            width, height = WIDTH, drawn.get_figheight()
            rise = box.height * height / log10(top / bottom)
            across = box.width * width / log10(high / low)
            # two thirds up the slope's visible part, where no call can be
            first, last = max(low, bottom / peak), min(high, top / peak)
            start = first * (last / first) ** 0.62
            axes.annotate(f"{name}, {peak / 1e9:.4g} GB/s", (start, start * peak), (0, 4), color=INK, size=8,
                          textcoords="offset points", rotation=np.degrees(np.arctan2(rise, across)),
                          rotation_mode="anchor", ha="left", va="bottom")  # fmt: skip
    # kinds of one engine may share their roof
    named: dict[str, list[str]] = {}
    for kind, rate in roofs.items():
        named.setdefault(f"{rate:.3g}", []).append(kind)
    for kinds in named.values():
        if len(kinds) > 2:
            engine = next(b.engine for b in computing if b.kind == kinds[0])
            palette = {**palette, engine: INK}
            roofs[engine] = roofs[kinds[0]]
            roofs = {kind: rate for kind, rate in roofs.items() if kind not in kinds}
    shown = _apart({kind: log10(rate) for kind, rate in roofs.items()}, log10(top / bottom) * 0.032)
    for kind, rate in roofs.items():
        axes.plot(
            [low, high], [rate, rate], color=palette[kind], linewidth=1, linestyle=(0, (5, 2)), zorder=1
        )
        axes.annotate(f"{kind} {_rate(rate)}/s", (high, 10 ** shown[kind]), (4, 0), size=7.5, color=INK,
                      textcoords="offset points", va="center", annotation_clip=False)  # fmt: skip
    axes.set_xlabel("steps of arithmetic a byte moved")
    axes.set_ylabel("steps of arithmetic a second")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _rate(value)))
    axes.set_title("Rate of each call, roofs of its engine (dashed) and of the memory", size=9)


def _rate(steps: float) -> str:
    return f"{steps / 1e12:.3g} T" if steps >= 1e12 else f"{steps / 1e9:.3g} G"


def _points(
    axes: Axes,
    groups: dict[str, list[Bound]],
    order: Sequence[str],
    numbers: dict[str, str],
    palette: dict[str, str],
) -> None:
    """A point for every call, joined with its own bound; one of each kind of call with its number."""
    taken: list[tuple[float, float]] = []
    for label in order:
        calls = [b for b in groups[label] if b.steps and b.bytes]
        if not calls:
            continue
        points = sorted(
            {(b.steps / b.bytes, b.steps * SECOND / b.time, b.steps * SECOND / b.least) for b in calls}
        )
        colour = palette[calls[0].kind]
        x, y, best = np.array(points).T
        axes.vlines(x, y, best, color=colour, linewidth=1, zorder=2)
        axes.scatter(x, best, marker="_", s=40, color=colour, linewidth=1.2, zorder=2)
        axes.scatter(x, y, s=26, color=colour, edgecolor="white", linewidth=0.5, zorder=3)
        here = axes.transData.transform((x[0], y[0]))
        step = DPI * 0.15  # pixels between numbers
        shift = next(
            k
            for k in range(99)
            if all(np.hypot(here[0] + k * step - a, here[1] - b) > step for a, b in taken)
        )
        taken.append((here[0] + shift * step, here[1]))
        axes.annotate(numbers[label], tuple(axes.transData.inverted().transform(taken[-1])), (0, -7), size=7.5,
                      textcoords="offset points", ha="center", va="top", color=INK)  # fmt: skip


def _reached(
    axes: Axes, groups: dict[str, list[Bound]], order: Sequence[str], numbers: dict[str, str],
    palette: dict[str, str],
) -> None:  # fmt: skip
    for row, label in enumerate(order):
        calls = groups[label]
        time = sum(b.time for b in calls)
        share = sum(b.least for b in calls) / time
        colour = palette[calls[0].kind]
        axes.barh(row, share, height=0.7, color=colour)
        inside = share > 0.4
        axes.annotate(f"{share:.1%}", (share, row), (-4 if inside else 4, 0), textcoords="offset points", size=7.5,
                      ha="right" if inside else "left", va="center_baseline",
                      color=ink(colour) if inside else INK)  # fmt: skip
        axes.annotate(CAUSES[calls[0].cause], (1, row), (5, 0), textcoords="offset points", size=7.5, color=INK,
                      va="center_baseline", annotation_clip=False)  # fmt: skip
    names = [f"{label}   {numbers[label]}" for label in order]
    axes.set_yticks(range(len(order)), names, size=8)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    percent(axes.xaxis)
    axes.grid(axis="x", linewidth=0.5)
    axes.set_xlabel("least time / simulated time")
    axes.set_title("How near, and to which bound", size=9)
    axes.spines["left"].set_color(FAINT)


def _apart(levels: dict[str, float], gap: float) -> dict[str, float]:
    """Levels moved up until none is nearer than `gap` to another."""
    moved: dict[str, float] = {}
    for name in sorted(levels, key=lambda n: levels[n]):
        moved[name] = max(levels[name], max(moved.values(), default=-np.inf) + gap)
    return moved
