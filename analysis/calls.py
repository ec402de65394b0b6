"""The calls of a run, grouped: what kind, how often, how long, and what they waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from analysis.simulate import Result
from tlm.trace import Span
from workloads.operations import Linear, NormSum, Operation


@dataclass
class CallGroup:
    """Calls that belong together. Cycles are those of the engine's clock, `time` is in ps, all are sums.

    `compute`: the engine's busiest stage works. `waits`: by how much the calls ended later because of a port.
    """

    engine: str
    label: str
    calls: int = 0
    time: int = 0
    cycles: int = 0
    compute: int = 0
    waits: Counter[str] = field(default_factory=Counter)
    beats: Counter[str] = field(default_factory=Counter)
    bursts: Counter[str] = field(default_factory=Counter)
    commands: dict[str, str] = field(default_factory=dict)

    def add(self, span: Span) -> None:
        record = span.record
        self.calls += 1
        self.time += span.end - span.start
        if record is None:
            return
        self.cycles += record.cycles
        self.compute += record.compute
        for port in record.ports:
            self.commands[port.port] = port.command
            self.beats[port.port] += port.beats
            self.bursts[port.port] += len(port.bursts)
            if port.wait:
                self.waits[port.port] += port.wait

    @property
    def working(self) -> int:
        """`compute`, at most all cycles."""
        return min(self.compute, self.cycles)

    @property
    def waiting(self) -> int:
        """Cycles of all waits, at most those that compute leaves."""
        return min(sum(self.waits.values()), self.cycles - self.working)

    @property
    def other(self) -> int:
        """Neither: loads before the first step, filling, draining, steps that depend on each other."""
        return self.cycles - self.working - self.waiting


def group(spans: Iterable[Span], label: Callable[[Span], str]) -> list[CallGroup]:
    """Spans of equal track and label together, the longest in all first."""
    found: dict[tuple[str, str], CallGroup] = {}
    for span in spans:
        key = span.track, label(span)
        if key not in found:
            found[key] = CallGroup(*key)
        found[key].add(span)
    return sorted(found.values(), key=lambda g: -g.time)


def labels(result: Result) -> Callable[[Span], str]:
    """A span's operation and its shape: "Linear 192 to 384"; the kind alone where it is no call of an operation."""
    names = {op.name: _label(op) for op in result.workload.program.operations}
    return lambda span: names[span.name] if span.record and span.name in names else span.kind


def _label(op: Operation) -> str:
    kind = type(op).__name__
    match op:
        case Linear():
            return f"{kind} {op.in_features} to {op.out_features}"
        case NormSum():
            return f"{kind} {op.mode.name.lower().replace('_', ' ')} {op.features}"
        case _:
            return f"{kind} {op.features}"
