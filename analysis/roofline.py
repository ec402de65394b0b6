"""What no call can beat: arithmetic at the rate of its engine's units, words at the rate of its ports, bytes at
the rate of what they cross on their way to memory.

Apart on purpose from the models of time: nothing here waits, fills or drains. Of a call only the words that it
moved are taken from the trace; arithmetic comes from the operation and sizes from the platform.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.kept_run import KeptRun
from analysis.links import Links
from tlm.trace import CallRecord, Span
from tlm.units import SECOND
from workloads.operations import Conv, Embed, Linear, NormSum, Operation, Scan, Smooth

VALUE = 32  # bits of an activation
CONV_VALUES = 16  # values that CONV's filters take in a cycle


@dataclass(frozen=True)
class Bound:
    """Least time of a call, ps, by cause; what it computed and moved, and the time it took."""

    name: str
    label: str
    kind: str
    engine: str
    steps: int  # of arithmetic, as `elementary_operations` or a GPU's operations count them
    bytes: int
    time: int
    causes: Mapping[str, float]  # "compute", the busiest "port", the narrowest "path", "memory"

    @property
    def least(self) -> float:
        return max(self.causes.values())

    @property
    def cause(self) -> str:
        return max(self.causes, key=lambda cause: self.causes[cause])

    @property
    def reached(self) -> float:
        """Share of the bound's rate."""
        return self.least / self.time


def bounds(run: KeptRun) -> list[Bound]:
    """A bound for every call of the engines, in the order of their ends."""
    operations = {op.name: op for op in run.workload.program.operations}
    links = Links(run.platform)
    peaks = {name: m["peak_bytes_per_s"] for name, m in run.report["traffic"]["memories"].items()}
    found = []
    known: dict[tuple[int, str], tuple[int, int, dict[str, float]]] = {}
    for span in run.spans:
        if span.record is None or (clock := run.clock(span.track)) is None:
            continue
        key = id(span.record), run.label(span)
        if key not in known:
            params = run.platform.components[span.track].params
            if hasattr(params, "tensor_fmas"):
                known[key] = _gpu(span, params, clock.hz)
            else:
                op = operations[span.name]
                steps = sum(op.elementary_operations.values())
                causes = {"compute": compute_cycles(op, params) * SECOND / clock.hz}
                causes |= _movement(span.record, run, links, peaks, clock.hz)
                known[key] = steps, sum(p.bytes for p in span.record.ports), causes
        steps, moved, causes = known[key]
        time = clock.edge(span.record.cycles)
        found.append(Bound(span.name, run.label(span), span.kind, span.track, steps, moved, time, causes))
    return found


def compute_cycles(op: Operation, params: Any) -> float:
    """Cycles that the arithmetic of an operation takes when every unit of its engine works in every cycle.

    `params`: the engine's parameters; 0 for an operation without arithmetic.
    """
    word = params.bus // VALUE  # values that arrive or leave at once
    size = op.y.elements
    match op:
        case Linear():
            return size * op.in_features / params.tile**2
        case Embed():
            return op.macs / (params.channels * params.values)
        case Conv():
            return size / CONV_VALUES
        case Scan():
            return size * op.states / params.lanes
        case NormSum():
            return size / word * (2 if op.mode.norms else 1)  # a norm is squared first, then scaled
        case Smooth():
            return size / word * params.interval
        case _:
            return 0.0


def _movement(
    record: CallRecord,
    run: KeptRun,
    links: Links,
    peaks: Mapping[str, float | None],
    hz: int,
) -> dict[str, float]:
    """ps for the words of the busiest port, for the bytes over the fullest link and into the memory."""
    memories: Counter[str] = Counter()
    for port in record.ports:
        if (memory := run.memory_of(port.port)) is not None:
            memories[memory] += port.bytes
    found = {"port": max((p.beats for p in record.ports), default=0) * SECOND / hz}
    if crossed := links.seconds((p.port, p.command, p.bytes) for p in record.ports):
        found["path"] = max(crossed.values()) * SECOND
    limits = [moved / peak for name, moved in memories.items() if (peak := peaks.get(name))]
    if limits:
        found["memory"] = max(limits) * SECOND
    return found


def _gpu(span: Span, params: Any, hz: int) -> tuple[int, int, dict[str, float]]:
    """A GPU's call: its tensor cores' peak bounds all arithmetic."""
    assert span.record is not None
    counts = span.record.counts
    moved = counts.get(f"{span.track}.read_bytes", 0) + counts.get(f"{span.track}.write_bytes", 0)
    flops = counts.get(f"{span.track}.flops", 0)
    rate = 2 * params.multiprocessors * max(params.tensor_fmas, params.fp32_fmas) * hz
    return flops, moved, {"compute": flops * SECOND / rate, "memory": moved * SECOND / params.bandwidth}
