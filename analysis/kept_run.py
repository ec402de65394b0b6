"""A finished run as views need it: in memory, or kept in a folder.

The folder holds report.json, calls.csv, trace.npz, platform.yaml (resolved) and provenance.json.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from analysis.binding import binding
from analysis.bins import spread
from analysis.calls import host_times, labels
from analysis.folder import write_files
from analysis.links import Links
from analysis.provenance import provenance
from analysis.simulate import Result, Workload
from analysis.trace_file import TraceFileError, from_bytes, to_bytes
from tlm.component import Sequencer
from tlm.errors import InputError, Place, Problem
from tlm.gauge import bin_edges
from tlm.platform import Platform, load_platform
from tlm.trace import PortActivity, Span, Trace
from tlm.units import SECOND, Clock
from workloads.lowering import workload
from workloads.vim.errors import WorkloadError

FILES = ("report.json", "calls.csv", "trace.npz", "platform.yaml", "provenance.json")
COLUMNS = (
    "index", "name", "kind", "engine", "start_ps", "end_ps", "start_cycle", "end_cycle", "cycles",
    "compute_cycles", "wait_cycles", "waits", "read_bytes", "write_bytes", "label", "layer",
    "host_cycles", "binding",
)  # fmt: skip
_LAYER = re.compile(r"(?:image(\d+)\.)?layers\.(\d+)\.")
Times = npt.NDArray[np.int64]  # ps
Window = tuple[int, int]  # ps, begin and end


@dataclass(frozen=True)
class Bursts:
    """Bursts of one port, a row each: `start` and `end` of its beats and `asked`, when its address was
    accepted, in ps; `bytes` that it moved."""

    command: str
    asked: Times
    start: Times
    end: Times
    bytes: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Traffic:
    """Bytes that crossed each port within each bin; bin i lasts from `edges[i]` to `edges[i + 1]` (ps).

    A burst's bytes are spread evenly over its beats' time. `reads` and `writes` add up the ports that lead to
    a memory: what masters moved, not what devices did, at the time at which it crossed the masters' ports.
    """

    edges: npt.NDArray[Any]
    ports: Mapping[str, npt.NDArray[np.float64]]
    reads: Mapping[str, npt.NDArray[np.float64]]
    writes: Mapping[str, npt.NDArray[np.float64]]

    @property
    def memories(self) -> dict[str, npt.NDArray[np.float64]]:
        """Bytes read and written of each memory."""
        return {memory: read + self.writes[memory] for memory, read in self.reads.items()}

    def rate(self, bytes_per_bin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Bytes a second in each bin."""
        return bytes_per_bin * SECOND / np.diff(self.edges)


@dataclass(frozen=True)
class Levels:
    """How full one FIFO was, a row a bin of each call, from `start` to `end` in ps: lowest, mean and highest level
    in it. Between calls nothing is in a FIFO."""

    start: Times
    end: Times
    low: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    high: npt.NDArray[np.int64]


