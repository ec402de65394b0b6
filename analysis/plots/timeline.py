"""Engines as lanes, calls as bars; below them bandwidth over time, of the memory and of every port."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from analysis.kept_run import KeptRun, Traffic, Window
from analysis.palette import colours, short
from analysis.plots.lanes import BETWEEN, Lane, lanes
from analysis.plots.style import (
    DPI,
    FAINT,
    HOST,
    INK,
    READ,
    WIDTH,
    WRITE,
    figure,
    ink,
    legend,
    spell,
    time_unit,
)  # fmt: skip
from tlm.trace import POLL, SETUP

LEFT, RIGHT = 1.35, 0.95  # inches beside the axes: names of tracks and ports, the scale of the ports
LANE, ROW, MEMORY = 0.3, 0.155, 1.25  # inches a lane, a port, the memory's bandwidth
HEAD, GAP, FOOT = 0.92, 0.42, 0.5
BAR = 0.42  # half the height of a bar in lanes
LETTER = 0.062  # inches a letter of a bar's name takes
RIM = 0.06  # inches of a bar that has an edge
HOSTS = {BETWEEN: HOST, SETUP: HOST, POLL: "#e2e2e2"}  # kinds of time on a host's lane
COLUMNS = int((WIDTH - LEFT - RIGHT) * DPI / 2)
PORTS = LinearSegmentedColormap.from_list("ports", ["#ffffff", "#9ecae1", "#2166ac", "#08213f"])


def timeline(run: KeptRun, window: Window | None = None, what: str = "") -> Figure:
    """The window (ps) of a run, or all of it; `what` names the window in the title."""
    begin, end = window or (0, run.elapsed)
    drawn_lanes = lanes(run, (begin, end), COLUMNS)
    traffic = run.traffic(COLUMNS, begin, end)
    ports = [port for port, moved in traffic.ports.items() if moved.sum()]
    heights = [len(drawn_lanes) * LANE]
    if any(moved.sum() for moved in traffic.memories.values()):
        heights += [MEMORY] * len(run.memories)
    if ports:
        heights.append(len(ports) * ROW)
    total = HEAD + sum(heights) + GAP * (len(heights) - 1) + FOOT
    calls = sum(lane.calls for lane in drawn_lanes if lane.track in run.engines)
    unit, unit_name = time_unit(end - begin)
    told = f"{calls:,} call{'s' * (calls != 1)}, {spell(run.elapsed)} in all"
    if window:
        told = f"{begin / unit:,.3f} to {end / unit:,.3f} {unit_name}, {told}"
    drawn = figure(total, f"{run.name}{': ' if what else ''}{what}", told)
    axes: list[Axes] = []
    top = total - HEAD
    for height in heights:
        box = (LEFT / WIDTH, (top - height) / total, (WIDTH - LEFT - RIGHT) / WIDTH, height / total)
        axes.append(drawn.add_axes(box, sharex=axes[0] if axes else None))
        top -= height + GAP
    _lanes(axes[0], drawn_lanes, (begin, end), unit)
    if ports:
        _ports(drawn, axes.pop(), run, traffic, ports, (begin, end), unit)
        panels = drawn.axes[:-1]
    else:
        panels = drawn.axes
    for memory, panel in zip(run.memories, axes[1:], strict=False):
        _memory(panel, run, traffic, memory, unit)
    for panel in panels:
        panel.tick_params(labelbottom=panel is panels[-1])
        panel.set_xlim(begin / unit, end / unit)
    panels[-1].set_xlabel(f"time since the run's start ({unit_name})")
    return drawn


def _lanes(axes: Axes, drawn: Sequence[Lane], window: Window, unit: float) -> None:
    begin, end = window
    kinds = list(dict.fromkeys(kind for lane in drawn for kind in lane.kinds))
    known = colours(kinds)
    palette = {kind: HOSTS.get(kind) or known[kind] for kind in kinds}
    edges = np.linspace(begin, end, COLUMNS + 1) / unit
    inches = (WIDTH - LEFT - RIGHT) / (end - begin)
    for row, lane in enumerate(drawn):
        base = np.full(COLUMNS, row + BAR)  # y grows downwards
        for kind in sorted(lane.density):
            above = base - 2 * BAR * lane.density[kind]
            axes.stairs(above, edges, baseline=base, fill=True, color=palette[kind], linewidth=0)
            base = above
        for kind in sorted({bar.kind for bar in lane.bars}):
            found = [bar for bar in lane.bars if bar.kind == kind]
            ranges = [(bar.start / unit, (bar.end - bar.start) / unit) for bar in found]
            # a white edge tells neighbours apart where there is room for it
            rims = [0.6 if (bar.end - bar.start) * inches > RIM else 0 for bar in found]
            axes.broken_barh(
                ranges, (row - BAR, 2 * BAR), facecolor=palette[kind], edgecolor="white", linewidths=rims
            )
        for bar in lane.bars:
            low, high = max(bar.start, begin), min(bar.end, end)
            name = bar.name.rpartition(".")[2]
            if bar.kind not in HOSTS and (high - low) * inches > LETTER * (len(name) + 1):
                axes.text((low + high) / 2 / unit, row, name, size=7, ha="center", va="center_baseline",
                          color=ink(palette[bar.kind]), clip_on=True)  # fmt: skip
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set_yticks(range(len(drawn)), [lane.track for lane in drawn])
    axes.tick_params(axis="y", length=0)
    axes.set_yticks([row + 0.5 for row in range(len(drawn) - 1)], minor=True)
    axes.tick_params(axis="y", which="minor", length=0)
    axes.grid(axis="y", which="minor", linewidth=0.5)
    legend(axes, {short(kind): colour for kind, colour in palette.items()})


def _memory(axes: Axes, run: KeptRun, traffic: Traffic, memory: str, unit: float) -> None:
    edges = traffic.edges / unit
    reads, writes = (traffic.rate(moved[memory]) / 1e9 for moved in (traffic.reads, traffic.writes))
    total = reads + writes
    for low, high, colour in ((reads * 0, reads, READ), (reads, total, WRITE)):
        axes.stairs(high, edges, baseline=low, fill=True, color=colour, linewidth=0)
    top = total.max()
    peak = run.report["traffic"]["memories"].get(memory, {}).get("peak_bytes_per_s")
    named = {f"read, {reads.mean():.2f} GB/s on average": READ, f"written, {writes.mean():.2f} GB/s": WRITE}
    if peak:
        told = f"peak {peak / 1e9:.4g} GB/s"
        if top > peak / 1e9 / 3:
            axes.axhline(peak / 1e9, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            top = max(top, peak / 1e9)
        axes.text(1, 1.02, told, transform=axes.transAxes, ha="right", va="bottom", size=8, color=FAINT)
    axes.set_ylim(0, top * 1.06 or 1)
    axes.set_ylabel(f"{memory}\nGB/s")
    axes.yaxis.set_label_coords(-0.06, 0.5)
    axes.grid(axis="y", linewidth=0.5)
    legend(axes, named, fontsize=8)


def _ports(
    drawn: Figure,
    axes: Axes,
    run: KeptRun,
    traffic: Traffic,
    ports: Sequence[str],
    window: Window,
    unit: float,
) -> None:
    shares = np.array([traffic.rate(traffic.ports[port]) / peak(run, port) for port in ports])
    image = axes.imshow(
        shares, cmap=PORTS, norm=PowerNorm(0.5, 0, 1), aspect="auto", interpolation="nearest",
        extent=(window[0] / unit, window[1] / unit, len(ports) - 0.5, -0.5),
    )  # fmt: skip
    axes.set_yticks(range(len(ports)), ports, size=7)
    axes.tick_params(axis="y", length=0)
    owners = [port.partition(".")[0] for port in ports]
    for row, (owner, after) in enumerate(pairwise(owners)):
        if owner != after:
            axes.axhline(row + 0.5, color="#c9c9c9", linewidth=0.6)
    axes.set_title("Ports, words per cycle", size=8, weight="normal", color=INK, pad=3)
    box = axes.get_position()
    high = min(box.height, 1.6 / drawn.get_figheight())
    scale = drawn.add_axes((1 - 0.78 / WIDTH, box.y1 - high, 0.13 / WIDTH, high))
    inches = high * drawn.get_figheight()
    marks = [0, 0.01, 0.1, 0.25, 0.5, 1] if inches > 0.9 else [0, 0.25, 1] if inches > 0.4 else [0, 1]
    bar = drawn.colorbar(image, cax=scale, ticks=marks)
    bar.ax.set_yticklabels([f"{mark:g}" for mark in marks], size=7)
    bar.outline.set_linewidth(0.4)


def peak(run: KeptRun, port: str) -> float:
    """Bytes a second of a port that moves a word in every cycle."""
    clock = run.clock(port.partition(".")[0])
    word = next(p.bytes // p.beats for s in run.spans if s.record for p in s.record.ports if p.port == port)
    return word * clock.hz if clock else 0.0
