"""A run as trace events in JSON, the format of Chrome, which Perfetto opens.

Times are microseconds with three digits: Perfetto counts nanoseconds. Exact times (ps) and cycles are among the
arguments of each slice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from analysis.kept_run import KeptRun, Window, edges, owner
from analysis.levels import tracks
from analysis.power import power
from analysis.window import cut, parts
from tlm.gauge import BINS as CALL_BINS
from tlm.trace import Span
from tlm.units import MS, NS
from workloads.operations import Role

Event = dict[str, Any]
BURSTS = 40_000  # in a window with more of them there are no slices of bursts
CALLS = 5_000  # at most
BINS = 2_000  # of bandwidth over the window
RUN, HOST, ENGINES, MEMORIES, PORTS = (
    1,
    2,
    3,
    10,
    20,
)  # processes; a memory is one, an engine's ports are one, its FIFOs the next


def chrome_trace(run: KeptRun, window: Window | None = None, bursts: int = BURSTS) -> str:
    """The text of the file, an event a line.

    Slices: parts of the run, calls of each engine, what no engine does, calls' use of each port, and bursts
    where the window has at most `bursts`; a window ends where it has CALLS calls. Flows: from the call that
    writes a tensor to those that read it. Counters: bandwidth of each memory in BINS bins, power, and bursts
    outstanding where there are slices of them, and the highest and the mean level of each FIFO, in bins where the
    window has more than levels.MOST of them.
    """
    (begin, end), left_out = cut(run, window or (0, run.elapsed), CALLS)
    trace = _Trace(run, begin, end, bursts, left_out)
    events = ",\n".join(json.dumps(event, separators=(",", ":")) for event in trace.events())
    about = json.dumps(trace.about(), indent=1)
    return f'{{"displayTimeUnit":"ns",\n"otherData":{about},\n"traceEvents":[\n{events}\n]}}\n'


class _Trace:
    def __init__(self, run: KeptRun, begin: int, end: int, limit: int, left_out: str):
        self.run, self.begin, self.end, self.left_out = run, begin, end, left_out
        self.spans = sorted(run.spans_in(begin, end), key=lambda s: (s.start, -s.end))
        self.bursts = sum(len(p.bursts) for s in self.spans if s.record for p in s.record.ports)
        self.with_bursts = 0 < self.bursts <= limit
        self.engines = {name: i + 1 for i, name in enumerate(run.engines)}
        self.levels, self.level_bin = tracks(run, (begin, end))

    def about(self) -> dict[str, str]:
        run = self.run
        if not self.bursts:
            bursts = "none"
        elif self.with_bursts:
            bursts = "one slice each"
        else:
            bursts = f"{self.bursts:,} left out: too many; a window by --from and --to or --layer has them"
        bin_width = time_text((self.end - self.begin) // BINS)
        return {
            "run": run.name,
            "command": str(run.provenance.get("command", "")),
            "window": f"{time_text(self.begin)} to {time_text(self.end)} of {time_text(run.elapsed)}, whole calls",
            "calls": self.left_out or "all of the window",
            "bursts": bursts,
            "FIFO levels": self.about_levels(),
            "bandwidth": f"averages over {bin_width}",
            "time": "rounded to 1 ns; start_ps and end_ps are exact",
        }

    def about_levels(self) -> str:
        if not self.levels:
            return "none were kept"
        if self.level_bin:
            return (
                f"highest and mean over {time_text(self.level_bin)}; a window by --from and --to or --layer has "
                f"those of each {CALL_BINS}th of a call"
            )
        return f"highest and mean of each {CALL_BINS}th of a call"

    def events(self) -> Iterator[Event]:
        yield from self.names()
        for name, begin, end in parts(self.run):
            if begin < self.end and end > self.begin:
                yield _slice(RUN, 1, name, max(begin, self.begin), min(end, self.end))
        for span in self.spans:
            yield self.call(span)
        yield from self.host()
        yield from self.flows()
        yield from self.ports()
        yield from self.fifos()
        yield from self.bandwidth()
        yield from self.power()

    def names(self) -> Iterator[Event]:
        yield from _process(
            RUN, self.run.name, [self.about()["window"], *[self.left_out] * bool(self.left_out)]
        )
        yield from _thread(RUN, 1, "layers")
        yield from _process(HOST, "host")
        for i, host in enumerate(self.run.hosts):
            yield from _thread(HOST, i + 1, self.host_track(host))
        yield from _process(ENGINES, "engines")
        for engine, tid in self.engines.items():
            yield from _thread(ENGINES, tid, engine)

    def host_track(self, host: str) -> str:
        return host if self.host_spans(host) else f"{host}, between calls"

    def host_spans(self, host: str) -> list[Span]:
        """What a host noted itself."""
        return [s for s in self.run.trace.spans if s.track == host and self.overlaps(s)]

    def overlaps(self, span: Span) -> bool:
        return span.start < self.end and span.end > self.begin

    def call(self, span: Span) -> Event:
        record = span.record
        args: dict[str, Any] = {"operation": self.run.label(span)}
        if record is not None:
            waits = {port.port: port.wait for port in record.ports if port.wait}
            args |= {
                "cycles": record.cycles,
                "compute_cycles": record.compute,
                "wait_cycles": sum(waits.values()),
                "waits": waits,
                "read_bytes": sum(p.bytes for p in record.ports if p.command == "read"),
                "write_bytes": sum(p.bytes for p in record.ports if p.command == "write"),
            }
        return _slice(ENGINES, self.engines[span.track], span.name, span.start, span.end, span.kind, args)

    def host(self) -> Iterator[Event]:
        """A host that notes nothing is at work when no engine is."""
        for i, host in enumerate(self.run.hosts):
            noted = self.host_spans(host)
            for span in sorted(noted, key=lambda s: (s.start, -s.end)):
                yield _slice(HOST, i + 1, span.name, span.start, span.end, span.kind)
            for begin, end in [] if noted else gaps(self.spans, self.begin, self.end):
                yield _slice(HOST, i + 1, "set up and poll", begin, end, "host")

    def flows(self) -> Iterator[Event]:
        first: dict[str, Span] = {}
        last: dict[str, Span] = {}
        for span in self.spans:
            first.setdefault(span.name, span)
            last[span.name] = span
        writers: dict[str, Span] = {}
        number = 0
        for op in self.run.workload.program.operations:
            if op.name not in first:
                continue
            for tensor in op.inputs:
                if (writer := writers.get(tensor.name)) is None or tensor.role is Role.WEIGHT:
                    continue
                number += 1
                reader = first[op.name]
                head = {"cat": "tensor", "name": tensor.name, "id": number, "pid": ENGINES}
                at = max(_ns(writer.end) - 1, _ns(writer.start))  # a flow leaves from within its slice
                yield head | {"ph": "s", "tid": self.engines[writer.track], "ts": _us(at)}
                yield head | {
                    "ph": "f",
                    "bp": "e",
                    "tid": self.engines[reader.track],
                    "ts": _us(_ns(reader.start)),
                }
            for tensor in op.outputs:
                writers[tensor.name] = last[op.name]

    def ports(self) -> Iterator[Event]:
        left_out = [] if self.with_bursts or not self.bursts else [f"{self.bursts:,} bursts left out"]
        for engine, number in self.engines.items():
            pid, ports = PORTS + 2 * number, [p for p in self.run.ports if owner(p) == engine]
            if ports:
                yield from _process(pid, f"ports of {engine}", left_out)
            for i, port in enumerate(ports):
                yield from _thread(pid, i + 1, f"{port.partition('.')[2]} ({self.run.ports[port]}s)")
                for span in self.spans:
                    yield from self.use(span, port, pid, i + 1)
                if self.with_bursts:
                    yield from self.outstanding(port, pid)

    def use(self, span: Span, port: str, pid: int, tid: int) -> Iterator[Event]:
        """A call's use of a port, from the first address to the last beat, and its bursts inside."""
        clock = self.run.clock(span.track)
        if span.record is None or clock is None:
            return
        for activity in (p for p in span.record.ports if p.port == port):
            first = clock.next_cycle(span.start - 1)
            rows = activity.bursts[:, :3] + np.array([first, first, first + 1])  # the last beat takes a cycle
            args = {
                "beats": activity.beats,
                "bursts": len(activity.bursts),
                "bytes": activity.bytes,
                "wait_cycles": activity.wait,
            }
            begin, end = clock.edge(int(rows[:, 0].min())), clock.edge(int(rows[:, 2].max()))
            yield _slice(pid, tid, span.name, begin, end, activity.command, args)
            if self.with_bursts:
                beats = activity.bursts[:, 3].tolist()
                times = edges(clock, rows.ravel()).reshape(-1, 3).tolist()
                for (asked, start, stop), n in zip(times, beats, strict=True):
                    burst = _slice(pid, tid, "burst", start, stop)
                    yield burst | {"args": {"beats": n, "asked_ps": asked}}

    def fifos(self) -> Iterator[Event]:
        """Those of the engines that work in the window."""
        working = {span.track for span in self.spans}
        for engine, number in self.engines.items():
            own = [track for track in self.levels if owner(track.name) == engine]
            pid = PORTS + 2 * number + 1
            if not own or engine not in working:
                continue
            yield from _process(pid, f"FIFOs of {engine}")
            for track in own:
                at = track.times.astype(np.int64).tolist()
                name = f"{track.name.partition('.')[2]} [{track.capacity}]"
                yield from _counter(pid, name, "highest", at, [*track.high.tolist(), 0])
                yield from _counter(pid, name, "mean", at, [*track.mean.round(4).tolist(), 0.0])

    def outstanding(self, port: str, pid: int) -> Iterator[Event]:
        found = self.run.bursts(port, self.begin, self.end)
        changes = np.concatenate((found.asked, found.end))
        steps = np.repeat([1, -1], len(found.asked))
        order = np.argsort(changes, kind="stable")
        name = f"{port} outstanding"
        yield from _counter(pid, name, "bursts", changes[order].tolist(), np.cumsum(steps[order]).tolist())

    def bandwidth(self) -> Iterator[Event]:
        traffic = self.run.traffic(BINS, self.begin, self.end)
        at = traffic.edges.astype(np.int64).tolist()
        for i, memory in enumerate(self.run.memories):
            peak = (self.run.report["traffic"]["memories"].get(memory) or {}).get("peak_bytes_per_s")
            yield from _process(MEMORIES + i, memory, [f"peak {peak / 1e9:.2f} GB/s"] if peak else [])
            for command in ("read", "write"):
                ports = [
                    p
                    for p, what in self.run.ports.items()
                    if what == command and self.run.memory_of(p) == memory
                ]
                total = sum((traffic.ports[p] for p in ports), np.zeros(BINS))
                rates = (traffic.rate(total) / 1e9).round(4).tolist()
                yield from _counter(MEMORIES + i, f"{command} bandwidth", "GB/s", at, [*rates, 0.0])

    def power(self) -> Iterator[Event]:
        found = power(self.run)
        if found is None:
            return
        inside = (found.times >= self.begin) & (found.times <= self.end)
        watts = (found.calls + found.constant).round(4)
        yield from _counter(RUN, "power", "W", found.times[inside].tolist(), watts[inside].tolist())


