"""What there is to say about a finished run, as plain data: every figure is a query over its trace.

docs/metrics.md defines each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from analysis.bottleneck import bottleneck
from analysis.calls import CallGroup, engine_spans, group, labels
from analysis.critical_path import critical_path, shares
from analysis.depths import advise
from analysis.energy import Energy, energy
from analysis.resources import resources
from analysis.simulate import Result
from tlm.component import Sequencer
from tlm.trace import Span
from tlm.units import Clock, Doc


@dataclass(frozen=True, kw_only=True)
class ReportParams:
    baselines: Annotated[tuple[str, ...], Doc("platform files to compare with, relative to this one")] = ()
    notes: Annotated[tuple[str, ...], Doc("what a reader of the figures must know")] = ()


def report(
    result: Result,
    baselines: Mapping[str, Result] | None = None,
    notes: Sequence[str] = (),
    gauges: bool = True,
) -> dict:
    """The report as maps, lists, texts and numbers, ready for JSON. `baselines` ran the same workload.

    `gauges`: if the run has them, they are told, with advice on depths, which takes further runs of calls.
    """
    work, trace, elapsed = result.workload, result.simulation.trace, result.run.elapsed
    clock = _clock(result)
    kinds = group(result, lambda span: span.kind)
    host = elapsed - busy(result, kinds)
    spent = energy(result)
    latency_ms = result.latency_s * 1e3
    calls = group(result, labels(work.program))
    path = critical_path(result)
    gauges = gauges and result.simulation.gauges
    return {
        "model": work.config.name,
        "resolution": work.resolution,
        "batch": work.batch,
        "platform": result.platform.name,
        "description": result.platform.description,
        "schedule": _schedule(result),
        "memory": "; ".join(m.describe() for m in _memories(result)) or None,
        "sizes": work.config.as_dict(),
        "latency_ms": latency_ms,
        "cycles": clock.cycles(elapsed) if clock else None,
        "clock_hz": clock.hz if clock else None,
        "frames_per_s": work.batch / result.latency_s,
        "macs": work.program.macs,
        "energy_j": spent.total if spent else None,
        "power_w": spent.total / result.latency_s if spent else None,
        "energy": _energy(spent, work.batch),
        "resources": resources(result.simulation),
        "engines": {e.engine: _engine(e, elapsed) for e in group(result, lambda _: "")},
        "host": {"share": host / elapsed, "cycles": clock.cycles(host) if clock else None},
        "time": _time(kinds, elapsed, host),
        "calls": [_calls(g, elapsed) for g in calls],
        "critical_path": shares(result, path) if path else None,
        "traffic": _traffic(result),
        "bottleneck": _bottleneck(result, kinds, host, path),
        "gauges": [_gauges(g) for g in calls if gauges and g.gauges] or None,
        "advice": [str(a) for a in advise(result, calls)] if gauges else None,
        "baselines": {name: _baseline(other, latency_ms, spent) for name, other in (baselines or {}).items()},
        "notes": [*_notes(result, spent), *notes],
        "sim": {
            "wall_s": result.run.wall_s,
            "events": result.simulation.env.events,
            "replayed_calls": trace.replayed,
        },
    }


def busy(result: Result, groups: Iterable[CallGroup]) -> int:
    """ps in which at least one engine works: what their spans cover, less the gaps that spans may hold."""
    covered = end = 0
    for span in sorted(engine_spans(result), key=lambda s: s.start):
        covered += max(0, span.end - max(end, span.start))
        end = max(end, span.end)
    return min(covered, sum(g.time for g in groups))


def _schedule(result: Result) -> str | None:
    """Which calls overlap, in words; None for a sequencer without a choice."""
    (sequencer,) = result.simulation.find(Sequencer)
    params = sequencer.params
    schedule = getattr(params, "schedule", None)
    if schedule == "overlapped" and result.workload.batch > 1:
        return f"{schedule}, {params.in_flight} images in flight"
    return schedule


def _bottleneck(result: Result, kinds: Sequence[CallGroup], host: int, path: Sequence[Span] | None) -> str:
    """Where calls overlap, only those on the critical path count."""
    elapsed = result.run.elapsed
    on_path = [span for span in path or () if span.record is not None]
    if not path or len(on_path) == len(engine_spans(result)):
        return bottleneck(kinds, elapsed, host)
    waits = elapsed - sum(span.end - span.start for span in on_path)
    groups = group(result, lambda span: span.kind, on_path)
    return bottleneck(groups, elapsed, waits, "the critical path")


def _gauges(calls: CallGroup) -> dict[str, Any]:
    return {
        "kind": calls.label,
        "engine": calls.engine,
        "fifos": {
            gauge.name: {
                "capacity": gauge.capacity,
                "peak": gauge.peak,
                "mean": gauge.mean,
                "full_share": gauge.full / calls.cycles,
                "empty_share": gauge.empty / calls.cycles,
            }
            for gauge in calls.gauges.values()
        },
    }


def _clock(result: Result) -> Clock | None:
    """The clock in which cycles of the whole run are counted: the sequencer's, else the platform's first."""
    (sequencer,) = result.simulation.find(Sequencer)
    return getattr(sequencer, "clock", None) or next(iter(result.platform.clocks.values()), None)


def _memories(result: Result) -> list[Any]:
    """Components that describe themselves as memories."""
    return [c for c in result.simulation.components.values() if hasattr(c, "describe")]


def _energy(spent: Energy | None, batch: int) -> dict[str, Any] | None:
    if spent is None:
        return None
    order = sorted(spent.by_action, key=lambda action: -spent.by_action[action])
    return {
        "per_image_j": spent.total / batch,
        "by_action_j": {action: spent.by_action[action] for action in order},
        "by_owner_j": dict(spent.by_owner),
        "dram_j": spent.dram,
    }


def _engine(total: CallGroup, elapsed: int) -> dict[str, Any]:
    cycles = total.cycles
    return {
        "calls": total.calls,
        "busy_cycles": cycles,
        "share": total.time / elapsed,
        "compute_utilization": total.compute / cycles if cycles else None,
        "ports": {
            port.partition(".")[2]: {
                "command": total.commands[port],
                "beats": beats,
                "bursts": total.bursts[port],
                "utilization": beats / cycles,
                "wait_cycles": total.waits[port],
            }
            for port, beats in total.beats.items()
        },
    }


def _time(kinds: Sequence[CallGroup], elapsed: int, host: int) -> dict[str, float]:
    """Shares of the time, 1 in all unless engines overlap."""

    def share(part: str) -> float:
        return sum(g.time * getattr(g, part) / g.cycles for g in kinds if g.cycles) / elapsed

    return {
        "compute": share("working"),
        "memory": share("waiting"),
        "latency": share("other"),
        "host": host / elapsed,
    }


def _calls(calls: CallGroup, elapsed: int) -> dict[str, Any]:
    return {
        "kind": calls.label,
        "engine": calls.engine,
        "calls": calls.calls,
        "cycles": calls.cycles,
        "share": calls.time / elapsed,
        "compute_cycles": calls.compute,
        "other_cycles": calls.other,
        "waits": dict(calls.waits.most_common()),
        "stalls": dict(calls.stalls.most_common()),
        "host_cycles": calls.host,
        "binding": calls.binding if calls.cycles else None,
        "ports": {
            port: {"command": calls.commands[port], "beats": beats, "bursts": calls.bursts[port]}
            for port, beats in calls.beats.items()
        },
    }


def _traffic(result: Result) -> dict[str, Any]:
    counters, seconds = result.simulation.trace.counters, result.latency_s
    memories = {}
    for memory in _memories(result):
        read, written = (counters[f"{memory.name}.{what}_bytes"] for what in ("read", "write"))
        peak = memory.peak_bandwidth
        memories[memory.name] = {
            "description": memory.describe(),
            "read_bytes": read,
            "write_bytes": written,
            "device_bytes": counters.get(f"{memory.name}.device_bytes"),
            "achieved_bytes_per_s": (read + written) / seconds,
            "peak_bytes_per_s": peak,
            "utilization": (read + written) / seconds / peak if peak else None,
            "dram": memory.statistics(result.run.elapsed) if hasattr(memory, "statistics") else None,
        }
    return {
        "read_bytes": sum(m["read_bytes"] for m in memories.values()),
        "write_bytes": sum(m["write_bytes"] for m in memories.values()),
        "memories": memories,
        "links": {
            name: _link(counters, name, rate, seconds)
            for component in result.simulation.components.values()
            for name, rate in getattr(component, "links", {}).items()
        },
    }


def _link(counters: Mapping[str, int], name: str, rate: float, seconds: float) -> dict[str, Any]:
    """A link with a channel for reads and one for writes; masters that share it may wait for their turn."""
    found: dict[str, Any] = {"peak_bytes_per_s": rate}
    for what in ("read", "write"):
        moved, bursts = counters[f"{name}.{what}_bytes"], counters[f"{name}.{what}_bursts"]
        waited = counters[f"{name}.{what}_wait_cycles"]
        found |= {
            f"{what}_bytes": moved,
            f"{what}_utilization": moved / seconds / rate,
            f"{what}_wait_cycles": waited / bursts if bursts else None,
        }
    return found


def _baseline(other: Result, latency_ms: float, spent: Energy | None) -> dict[str, Any]:
    theirs = energy(other)
    ms = other.latency_s * 1e3
    return {
        "description": other.platform.description,
        "latency_ms": ms,
        "energy_j": theirs.total if theirs else None,
        "power_w": theirs.total / other.latency_s if theirs else None,
        "speedup": ms / latency_ms,
        "energy_ratio": theirs.total / spent.total if theirs and spent else None,
    }


def _notes(result: Result, spent: Energy | None) -> list[str]:
    params = result.platform.sections.get("report")
    notes = list(params.notes) if isinstance(params, ReportParams) else []
    if spent is None:
        notes.append("The platform has no section energy: no energy is reported.")
    elif spent.dram is not None:
        notes.append("energy_j is that of the chip; the DRAM devices' energy is told apart.")
    return notes
