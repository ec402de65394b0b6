"""Runs compared: what differs in their inputs, what follows, which kinds of calls make the difference and why.

The first run is what all others are compared with. Every figure is one of the reports', docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from analysis import compare_resources
from analysis.bound import bound, parts, words
from analysis.resources import KINDS
from analysis.subject import Subject

Table = list[dict[str, Any]]
HOST = "host"
CLOCK = "runs at"
SECOND = 0.05  # of the difference: what the second mover must add to be told
SAME_CLOCK = 1e-6  # relative: what is nearer is rounding of picoseconds


@dataclass(frozen=True)
class Difference:
    """`b` compared with `a`: sentences, and what each kind of call adds to the time, most first."""

    a: Subject
    b: Subject
    summary: list[str]
    movers: Table
    changed_nothing: bool
    resources: Table = field(default_factory=list)  # parts of programmable logic that take more or less


@dataclass(frozen=True)
class Knob:
    """What a single override does on its own to the platform it changes.

    `latency_ms` without and with it, None where it cannot stand alone, for which `problem` says why.
    """

    subject: str
    override: str
    before_ms: float
    after_ms: float | None
    changes_nothing: bool
    problem: str = ""
    resources: str | None = None  # what it changes of them, in words; None where there are none

    def __str__(self) -> str:
        if self.after_ms is None:
            return f"{self.override} cannot stand alone: {self.problem}"
        if self.changes_nothing:
            return (
                f"{self.override} changes nothing: time, energy and traffic of every call"
                f"{' and the resources' * (self.resources is not None)} stay the same"
            )
        takes = "" if self.resources is None else f"; {self.resources or 'no resource changes'}"
        delta = self.after_ms - self.before_ms
        if not delta:
            return f"{self.override} alone leaves the latency at {self.before_ms:.3f} ms{takes}"
        return (
            f"{self.override} alone takes {abs(delta):.3f} ms {'more' if delta > 0 else 'less'}: "
            f"{self.after_ms:.3f} instead of {self.before_ms:.3f} ms{takes}"
        )


@dataclass(frozen=True)
class Comparison:
    """All of it; tables are lists of flat maps, as `pandas.DataFrame` takes them."""

    subjects: tuple[Subject, ...]
    inputs: Table
    outcome: Table
    differences: tuple[Difference, ...]
    knobs: tuple[Knob, ...] = ()

    @property
    def summary(self) -> list[str]:
        return [line for difference in self.differences for line in difference.summary]

    @property
    def movers(self) -> Table:
        return [row for difference in self.differences for row in difference.movers]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "subjects": [{"label": s.label, "report": dict(s.report)} for s in self.subjects],
            "summary": self.summary,
            "inputs": self.inputs,
            "outcome": self.outcome,
            "differences": [
                {
                    "from": d.a.label,
                    "to": d.b.label,
                    "changed_nothing": d.changed_nothing,
                    "summary": d.summary,
                    "movers": d.movers,
                    "resources": d.resources,
                }
                for d in self.differences
            ],
            "knobs": [
                {
                    "subject": k.subject,
                    "override": k.override,
                    "before_ms": k.before_ms,
                    "after_ms": k.after_ms,
                    "changes_nothing": k.changes_nothing,
                    "problem": k.problem,
                    "resources": k.resources,
                }
                for k in self.knobs
            ],
        }

    def __str__(self) -> str:
        return "\n".join([*self.summary, *map(str, self.knobs)])


def compare(subjects: Sequence[Subject], knobs: Sequence[Knob] = ()) -> Comparison:
    """Raises ValueError for fewer than two."""
    if len(subjects) < 2:
        raise ValueError(f"a comparison must have two runs, not {len(subjects)}")
    first = subjects[0]
    inputs = changed_inputs(subjects)
    differences = tuple(_difference(first, other, inputs) for other in subjects[1:])
    return Comparison(tuple(subjects), inputs, _outcome(subjects), differences, tuple(knobs))


def changed_inputs(subjects: Sequence[Subject]) -> Table:
    """A row per key that differs: `key`, then per run its value, None where it has none, and the origin."""
    keys = dict.fromkeys(key for subject in subjects for key in subject.inputs)
    rows = []
    for key in keys:
        found = [subject.inputs.get(key) for subject in subjects]
        if len({f and f.value for f in found}) == 1:
            continue
        row: dict[str, Any] = {"key": key}
        for subject, one in zip(subjects, found, strict=True):
            row[subject.label] = one and one.value
            row[f"{subject.label} origin"] = one and one.origin
        rows.append(row)
    return rows


def _resource(kind: str, told: Mapping[str, Any]) -> float | None:
    """Whole numbers as such."""
    found = told.get("resources")
    value = found and found["total"][kind]
    return int(value) if value is not None and value == int(value) else value


_FIGURES: dict[str, Callable[[Mapping[str, Any]], float | None]] = {
    "latency ms": lambda r: r["latency_ms"],
    "cycles": lambda r: r["cycles"],
    "frames/s": lambda r: r["frames_per_s"],
    "energy J": lambda r: r["energy_j"],
    "power W": lambda r: r["power_w"],
    "DRAM devices J": lambda r: r["energy"] and r["energy"]["dram_j"],
    **{name: partial(_resource, kind) for kind, name in KINDS.items()},
    "read MB": lambda r: r["traffic"]["read_bytes"] / 1e6,
    "written MB": lambda r: r["traffic"]["write_bytes"] / 1e6,
    "bandwidth GB/s": lambda r: _sum(r, "achieved_bytes_per_s", 1e-9),
    "peak bandwidth GB/s": lambda r: _sum(r, "peak_bytes_per_s", 1e-9),
    "time computing": lambda r: r["time"]["compute"],
    "time waiting for memory": lambda r: r["time"]["memory"],
    "time in latency": lambda r: r["time"]["latency"],
    "time of the host": lambda r: r["time"]["host"],
}
SHARES = ("time ", "utilization ")  # figures that are parts of 1


def _sum(told: Mapping[str, Any], key: str, scale: float) -> float | None:
    found = [memory[key] for memory in told["traffic"]["memories"].values()]
    return scale * sum(found) if found and None not in found else None


def _outcome(subjects: Sequence[Subject]) -> Table:
    """A row per figure: `figure`, then its value per run, None where a run has none."""
    figures = dict(_FIGURES)
    for engine in dict.fromkeys(name for s in subjects for name in s.report["engines"]):
        figures[f"utilization {engine}"] = partial(_utilization, engine)
    rows = [{"figure": f, **{s.label: of(s.report) for s in subjects}} for f, of in figures.items()]
    return [row for row in rows if any(row[s.label] is not None for s in subjects)]


def _utilization(engine: str, told: Mapping[str, Any]) -> float | None:
    return told["engines"].get(engine, {}).get("compute_utilization")


def _difference(a: Subject, b: Subject, inputs: Table) -> Difference:
    same = a.outcome == b.outcome
    movers = _movers(a, b)
    takes = compare_resources.movers(a, b)
    summary = _summary(a, b, movers, inputs, same)
    if not same:
        summary += compare_resources.sentences(a, b, takes)
    return Difference(a, b, summary, movers, same, takes)


def _movers(a: Subject, b: Subject) -> Table:
    before, after = _calls(a), _calls(b)
    rows = []
    for key in dict.fromkeys((*before, *after)):
        engine, kind = key
        old, new = before.get(key), after.get(key)
        here = b.label if new else a.label
        ms = [_ms(s, calls) for s, calls in ((a, old), (b, new))]
        rows.append({
            "kind": kind, "engine": engine, "from": a.label, "to": b.label, "delta_ms": ms[1] - ms[0],
            "from_ms": ms[0], "to_ms": ms[1],
            "from_calls": old["calls"] if old else 0, "to_calls": new["calls"] if new else 0,
            "from_cycles": _each(old), "to_cycles": _each(new),
            "from_bound": _text(old), "to_bound": _text(new),
            "why": _why(ms, old, new) if old and new else f"only on {here}",
        })  # fmt: skip
    return sorted(rows, key=lambda row: -abs(row["delta_ms"]))


def _calls(subject: Subject) -> dict[tuple[str, str], dict[str, Any]]:
    """Entries of the report by engine and kind, and the host's own time as one more."""
    found = {(c["engine"], c["kind"]): dict(c) for c in subject.report["calls"]}
    host = subject.report["host"]
    total = sum(c["calls"] for c in found.values())
    found[HOST, "between calls"] = {
        "calls": total, "cycles": host["cycles"] or 0, "share": host["share"], "compute_cycles": 0,
        "other_cycles": host["cycles"] or 0, "waits": {}, "ports": {},
    }  # fmt: skip
    return found