def gaps(spans: Iterable[Span], begin: int, end: int) -> list[Window]:
    """Where no span is."""
    found, at = [], begin
    for span in sorted(spans, key=lambda s: s.start):
        if span.start > at:
            found.append((at, min(span.start, end)))
        at = max(at, span.end)
    return [*found, (at, end)] if at < end else found


def time_text(ps: int) -> str:
    return f"{ps / MS:.6f} ms"


def _ns(ps: int) -> int:
    return (ps + NS // 2) // NS


def _us(ns: int) -> float:
    return ns / 1000


def _slice(pid: int, tid: int, name: str, begin: int, end: int, category: str = "",
           args: dict[str, Any] | None = None) -> Event:  # fmt: skip
    start = _ns(begin)  # edges are rounded, not lengths: slices that touch do not come to overlap
    return {
        "ph": "X", "pid": pid, "tid": tid, "name": name, "cat": category, "ts": _us(start),
        "dur": _us(_ns(end) - start), "args": {**(args or {}), "start_ps": begin, "end_ps": end},
    }  # fmt: skip


def _counter(
    pid: int, name: str, unit: str, times: Sequence[int], values: Sequence[float]
) -> Iterator[Event]:
    """Only what changes; of equal times the last."""
    before = None
    for i, (at, value) in enumerate(zip(times, values, strict=True)):
        if value != before and (i + 1 == len(times) or times[i + 1] > at):
            yield {"ph": "C", "pid": pid, "name": name, "ts": _us(_ns(at)), "args": {unit: value}}
            before = value


def _process(pid: int, name: str, labels: Sequence[str] = ()) -> Iterator[Event]:
    yield {"ph": "M", "pid": pid, "name": "process_name", "args": {"name": name}}
    yield {"ph": "M", "pid": pid, "name": "process_sort_index", "args": {"sort_index": pid}}
    if labels:
        yield {"ph": "M", "pid": pid, "name": "process_labels", "args": {"labels": ", ".join(labels)}}


def _thread(pid: int, tid: int, name: str) -> Iterator[Event]:
    yield {"ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": {"name": name}}
    yield {"ph": "M", "pid": pid, "tid": tid, "name": "thread_sort_index", "args": {"sort_index": tid}}
