"""The calls of a run, grouped: what kind, how often, how long, and what they waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from analysis.binding import binding
from analysis.links import Links
from analysis.simulate import Result
from tlm.component import Sequencer
from tlm.gauge import Gauge
from tlm.trace import POLL, SETUP, Span, Trace
from tlm.units import SECOND, Clock
from workloads.operations import Linear, NormSum, Operation, Program


@dataclass
class CallGroup:
    """Calls that belong together. Cycles are those of the engine's clock, all are sums.

    `time`: ps in which the engine is busy with them. `compute`: its busiest stage works. `waits`: by how much
    the calls ended later because of a port. `stalls`: how long a full FIFO stopped its source. `host`: the
    host's set-up of the calls and its delay in seeing their ends. `gauges`: means over all cycles, highest peaks.
    """

    engine: str
    label: str
    links: Links | None = None  # of the platform
    example: str = ""  # name of one of them
    calls: int = 0
    time: int = 0
    cycles: int = 0
    compute: int = 0
    waits: Counter[str] = field(default_factory=Counter)
    beats: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    bursts: Counter[str] = field(default_factory=Counter)
    stalls: Counter[str] = field(default_factory=Counter)
    host: int = 0
    gauges: dict[str, Gauge] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)

    def add(self, span: Span, clock: Clock | None, host: int = 0) -> None:
        """`host` in ps. Without a record or a clock the engine counts as busy for all of the span."""
        record = span.record
        self.calls += 1
        if record is None or clock is None:
            self.time += span.end - span.start
            return
        self.example = self.example or span.name
        self.host += clock.cycles(host)
        for gauge in record.gauges:
            self._gauge(gauge, record.cycles)
        self.stalls.update(record.stalls)
        cycles = self.cycles + record.cycles
        self.time += clock.edge(cycles) - clock.edge(self.cycles)  # rounded once, not with every call
        self.cycles = cycles
        self.compute += record.compute
        for port in record.ports:
            self.commands[port.port] = port.command
            self.beats[port.port] += port.beats
            self.bytes[port.port] += port.bytes
            self.bursts[port.port] += len(port.bursts)
            if port.wait:
                self.waits[port.port] += port.wait

    def _gauge(self, gauge: Gauge, cycles: int) -> None:
        sum_ = self.gauges.get(gauge.name)
        if sum_ is None:
            # cycles of calls without this gauge: it was empty
            sum_ = Gauge(gauge.name, gauge.capacity, 0, 0.0, 0, self.cycles)
        mean = (sum_.mean * self.cycles + gauge.mean * cycles) / (self.cycles + cycles)
        self.gauges[gauge.name] = Gauge(
            gauge.name, gauge.capacity, max(sum_.peak, gauge.peak), mean, sum_.full + gauge.full,
            sum_.empty + gauge.empty,
        )  # fmt: skip

    @property
    def binding(self) -> str:
        """The resource that bounds these calls."""
        works: dict[str, float] = dict(self.beats)
        if self.links is not None and self.time:
            hz = self.cycles / self.time * SECOND
            moved = ((port, self.commands[port], n) for port, n in self.bytes.items())
            works |= {link: seconds * hz for link, seconds in self.links.seconds(moved).items()}
        return binding(self.cycles, self.compute, works, self.waits, self.stalls, self.host)

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


def host_times(trace: Trace) -> Counter[str]:
    """ps of the host's set-up of each call and of its delay in seeing the call's end, by the call's name."""
    found: Counter[str] = Counter()
    for span in trace.spans:
        if span.kind in (SETUP, POLL):
            found[span.name] += span.end - span.start
    return found


def group(
    result: Result, label: Callable[[Span], str], spans: Iterable[Span] | None = None
) -> list[CallGroup]:
    """The engines' spans, or some of them, those of equal track and label together, the longest in all first."""
    found: dict[tuple[str, str], CallGroup] = {}
    host, links = host_times(result.simulation.trace), Links(result.platform)
    for span in engine_spans(result) if spans is None else spans:
        key = span.track, label(span)
        if key not in found:
            found[key] = CallGroup(*key, links)
        clock = getattr(result.simulation.components[span.track], "clock", None)
        found[key].add(span, clock, host[span.name])
    return sorted(found.values(), key=lambda g: -g.time)


def labels(program: Program) -> Callable[[Span], str]:
    """A span's operation and its shape: "Linear 192 to 384"; the kind alone where it is no call of an operation."""
    names = {op.name: _label(op) for op in program.operations}
    kinds = {type(op).__name__ for op in program.operations}
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
