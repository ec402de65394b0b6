"""Where time and energy go, and how busy engines and ports are: the report's figures as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.kept_run import KeptRun
from analysis.plots.style import (
    COMPUTE,
    FAINT,
    HOST,
    INK,
    OTHER,
    READ,
    WAIT,
    WIDTH,
    WRITE,
    figure,
    fill,
    legend,
    percent,
    spell,
    spell_joules,
    spell_share,
)
from tlm.units import MS

PARTS = {"compute": COMPUTE, "waiting for memory": WAIT, "filling, draining, dependent steps": OTHER}
HEAD, FOOT, GAP = 1.0, 0.5, 0.75  # inches
ROW, THIN = 0.27, 0.17  # inches a bar of a call or an engine, of a port
LEFT, RIGHT = 1.75, 1.5  # inches beside the bars, for names and numbers
SMALL = 0.001  # of all energy: less is added up


def latency(run: KeptRun) -> Figure:
    """Time by engine, kind of call and shape, divided as the report divides it; and between the calls."""
    told = run.report
    calls = told["calls"]
    rows = [_parts(c, c["share"] * told["latency_ms"]) for c in calls]
    host = told["host"]["share"] * told["latency_ms"]
    names = [c["kind"] for c in calls] + ["between calls"]
    counts = [f"{c['calls']:,} x" for c in calls] + [""]
    total = HEAD + ROW * len(names) + FOOT
    drawn = figure(total, f"{run.name}: latency", f"{told['latency_ms']:,.4g} ms by kind of call")
    axes = _axes(drawn, total, total - HEAD, ROW * len(names), left=LEFT + 0.6)
    _stack(axes, np.array([*rows, [0, 0, 0]]), list(PARTS.values()))
    axes.barh(len(rows), host, height=0.72, **fill(HOST))
    ends = [sum(row) for row in rows] + [host]
    axes.set_xlim(0, max(ends) * 1.02)
    for row, (end, count) in enumerate(zip(ends, counts, strict=True)):
        axes.annotate(f"{spell(end * MS)}, {spell_share(end / told['latency_ms'])}", (end, row), (5, 0),
                      textcoords="offset points", va="center_baseline", size=8, color=INK)  # fmt: skip
        axes.annotate(count, (0, row), (-6, 0), textcoords="offset points", ha="right", va="center_baseline",
                      size=8, color=FAINT)  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", pad=42, length=0)
    axes.set_xlabel("ms")
    legend(axes, {**PARTS, "host": HOST})
    return drawn


def utilization(run: KeptRun) -> Figure:
    """Shares of the time in which engines are busy, and words per busy cycle of their ports."""
    told = run.report
    engines = [name for name in run.engines if name in told["engines"]]
    by_engine = {name: np.zeros(3) for name in engines}
    for calls in told["calls"]:
        by_engine[calls["engine"]] += _parts(calls, calls["share"])
    ports = [
        (f"{name}.{port}", of["utilization"], of["command"])
        for name in engines
        for port, of in told["engines"][name]["ports"].items()
    ]
    high, low = ROW * (len(engines) + 1), THIN * len(ports)
    total = HEAD + high + FOOT + (GAP + low if ports else 0)
    busiest = max(engines, key=lambda name: told["engines"][name]["share"])
    drawn = figure(
        total,
        f"{run.name}: utilization",
        f"{told['latency_ms']:,.4g} ms, {busiest} is busiest of the engines",
    )
    axes = _axes(drawn, total, total - HEAD, high)
    shares = [by_engine[name] for name in engines]
    _stack(axes, np.array([*shares, [0, 0, 0]]), list(PARTS.values()))
    host = told["host"]["share"]
    axes.barh(len(engines), host, height=0.72, **fill(HOST))
    _values(axes, [*(told["engines"][name]["share"] for name in engines), host])
    axes.set_yticks(range(len(engines) + 1), [*engines, "host, between calls"])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of the latency")
    percent(axes.xaxis)
    legend(axes, {**PARTS, "host": HOST})
    if ports:
        below = _axes(drawn, total, total - HEAD - high - GAP, low)
        colours = [READ if command == "read" else WRITE for _, _, command in ports]
        for row, ((_, share, _), colour) in enumerate(zip(ports, colours, strict=True)):
            below.barh(row, share, height=0.72, **fill(colour))
        _values(below, [share for _, share, _ in ports], size=7)
        below.set_yticks(range(len(ports)), [name for name, _, _ in ports], size=7)
        below.tick_params(axis="y", length=0)
        below.set_ylim(len(ports) - 0.5, -0.5)
        below.set_xlim(0, max(1e-9, *(share for _, share, _ in ports)) * 1.08)
        below.set_xlabel("words per cycle in which the engine is busy")
        percent(below.xaxis)
        below.grid(axis="x", linewidth=0.5)
        legend(below, {"reads": READ, "writes": WRITE})
    return drawn


def energy(run: KeptRun) -> Figure:
    """Energy by action and by owner. Raises ValueError for a run without."""
    spent = run.report["energy"]
    if spent is None:
        raise ValueError("the platform has no section energy")
    parts = {"by action": spent["by_action_j"], "by owner": spent["by_owner_j"]}
    shown = {title: _large(joules) for title, joules in parts.items()}
    total = HEAD + ROW * max(map(len, shown.values())) + FOOT
    told = f"{run.report['energy_j']:.4g} J, {run.report['power_w']:.4g} W on average"
    if spent["dram_j"] is not None:
        told += f"; the DRAM devices' {spent['dram_j']:.3g} J apart"
    drawn = figure(total, f"{run.name}: energy", told)
    side = WIDTH / 2
    for column, (title, joules) in enumerate(shown.items()):
        high = ROW * len(joules)
        axes = _axes(drawn, total, total - HEAD, high, left=column * side + 1.25, width=side - 2.55)
        values = np.array(list(joules.values()))
        unit, name = (1, "J") if values.max() >= 2 else (1e-3, "mJ")
        axes.barh(range(len(values)), values / unit, height=0.72, color=COMPUTE if column else WAIT)
        for row, value in enumerate(values):
            text = f"{spell_joules(value)}, {spell_share(value / values.sum())}"
            axes.annotate(text, (value / unit, row), (5, 0), textcoords="offset points", va="center_baseline",
                          size=8, color=INK)  # fmt: skip
        axes.set_yticks(range(len(values)), list(joules))
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set_xlabel(name)
        axes.set_title(title)
        axes.grid(axis="x", linewidth=0.5)
    return drawn


def _parts(calls: Mapping[str, Any], amount: float) -> np.ndarray:
    """`amount` divided by what the report says of calls: compute, waits, other."""
    cycles = calls["cycles"]
    if not cycles:
        return np.array([0.0, 0.0, amount])
    working, other = min(calls["compute_cycles"], cycles), calls["other_cycles"]
    return np.array([working, cycles - working - other, other]) * amount / cycles


def _large(joules: Mapping[str, float]) -> dict[str, float]:
    """The parts that can be seen, the largest first; the others together."""
    total = sum(joules.values())
    order = sorted(joules, key=lambda name: -joules[name])
    large = {name: joules[name] for name in order if joules[name] >= SMALL * total}
    if rest := [name for name in order if name not in large]:
        large[f"{len(rest)} others" if len(rest) > 1 else rest[0]] = sum(joules[name] for name in rest)
    return large


def _axes(
    drawn: Figure, total: float, top: float, height: float, left: float = LEFT, width: float | None = None
) -> Axes:
    """Axes from `top` downwards; all in inches."""
    across = WIDTH - left - RIGHT if width is None else width
    return drawn.add_axes((left / WIDTH, (top - height) / total, across / WIDTH, height / total))


def _stack(axes: Axes, rows: np.ndarray, colours: Sequence[str]) -> None:
    left = np.zeros(len(rows))
    for part, colour in zip(rows.T, colours, strict=True):
        axes.barh(range(len(rows)), part, left=left, height=0.72, **fill(colour))
        left += part
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", linewidth=0.5)


def _values(axes: Axes, shares: Sequence[float], size: float = 8) -> None:
    for row, share in enumerate(shares):
        axes.annotate(spell_share(share), (share, row), (5, 0), textcoords="offset points", va="center_baseline",
                      size=size, color=INK)  # fmt: skip