@dataclass(frozen=True)
class KeptRun:
    """A run's report, platform and trace. `elapsed` in ps; `folder` is where it was loaded from."""

    report: Mapping[str, Any]
    platform: Platform
    trace: Trace
    elapsed: int
    provenance: Mapping[str, Any] = field(default_factory=dict)
    folder: str | None = None

    @classmethod
    def of(
        cls, result: Result, report: Mapping[str, Any], command: str = "", seed: int | None = None
    ) -> KeptRun:
        """A run that has just ended, without a folder."""
        made = provenance(result.platform, command, seed)
        return cls(report, result.platform, result.simulation.trace, result.run.elapsed, made)

    @classmethod
    def load(cls, folder: str) -> KeptRun:
        """Raises InputError, all problems at once, for a folder that holds no whole run."""
        return _Loader(folder).load()

    def files(self) -> dict[str, bytes]:
        """Content of every file by its name."""
        texts = {
            "report.json": json.dumps(self.report, indent=2) + "\n",
            "calls.csv": self._calls_csv(),
            "platform.yaml": _yaml(self.platform.resolved()),
            "provenance.json": json.dumps(self.provenance, indent=2) + "\n",
        }
        kept = {name: text.encode() for name, text in texts.items()}
        kept["trace.npz"] = to_bytes(self.trace, self.elapsed)
        return {name: kept[name] for name in FILES}

    @property
    def name(self) -> str:
        """What to call the run in a title: model, resolution, batch, platform."""
        told = self.report
        batch = f", batch {told['batch']}" if told["batch"] > 1 else ""
        return f"ViM {told['model']} at {told['resolution']}{batch} on {told['platform']}"

    @cached_property
    def workload(self) -> Workload:
        """What was run, lowered again from the report's sizes."""
        told = self.report
        return Workload.of(workload(told["sizes"]), told["resolution"], told["batch"])

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Components that run the program, and are no engines."""
        return tuple(n for n, spec in self.platform.components.items() if issubclass(spec.cls, Sequencer))

    @cached_property
    def engines(self) -> tuple[str, ...]:
        """Engines that were called, in the order of the platform file."""
        tracks = {span.track for span in self.spans}
        return tuple(name for name in self.platform.components if name in tracks)

    @cached_property
    def spans(self) -> list[Span]:
        """What the engines did, in the order of its end."""
        return [s for s in self.trace.calls or self.trace.spans if s.track not in self.hosts]

    @cached_property
    def memories(self) -> tuple[str, ...]:
        """Components that describe themselves as memories."""
        return tuple(n for n, spec in self.platform.components.items() if hasattr(spec.cls, "describe"))

    @cached_property
    def ports(self) -> dict[str, str]:
        """Commands of the memory ports that moved anything, by path, in the order of the platform's bindings."""
        found = {p.port: p.command for span in self.spans if span.record for p in span.record.ports}
        order = [b.initiator for b in self.platform.bindings if b.initiator in found]
        return {port: found[port] for port in (*order, *found)}

    @cached_property
    def fifos(self) -> dict[str, int]:
        """Depths of the FIFOs and buffers whose levels were kept, by name, in the order of the engines."""
        found = {g.name: g.capacity for span in self.spans if span.record for g in span.record.gauges}
        return {name: found[name] for engine in self.engines for name in found if owner(name) == engine}

    def memory_of(self, port: str) -> str | None:
        """The memory that a port's bindings lead to."""
        owners = (target.partition(".")[0] for target in self.platform.route(port))
        return next((owner for owner in owners if owner in self.memories), None)

    def clock(self, track: str) -> Clock | None:
        """The clock in which a component counts cycles."""
        name = getattr(self.platform.components[track].params, "clock", None)
        return self.platform.clocks[name] if isinstance(name, str) else None

    @cached_property
    def label(self) -> Callable[[Span], str]:
        """A span's operation and shape."""
        return labels(self.workload.program)

    def calls(self) -> dict[str, list[Any]]:
        """A column per name of COLUMNS, a row per call in order of their ends; None where it does not apply.

        Cycles since the run's start are those of the engine's clock; `waits` maps ports to cycles.
        """
        return dict(zip(COLUMNS, map(list, zip(*self._rows(), strict=True)), strict=True))

    def _rows(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        hosts, links = host_times(self.trace), Links(self.platform)
        for index, span in enumerate(self.trace.calls or self.trace.spans):
            clock, record = self.clock(span.track), span.record
            start, end = (clock.cycles(at) if clock else None for at in (span.start, span.end))
            head = (index, span.name, span.kind, span.track, span.start, span.end, start, end)
            tail = self.label(span), layer_of(span)
            if record is None:
                rows.append((*head, *[None] * 6, *tail, None, None))
                continue
            waits = {port.port: port.wait for port in record.ports if port.wait}
            moved = [sum(p.bytes for p in record.ports if p.command == what) for what in ("read", "write")]
            busy: dict[str, float] = {port.port: port.beats for port in record.ports}
            if clock:
                crossed = links.seconds((p.port, p.command, p.bytes) for p in record.ports)
                busy |= {link: seconds * clock.hz for link, seconds in crossed.items()}
            host = clock.cycles(hosts[span.name]) if clock else 0
            bound = binding(record.cycles, record.compute, busy, waits, record.stalls, host)
            row = record.cycles, record.compute, sum(waits.values()), waits, *moved, *tail, host, bound
            rows.append((*head, *row))
        return rows

    def _calls_csv(self) -> str:
        """`calls` with `waits` as "port=cycles; port=cycles"."""
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        out.writerow(COLUMNS)
        at = COLUMNS.index("waits")
        for row in self._rows():
            told = "; ".join(f"{port}={cycles}" for port, cycles in (row[at] or {}).items())
            out.writerow([*row[:at], told, *row[at + 1 :]])
        return text.getvalue()

    @cached_property
    def layers(self) -> dict[int, Window]:
        """From each layer's first call to the start of what follows it; of a batch, in the first image."""
        spans = sorted(self.spans, key=lambda s: s.start)
        found: dict[int, Window] = {}
        for span, after in zip(spans, [*spans[1:], None], strict=True):
            layer = layer_of(span)
            if layer is None or (match := _LAYER.match(span.name)) is None or match[1] not in (None, "0"):
                continue
            begin, end = found.get(layer, (span.start, 0))
            found[layer] = begin, max(end, span.end if after is None else after.start)
        return found

    def spans_in(self, begin: int = 0, end: int | None = None) -> list[Span]:
        """Spans of the engines that overlap a window."""
        stop = self.elapsed if end is None else end
        return [s for s in self.spans if s.start < stop and s.end > begin]

    def busy(self, engine: str, begin: int = 0, end: int | None = None) -> list[Window]:
        """Intervals within a window in which an engine has a call, adjacent ones merged."""
        stop = self.elapsed if end is None else end
        merged: list[Window] = []
        for span in sorted(self.spans_in(begin, stop), key=lambda s: s.start):
            if span.track != engine:
                continue
            low, high = max(span.start, begin), min(span.end, stop)
            if merged and low <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(high, merged[-1][1])
            else:
                merged.append((low, high))
        return merged

    def bursts(self, port: str, begin: int = 0, end: int | None = None) -> Bursts:
        """Bursts of a port that overlap a window, all of each."""
        engine = port.partition(".")[0]
        clock = self.clock(engine)
        rows: list[Times] = []
        for span in self.spans_in(begin, end):
            if span.track != engine or span.record is None or clock is None:
                continue
            rows += [_in_ps(p, span.start, clock) for p in span.record.ports if p.port == port]
        asked, start, stop, moved = np.concatenate(rows).T if rows else np.empty((4, 0), dtype=np.int64)
        inside = (start < (self.elapsed if end is None else end)) & (stop > begin)
        found = (column[inside] for column in (asked, start, stop, moved))
        return Bursts(self.ports.get(port, "read"), *found)

    def levels(self, fifo: str, begin: int = 0, end: int | None = None) -> Levels:
        """Levels of a FIFO in all calls that overlap a window."""
        engine = owner(fifo)
        clock = self.clock(engine)
        rows: list[Times] = []
        for span in sorted(self.spans_in(begin, end), key=lambda s: s.start):
            if span.track != engine or span.record is None or clock is None:
                continue
            for gauge in (g for g in span.record.gauges if g.name == fifo):
                cycles = bin_edges(span.record.cycles, len(gauge.levels))
                at = edges(clock, cycles + clock.next_cycle(span.start - 1))
                rows.append(np.column_stack((at[:-1], at[1:], gauge.levels, np.diff(cycles))))
        start, stop, low, high, sums, lasts = np.concatenate(rows).T if rows else np.empty((6, 0), np.int64)
        inside = (start < (self.elapsed if end is None else end)) & (stop > begin)
        mean = sums[inside] / lasts[inside]
        return Levels(start[inside], stop[inside], low[inside], mean, high[inside])

    def traffic(self, bins: int, begin: int = 0, end: int | None = None) -> Traffic:
        """Bytes over time, in `bins` bins of equal length."""
        edges = np.linspace(begin, self.elapsed if end is None else end, bins + 1)
        ports = {port: _binned(self.bursts(port, begin, end), edges) for port in self.ports}
        moved = {
            command: {m: _binned(self._own_traffic(m, command, begin, end), edges) for m in self.memories}
            for command in ("read", "write")
        }
        for port, crossed in ports.items():
            if (memory := self.memory_of(port)) is not None:
                moved[self.ports[port]][memory] += crossed
        return Traffic(edges, ports, moved["read"], moved["write"])

    def _own_traffic(self, memory: str, command: str, begin: int, end: int | None) -> Bursts:
        """What a memory that is an engine, as a GPU is, moved for its own calls: each counts as one burst."""
        spans = [s for s in self.spans_in(begin, end) if s.track == memory and s.record is not None]
        moved = [s.record.counts.get(f"{memory}.{command}_bytes", 0) for s in spans if s.record]
        start = np.array([s.start for s in spans], dtype=np.int64)
        ends = np.array([s.end for s in spans], dtype=np.int64)
        return Bursts(command, start, start, ends, np.array(moved, dtype=np.int64))


def save(
    result: Result, report: Mapping[str, Any], folder: str, command: str = "", seed: int | None = None
) -> KeptRun:
    """Keep a run: every file whole, or none. Raises InputError for a folder that cannot be written to."""
    run = KeptRun.of(result, report, command, seed)
    write_files(folder, run.files())
    return run


def owner(name: str) -> str:
    """The engine of a port or a FIFO."""
    return name.partition(".")[0]


def layer_of(span: Span) -> int | None:
    """The layer that a call belongs to, from its operation's name."""
    match = _LAYER.match(span.name)
    return int(match[2]) if match else None


def edges(clock: Clock, cycles: Times) -> Times:
    """`clock.edge` of many cycles."""
    # the period as a fraction keeps the products within 64 bits
    common = np.gcd(SECOND, clock.hz)
    up, down = int(SECOND // common), int(clock.hz // common)
    if len(cycles) and 2 * int(np.abs(cycles).max()) * up + down >= 1 << 63:
        return np.array([clock.edge(int(n)) for n in cycles], dtype=np.int64)
    return (2 * cycles * up + down) // (2 * down)


def _in_ps(port: PortActivity, start: int, clock: Clock) -> Times:
    """Rows (asked, start, end of its last beat, bytes) of a port's bursts in a call that starts at `start` ps."""
    first = clock.next_cycle(start - 1)
    rows = port.bursts
    cycles = rows[:, :3] + np.array([first, first, first + 1])  # a beat lasts a cycle
    times = edges(clock, cycles.ravel()).reshape(-1, 3)
    return np.column_stack((times, rows[:, 3] * (port.bytes // port.beats)))


def _binned(bursts: Bursts, edges: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return spread(bursts.start, bursts.end, bursts.bytes, edges)


def _yaml(tree: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True, width=110)


class _Loader:
    def __init__(self, folder: str):
        self.folder = folder
        self.problems: list[Problem] = []

    def load(self) -> KeptRun:
        if not os.path.isdir(self.folder):
            raise InputError([Problem(Place(self.folder), "must be a folder that `tlm run --out` has kept")])
        report = self._json(
            "report.json", ("model", "resolution", "batch", "platform", "sizes", "latency_ms")
        )
        made = self._json("provenance.json", ("command", "versions", "platform"))
        trace, elapsed = self._trace()
        platform = self._platform()
        if self.problems or platform is None or trace is None or report is None:
            raise InputError(self.problems)
        self._agree(trace, platform, report)
        platform = replace(platform, name=report["platform"])
        return KeptRun(report, platform, trace, elapsed, made or {}, self.folder)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _refuse(self, name: str, message: str) -> None:
        self.problems.append(Problem(Place(self._path(name)), message))

    def _read(self, name: str) -> bytes | None:
        try:
            with open(self._path(name), "rb") as file:
                return file.read()
        except OSError as error:
            self._refuse(name, f"must be a file of a run kept by `tlm run --out` ({error.strerror})")
            return None

    def _json(self, name: str, keys: Sequence[str]) -> dict[str, Any] | None:
        content = self._read(name)
        if content is None:
            return None
        try:
            found = json.loads(content)
        except ValueError as error:
            self._refuse(name, f"must be a whole JSON object ({error})")
            return None
        missing = [key for key in keys if not isinstance(found, dict) or key not in found]
        if missing:
            self._refuse(name, f"must be that of a kept run, but has no {', '.join(missing)}")
            return None
        return found

    def _trace(self) -> tuple[Trace | None, int]:
        content = self._read("trace.npz")
        if content is not None:
            try:
                return from_bytes(content)
            except TraceFileError as error:
                self._refuse("trace.npz", str(error))
        return None, 0

    def _platform(self) -> Platform | None:
        if self._read("platform.yaml") is None:
            return None
        try:
            return load_platform(self._path("platform.yaml"))
        except InputError as error:
            self.problems += error.problems
            return None

    def _agree(self, trace: Trace, platform: Platform, report: Mapping[str, Any]) -> None:
        """The files must be of one run."""
        unknown = sorted({span.track for span in trace.spans} - set(platform.components))
        if unknown:
            self._refuse("trace.npz", f"must be of the platform beside it, which has no {', '.join(unknown)}")
        try:
            Workload.of(workload(report["sizes"]), report["resolution"], report["batch"])
        except (WorkloadError, TypeError) as error:
            self._refuse("report.json", f"must have the sizes of a model ({error})")
        if self.problems:
            raise InputError(self.problems)
