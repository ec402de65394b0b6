"""The calls of a run, grouped: what kind, how often, how long, and what they waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from analysis.simulate import Result
from tlm.component import Sequencer
from tlm.trace import Span
from tlm.units import Clock
from workloads.operations import Linear, NormSum, Operation


@dataclass
class CallGroup:
    """Calls that belong together. Cycles are those of the engine's clock, all are sums.

    `time`: ps in which the engine is busy with them. `compute`: its busiest stage works. `waits`: by how much
    the calls ended later because of a port.
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

    def add(self, span: Span, clock: Clock | None) -> None:
        """Without a record or a clock the engine counts as busy for all of the span."""
        record = span.record
        self.calls += 1
        if record is None or clock is None:
            self.time += span.end - span.start
            return
        self.time += clock.edge(record.cycles)
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


def engine_spans(result: Result) -> list[Span]:
    """What the engines did: the trace without the host's own part in it."""
    trace = result.simulation.trace
    hosts = {host.name for host in result.simulation.find(Sequencer)}
    return [span for span in trace.calls or trace.spans if span.track not in hosts]


def group(result: Result, label: Callable[[Span], str]) -> list[CallGroup]:
    """The engines' spans, those of equal track and label together, the longest in all first."""
    found: dict[tuple[str, str], CallGroup] = {}
    for span in engine_spans(result):
        key = span.track, label(span)
        if key not in found:
            found[key] = CallGroup(*key)
        found[key].add(span, getattr(result.simulation.components[span.track], "clock", None))
    return sorted(found.values(), key=lambda g: -g.time)


def labels(result: Result) -> Callable[[Span], str]:
    """A span's operation and its shape: "Linear 192 to 384"; the kind alone where it is no call of an operation."""
    names = {op.name: _label(op) for op in result.workload.program.operations}
    kinds = {type(op).__name__ for op in result.workload.program.operations}
    return lambda span: names.get(span.name, span.kind) if span.kind in kinds else span.kind


def _label(op: Operation) -> str:
    kind = type(op).__name__
    match op:
        case Linear():
            return f"{kind} {op.in_features} to {op.out_features}"
        case NormSum():
            return f"{kind} {op.mode.name.lower().replace('_', ' ')} {op.features}"
        case _:
            return f"{kind} {op.features}"
