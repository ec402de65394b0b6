"""A comparison for people: sentences first, then tables and bars on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis import lanes, palette
from analysis.compare import HOST, SHARES, Comparison, Difference
from analysis.resources import KINDS
from analysis.subject import Subject

HEADING = 20  # letters of a column's heading
ROWS = 10  # kinds of calls shown
KEYS = 24  # keys shown one by one
NONE = "-"


def show(comparison: Comparison, layer: int = 0, console: Console | None = None) -> None:
    """Print a comparison; `layer` is the one whose calls are drawn."""
    # a pipe has no width of its own: wide enough that no cell is cut
    out = console or Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    for at, difference in enumerate(comparison.differences):
        if at:
            out.print()
        for line, text in enumerate(difference.summary):
            out.print(Text(text, style="bold" if line == 0 else ""))
    heads = _headings(comparison.subjects)
    _subjects(comparison, heads, out)
    _inputs(comparison, heads, out)
    if comparison.knobs:
        out.print()
        out.print(Text("Each knob on its own", style="bold"))
        for knob in comparison.knobs:
            out.print(Text(f"{knob.subject}: {knob}"))
    _outcome(comparison, heads, out)
    for difference in comparison.differences:
        if not difference.changed_nothing:
            _movers(difference, out)
            _resources(difference, out)
    _timeline(comparison.subjects, heads, layer, out)


def _table(left: Sequence[str], right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right")
    return table


def _print(out: Console, title: str, table: Table, definitions: str = "") -> None:
    out.print()
    out.print(Text(title, style="bold"))
    out.print(table)
    if definitions:
        out.print(Text(definitions, style="dim"))


def _headings(subjects: Sequence[Subject]) -> dict[str, str]:
    """What heads a run's columns: its label, a letter for each where labels are long."""
    labels = [s.label for s in subjects]
    if max(map(len, labels)) <= HEADING:
        return dict(zip(labels, labels, strict=True))
    return {label: ascii_uppercase[at % 26] for at, label in enumerate(labels)}


def _subjects(comparison: Comparison, heads: Mapping[str, str], out: Console) -> None:
    out.print()
    for subject in comparison.subjects:
        told = subject.report
        what = f"ViM {told['model']}, {told['resolution']} x {told['resolution']}, batch {told['batch']}"
        head = heads[subject.label]
        name = subject.label if head == subject.label else f"{head}  {subject.label}"
        out.print(Text(f"{name}: {what}, {told['memory'] or 'no memory model'}", style="dim"))


def _inputs(comparison: Comparison, heads: Mapping[str, str], out: Console) -> None:
    """Keys of a part that one side lacks become one row, and so do many bindings."""
    if not comparison.inputs:
        return
    labels = [s.label for s in comparison.subjects]
    table = _table(("key", *(heads[label] for label in labels), "from"))
    rows = _folded(comparison)
    for row in rows[:KEYS]:
        origins = dict.fromkeys(row[f"{label} origin"] for label in labels if row[f"{label} origin"])
        table.add_row(
            row["key"],
            *(NONE if row[label] is None else row[label] for label in labels),
            "; ".join(map(os.path.basename, origins)),
        )
    rest = len(rows) - KEYS
    _print(out, "Inputs that differ", table, f"and {rest} more (--json has all)" if rest > 0 else "")


def _folded(comparison: Comparison) -> list[dict[str, Any]]:
    labels = [s.label for s in comparison.subjects]
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in comparison.inputs:
        parts = row["key"].split(".")
        head = ".".join(parts[:2]) if parts[0] in ("components", "memory_map") else parts[0]
        absent = any(
            not any(key == head or key.startswith(f"{head}.") for key in s.inputs)
            for s in comparison.subjects
        )
        many = parts[0] == "bindings" and sum(r["key"].startswith("bindings.") for r in comparison.inputs) > 3
        groups.setdefault(head if absent or many else row["key"], []).append(row)
    folded = []
    for key, rows in groups.items():
        if len(rows) == 1:
            folded += rows
            continue
        one: dict[str, Any] = {"key": key}
        for label in labels:
            given = {r["key"]: r[label] for r in rows if r[label] is not None}
            origins = [str(r[f"{label} origin"]) for r in rows if r[label] is not None]
            written = [o for o in origins if not o.startswith("default")] or origins
            one[label] = _many(key, given) if given else None
            one[f"{label} origin"] = written[0] if written else None
        folded.append(one)
    return folded


def _many(key: str, given: Mapping[str, str]) -> str:
    if key == "bindings":
        first = next(iter(given))
        return f"{len(given)} of them: {first.removeprefix('bindings.')} to {given[first]}, ..."
    return given.get(f"{key}.model") or ", ".join(
        f"{name.removeprefix(key + '.')} {value}" for name, value in given.items()
    )


