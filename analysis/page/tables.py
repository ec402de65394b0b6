"""The tables of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.resources import KINDS, amount, verdict

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A text, what to sort it by, and which part of the cell to fill."""

    text: str
    value: str | float = ""
    part: float | None = None


@dataclass(frozen=True)
class Table:
    """The first `texts` columns are texts, all others numbers."""

    title: str
    columns: Sequence[str]
    texts: int
    rows: Sequence[Sequence[Cell]]
    note: str = ""


def tables(told: Report) -> list[Table]:
    """Those that have rows."""
    return [
        table for table in (*_calls(told), *_traffic(told), _resources(told), _baselines(told)) if table.rows
    ]


def _calls(told: Report) -> Iterator[Table]:
    ports = {
        name: {
            c: [p["utilization"] for p in of["ports"].values() if p["command"] == c]
            for c in ("read", "write")
        }
        for name, of in told["engines"].items()
    }
    rows = [
        [
            text(name), count(of["calls"]), count(of["busy_cycles"]), share(of["share"]),
            share(of["compute_utilization"]), share(max(ports[name]["read"], default=None)),
            share(max(ports[name]["write"], default=None)),
        ]
        for name, of in told["engines"].items()
    ]  # fmt: skip
    host = told["host"]
    rows.append(
        [text("host, between calls"), Cell(""), count(host["cycles"]), share(host["share"]), *[Cell("")] * 3]
    )
    yield Table(
        "Engines", ("engine", "calls", "busy cycles", "share", "compute", "reads", "writes"), 1, rows,
        "share of the latency; compute: cycles in which the busiest stage works; reads and writes: beats of the "
        "busiest port; the last three of busy cycles",
    )  # fmt: skip
    rows = []
    for of in told["calls"]:
        n = of["calls"]
        waits = sorted(of["waits"].items(), key=lambda item: -item[1])
        worst = [f"{port.partition('.')[2]} {wait / n:,.0f}" for port, wait in waits if wait / n >= 1]
        rows.append(
            [
                text(of["kind"]), text(of["engine"]), text(", ".join(worst[:2])), count(n), count(of["cycles"] / n),
                share(of["share"]), count(of["compute_cycles"] / n), count(sum(of["waits"].values()) / n),
                count(of["other_cycles"] / n),
            ]
        )  # fmt: skip
    yield Table(
        "Calls",
        ("call", "engine", "waits for memory on", "calls", "cycles a call", "share", "compute", "waits", "other"),
        3, rows,
        "compute, waits, other: cycles a call; other is loading, filling, draining, steps that depend on each other",
    )  # fmt: skip
    rows = [
        [
            text(f"{engine}.{name}"), text(port["command"]), count(port["beats"]), count(port["bursts"]),
            Cell(f"{port['beats'] / port['bursts']:.1f}", port["beats"] / port["bursts"]),
            share(port["utilization"]), count(port["wait_cycles"]),
        ]
        for engine, of in told["engines"].items()
        for name, port in of["ports"].items()
    ]  # fmt: skip
    yield Table(
        "Ports", ("port", "command", "beats", "bursts", "beats a burst", "utilization", "wait cycles"), 2, rows,
        "utilization: beats of busy cycles; wait: cycles that calls ended later for the port",
    )  # fmt: skip


def _traffic(told: Report) -> Iterator[Table]:
    rows = [
        [
            text(name), number(m["read_bytes"] / 1e6, 1), number(m["write_bytes"] / 1e6, 1),
            number(m["achieved_bytes_per_s"] / 1e9, 2),
            number(m["peak_bytes_per_s"] and m["peak_bytes_per_s"] / 1e9, 2), share(m["utilization"]),
        ]
        for name, m in told["traffic"]["memories"].items()
    ]  # fmt: skip
    yield Table("Memories", ("memory", "MB read", "MB written", "GB/s", "peak GB/s", "utilization"), 1, rows)
    rows = [
        [
            text(name), share(d["row_hits"]), share(d["row_misses"]), share(d["row_conflicts"]), share(d["data_bus"]),
            share(d["wanted"]), share(d["refresh"]), share(d["turnaround"]), count(d["turns"]),
        ]
        for name, m in told["traffic"]["memories"].items()
        if (d := m.get("dram"))
    ]  # fmt: skip
    yield Table(
        "DRAM",
        ("memory", "hits", "misses", "conflicts", "data", "asked for", "refresh", "turnaround", "turns"), 1, rows,
        "hits, misses, conflicts: of column commands; data, refresh, turnaround: of the time; asked for: of the data",
    )  # fmt: skip
    rows = [
        [
            text(name), number(link["read_bytes"] / 1e6, 1), number(link["write_bytes"] / 1e6, 1),
            share(link["read_utilization"]), share(link["write_utilization"]),
            number(link["read_wait_cycles"], 1), number(link["write_wait_cycles"], 1),
        ]
        for name, link in told["traffic"].get("links", {}).items()
    ]  # fmt: skip
    yield Table(
        "Ways to memory",
        ("to memory", "MB read", "MB written", "reads", "writes", "wait to read", "wait to write"), 1, rows,
        "reads, writes: share of what the width passes; wait: cycles of a burst until it is its turn",
    )  # fmt: skip
    energy = told["energy"] or {}
    for title, key in (("Energy by action", "by_action_j"), ("Energy by owner", "by_owner_j")):
        parts = energy.get(key, {})
        total = sum(parts.values())
        rows = [
            [text(what), number(joules * 1e3, 3), share(joules / total)]
            for what, joules in parts.items()
            if joules
        ]
        note = ""
        if key == "by_action_j" and energy.get("dram_j") is not None:
            note = (
                f"DRAM devices, outside the chip and not part of its energy: {energy['dram_j'] * 1e3:.4g} mJ."
            )
        yield Table(title, (title.split()[-1], "mJ", "share"), 1, rows, note)


def _resources(told: Report) -> Table:
    found = told.get("resources")  # runs kept by earlier versions have none
    kinds = (*KINDS, "memory_lut")
    rows, note = [], ""
    if found:
        named = {**found["by_component"], "together": found["total"]}
        rows = [
            [text(name), *(Cell(amount(takes[k]), takes[k]) for k in kinds)] for name, takes in named.items()
        ]
        if found["device"]:
            rows.append([text(f"of {found['board']}"), *(share(found["utilization"].get(k)) for k in kinds)])
        note = verdict(found) + " Interconnects, clocking and the processing system are not in it."
    columns = ("programmable logic", *KINDS.values(), "memory LUT")
    return Table("Resources", columns, 1, rows, note)


def _baselines(told: Report) -> Table:
    rows = [
        [
            text(name), text(of["description"]), number(of["latency_ms"], 2), number(of["power_w"], 1),
            number(of["energy_j"], 3), number(of["speedup"], 2), number(of["energy_ratio"], 1),
        ]
        for name, of in told["baselines"].items()
    ]  # fmt: skip
    columns = ("platform", "what it is", "latency ms", "power W", "energy J", "speed-up", "energy ratio")
    note = "speed-up: their latency over this one's; energy ratio: their energy over this one's"
    return Table("Compared with models of", columns, 2, rows, note)


def text(value: str) -> Cell:
    return Cell(value, value)


def number(value: float | None, digits: int) -> Cell:
    return Cell("-") if value is None else Cell(f"{value:,.{digits}f}", value)


def count(value: float | None) -> Cell:
    return number(value, 0)


def share(value: float | None) -> Cell:
    return Cell("-") if value is None else Cell(f"{value:.1%}", value, min(max(value, 0.0), 1.0))
