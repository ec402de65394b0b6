"""What a change costs in programmable logic: sums, the parts that make the difference, whether it still fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.resources import KINDS, amount, excess, verdict
from analysis.subject import Subject

Table = list[dict[str, Any]]
TOLD = 2  # parts named in a sentence


def movers(a: Subject, b: Subject) -> Table:
    """A row per part that takes another amount: what it is, its size, LUT, FF, BRAM36 and DSP more or less.

    Most first, by the largest share of the device, or of all where no device is named.
    """
    if a.resources is None or b.resources is None:
        return []
    whole = b.resources["device"] or b.resources["total"]
    before, after = _parts(a.resources), _parts(b.resources)
    rows = []
    for component, name in dict.fromkeys((*before, *after)):
        old, new = before.get((component, name)), after.get((component, name))
        delta = {kind: (new[kind] if new else 0) - (old[kind] if old else 0) for kind in KINDS}
        if any(delta.values()):
            sizes = {"from_size": old and old["size"], "to_size": new and new["size"]}
            row = {"component": component, "part": name, "from": a.label, "to": b.label, **sizes, **delta}
            rows.append(row)
    return sorted(rows, key=lambda row: -max(abs(row[k]) / (whole[k] or 1) for k in KINDS))


def sentences(a: Subject, b: Subject, rows: Table) -> list[str]:
    """What follows in resources; nothing where both sides have none."""
    if a.resources is None or b.resources is None:
        without = [s.label for s in (a, b) if s.resources is None]
        return [f"{without[0]} tells no resources of programmable logic."] if len(without) == 1 else []
    lines = [_sums(a.resources, b.resources, rows)]
    before, after = a.resources["fits"], b.resources["fits"]
    if after is False and before is False:
        lines.append(f"Neither fits: {a.label} {excess(a.resources)}, {b.label} {excess(b.resources)}.")
    elif False in (before, after):
        other = {True: f" {a.label} does fit.", False: f" {a.label} does not.", None: ""}[before]
        lines.append(f"{b.label}: {verdict(b.resources)}{other}")
    return lines


def changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """`LUT 160,811 to 195,793 (+34,982), ...` of two totals; empty where none differs."""
    return ", ".join(
        f"{name} {amount(a[kind])} to {amount(b[kind])} ({_signed(b[kind] - a[kind])})"
        for kind, name in KINDS.items()
        if a[kind] != b[kind]
    )


def _sums(a: Mapping[str, Any], b: Mapping[str, Any], rows: Table) -> str:
    if not rows:
        where = "." if a["board"] == b["board"] else f", on {b['board']} instead of {a['board']}."
        return f"Resources are the same{where}"
    text = changes(a["total"], b["total"]) or "in sum the same"
    return f"Resources: {text}; most of it {'; '.join(map(_part, rows[:TOLD]))}."


def _part(row: Mapping[str, Any]) -> str:
    deltas = ", ".join(f"{_signed(row[kind])} {name}" for kind, name in KINDS.items() if row[kind])
    sizes = row["from_size"], row["to_size"]
    size = "" if sizes[0] == sizes[1] else f", {sizes[1] or 'gone'} instead of {sizes[0] or 'none'}"
    return f"{row['component']}'s {row['part']}{size} ({deltas})"


def _parts(told: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(part["component"], part["part"]): part for part in told["parts"]}


def _signed(value: float) -> str:
    return ("+" if value > 0 else "-" if value < 0 else "") + amount(abs(value))