def _outcome(comparison: Comparison, heads: Mapping[str, str], out: Console) -> None:
    labels = [s.label for s in comparison.subjects]
    table = _table(
        ("figure",), (heads[labels[0]], *(c for label in labels[1:] for c in (heads[label], "change")))
    )
    for row in comparison.outcome:
        share = row["figure"].startswith(SHARES)
        first = row[labels[0]]
        cells = [_figure(first, share)]
        for label in labels[1:]:
            cells += [_figure(row[label], share), _change(first, row[label], share)]
        table.add_row(row["figure"], *cells)
    definitions = (
        "time: parts of the latency; utilization: an engine's busiest stage works, of its busy cycles"
    )
    _print(out, "What follows", table, definitions)


def _figure(value: float | None, share: bool) -> str:
    if value is None:
        return NONE
    if share:
        return f"{value:.1%}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.3f}" if abs(value) >= 1 else f"{value:.4g}"


def _change(first: float | None, value: float | None, share: bool) -> str:
    if first is None or value is None:
        return ""
    if value == first:
        return "="
    if share:
        points = round((value - first) * 100, 1)
        return f"{points:+.1f} points" if points else "="
    return f"{value / first - 1:+.1%}" if first else ""


def _movers(difference: Difference, out: Console) -> None:
    rows = [row for row in difference.movers if row["delta_ms"]]
    if not rows:
        return
    table = _table(("call", "engine"), ("change ms", "ms", "cycles a call"))
    table.add_column("bound by")
    table.add_column("why, in cycles a call", overflow="fold")
    for row in rows[:ROWS]:
        pair = [_cell(row[f"{end}_cycles"]) for end in ("from", "to")]
        bounds = [row[f"{end}_bound"] or NONE for end in ("from", "to")]
        table.add_row(
            row["kind"], row["engine"], f"{row['delta_ms']:+.3f}",
            f"{row['from_ms']:.3f} to {row['to_ms']:.3f}", pair[0] if pair[0] == pair[1] else " to ".join(pair),
            "" if row["engine"] == HOST else _short(row["engine"], bounds),
            row["why"].replace(" cycles a call", ""),
        )  # fmt: skip
    rest = len(rows) - ROWS
    title = f"Largest movers, {difference.a.label} to {difference.b.label}"
    definitions = (
        "bound by: the largest part of a call's cycles; latency: loading, filling, draining, dependent steps"
    )
    _print(out, title, table, definitions + (f"; {rest} more kinds of calls (--json)" if rest > 0 else ""))


def _resources(difference: Difference, out: Console) -> None:
    rows = difference.resources
    if not rows:
        return
    table = _table(("part", "component", "size"), tuple(KINDS.values()))
    for row in rows[:ROWS]:
        before, after = (row[f"{end}_size"] or NONE for end in ("from", "to"))
        size = before if before == after else f"{before} to {after}"
        deltas = (f"{row[kind]:+,g}" if row[kind] else "" for kind in KINDS)
        table.add_row(row["part"], row["component"], size, *deltas)
    rest = len(rows) - ROWS
    title = f"Resources that change, {difference.a.label} to {difference.b.label}"
    _print(out, title, table, f"and {rest} more parts (--json has all)" if rest > 0 else "")


def _cell(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def _short(engine: str, bounds: Sequence[str]) -> str:
    first, second = (text.replace(f"{engine}.", "") for text in bounds)
    return first if first == second else f"{first} to {second}"


def _timeline(subjects: Sequence[Subject], heads: Mapping[str, str], number: int, out: Console) -> None:
    names = lanes.engines(subjects)
    letter, colour = lanes.letters(names), palette.letters(names)
    side = max(map(len, heads.values()))
    width = max(20, min(out.width, 160) - side - 14)

    def line(subject: Subject, ms: float, cells: Sequence[str]) -> None:
        text = Text(f"{heads[subject.label]:<{side}} {ms:>9.3f} ms ")
        for name in cells:
            text.append(letter.get(name, lanes.IDLE), style=colour.get(name, "dim"))
        out.print(text, no_wrap=True, crop=True)

    longest = max(s.report["latency_ms"] for s in subjects)
    out.print()
    out.print(Text(f"Time by engine, a column is {longest / width:.3g} ms", style="bold"))
    for subject in subjects:
        told = subject.report
        parts = [(n, told["engines"][n]["share"] * told["latency_ms"]) for n in names if n in told["engines"]]
        host = ("", told["host"]["share"] * told["latency_ms"])
        line(subject, told["latency_ms"], lanes.stack([*parts, host], width / longest))
    windows = [lanes.layer(s, number) for s in subjects]
    if all(windows):
        spans = [(min(b.start for b in w), max(b.end for b in w)) for w in windows]
        longest_ps = max(end - begin for begin, end in spans)
        out.print(
            Text(f"Layer {number} call by call, a column is {longest_ps / width * 1e-6:.3g} us", style="bold")
        )
        for subject, window, (begin, end) in zip(subjects, windows, spans, strict=True):
            columns = max(1, round((end - begin) / longest_ps * width))
            line(subject, (end - begin) * 1e-9, lanes.busiest(window, begin, end, columns))
    legend = Text(style="dim")
    for name in names:
        legend.append(letter[name], style=colour[name]).append(f" {name}  ")
    out.print(legend.append(f"{lanes.IDLE} no engine (the host)"))