def _ms(subject: Subject, calls: Mapping[str, Any] | None) -> float:
    return calls["share"] * subject.report["latency_ms"] if calls else 0.0


def _each(calls: Mapping[str, Any] | None) -> float | None:
    return calls["cycles"] / calls["calls"] if calls and calls["calls"] else None


def _text(calls: Mapping[str, Any] | None) -> str | None:
    return None if calls is None or calls.get("kind") is None else str(bound(calls) or "") or None


def _why(ms: Sequence[float], old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What moved the most in a direction that explains the change of time, in words."""
    if ms[0] == ms[1]:
        return ""
    if not (old["cycles"] and new["cycles"]):
        return "another time a call"
    slower = ms[1] > ms[0]
    causes: dict[str, float] = {}  # ms that each adds
    hz = [calls["cycles"] / (t * 1e-3) for calls, t in zip((old, new), ms, strict=True)]
    if abs(hz[1] / hz[0] - 1) > SAME_CLOCK:
        causes["clock"] = new["cycles"] * (1 / hz[1] - 1 / hz[0]) * 1e3
    n = (old["calls"], new["calls"])
    if n[0] != n[1]:
        causes["calls"] = (n[1] - n[0]) * old["cycles"] / n[0] / hz[0] * 1e3
    was, now = parts(old), parts(new)
    for part in dict.fromkeys((*was, *now)):
        causes[part] = n[1] * (now.get(part, 0) - was.get(part, 0)) / hz[0] * 1e3
    cause = max(causes, key=lambda name: causes[name] if slower else -causes[name])
    match cause:
        case "clock":
            return f"{CLOCK} {hz[1] / 1e6:.4g} instead of {hz[0] / 1e6:.4g} MHz"
        case "calls":
            return f"{n[1]:,} calls instead of {n[0]:,}"
        case "compute":
            return f"its busiest stage works {now[cause]:,.0f} cycles a call, before {was[cause]:,.0f}"
        case "latency" if "kind" not in new:
            return f"{now[cause]:,.0f} cycles a call, before {was[cause]:,.0f}"
        case "latency":
            return (
                f"loading, filling, draining and dependent steps take {now[cause]:,.0f} cycles a call, "
                f"before {was[cause]:,.0f}"
            )
    moved = words(new if cause in now else old, cause)
    name = cause.partition(".")[2]
    verb = "wait for memory" if slower else "wait less for memory"
    return f"its {moved} {verb}, {now.get(cause, 0):,.0f} cycles a call on {name}, before {was.get(cause, 0):,.0f}"


def _summary(a: Subject, b: Subject, movers: Table, inputs: Table, same: bool) -> list[str]:
    changed = [row["key"] for row in inputs if row[a.label] != row[b.label]]
    if same:
        return [_nothing(a, b, changed)]
    ms = [s.report["latency_ms"] for s in (a, b)]
    delta = ms[1] - ms[0]
    if delta:
        lines = [
            f"{b.label} takes {ms[1]:.3f} ms, {abs(delta):.3f} ms ({_relative(*ms).lstrip('+-')}) "
            f"{'more' if delta > 0 else 'less'} than {a.label}, {ms[0]:.3f} ms."
        ]
    else:
        lines = [f"{b.label} takes as long as {a.label}: {ms[0]:.3f} ms."]
    shared = {(row["engine"], row["kind"]) for row in movers if row["from_calls"] and row["to_calls"]}
    if shared == {(HOST, "between calls")}:
        lines.append(
            f"They have no kind of call in common. {a.label}: {a.report['bottleneck']} "
            f"{b.label}: {b.report['bottleneck']}"
        )
    else:
        forward = [row for row in movers if row["delta_ms"] * delta > 0] if delta else movers
        back = [row for row in movers if row["delta_ms"] * delta < 0]
        reasons = {row["why"] for row in forward if _counts(row, ms)}
        if len(reasons) == 1 and next(iter(reasons)).startswith(CLOCK):
            lines.append(f"Every engine {reasons.pop()}.")
        else:
            told = forward[:1] + [row for row in forward[1:2] if abs(row["delta_ms"]) >= SECOND * abs(delta)]
            lines += [_mover(row, delta) for row in told if _counts(row, ms)]
        lines += [f"Against it: {_mover(row, 0)}" for row in back[:1] if _counts(row, ms)]
    if text := _energy(a, b):
        lines.append(text)
    return lines


def _relative(before: float, after: float) -> str:
    """+70.5%, or how many times as much where a percentage would hide it."""
    return f"{after / before:,.1f} times" if after >= 3 * before else f"{after / before - 1:+.1%}"


def _counts(row: Mapping[str, Any], ms: Sequence[float]) -> bool:
    return abs(row["delta_ms"]) >= 0.001 * min(ms)


def _mover(row: Mapping[str, Any], delta: float) -> str:
    share = f", {row['delta_ms'] / delta:.0%} of the difference" if delta else ""
    where = "The host between calls" if row["engine"] == HOST else f"{row['kind']} on {row['engine']}"
    cycles = [row["from_cycles"], row["to_cycles"]]
    if row["engine"] == HOST or None in cycles or round(cycles[0]) == round(cycles[1]):
        each = ""
    else:
        each = f" takes {cycles[1]:,.0f} cycles a call instead of {cycles[0]:,.0f}"
    why = f": {row['why']}" if row["why"] else ""
    return f"{where}{each} ({row['delta_ms']:+.3f} ms{share}){why}."


def _nothing(a: Subject, b: Subject, changed: Sequence[str]) -> str:
    if not changed:
        return f"{b.label} is {a.label}: no input differs, and nothing of what follows does."
    what = changed[0] if len(changed) == 1 else f"The {len(changed)} inputs that differ"
    return (
        f"{what} changed nothing: {b.label} takes {b.report['latency_ms']:.3f} ms as {a.label} does, with the "
        f"same time, energy and traffic of every call{_and_resources(b)}."
    )


def _and_resources(subject: Subject) -> str:
    return " and the same resources" if subject.resources else ""


def _energy(a: Subject, b: Subject) -> str:
    joules = [s.report["energy_j"] for s in (a, b)]
    if None in joules:
        return ""
    if joules[0] == joules[1]:
        return f"Energy is the same, {joules[0]:.4g} J."
    by = [s.report["energy"]["by_action_j"] for s in (a, b)]
    deltas = {name: by[1].get(name, 0.0) - by[0].get(name, 0.0) for name in (*by[0], *by[1])}
    rises = joules[1] > joules[0]
    most = max(deltas, key=lambda name: deltas[name] if rises else -deltas[name])
    return (
        f"Energy {joules[1]:.4g} J instead of {joules[0]:.4g} J ({_relative(*joules)}), "
        f"most of it {most} ({deltas[most]:+.4g} J)."
    )
