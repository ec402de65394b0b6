"""A trace as a file of columns (NumPy's .npz): what calls share is written once.

Texts are indices into `texts`. Spans name their record by its index, -1 for none; ports, counts and stalls of a
record carry its index; `bursts` has the rows of all ports one after the other, `port_bursts` of them for each.
So have `levels` those of all gauges, `gauge_bins` for each.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tlm.gauge import Gauge
from tlm.trace import CallRecord, PortActivity, Span, Trace

FORMAT = 2
LEVEL = 1  # of compression: a third of the time of the usual 6, for files a tenth larger


class TraceFileError(ValueError):
    """The file is no trace, or not a whole one."""


class _Texts(dict[str, int]):
    def __missing__(self, text: str) -> int:
        self[text] = len(self)
        return self[text]

    def column(self, texts: Iterable[str]) -> npt.NDArray[np.int32]:
        return np.array([self[text] for text in texts], dtype=np.int32)


def to_bytes(trace: Trace, elapsed: int) -> bytes:
    """The file's content; equal traces give equal bytes. `elapsed`: length of the run in ps."""
    texts = _Texts()
    found: dict[int, tuple[int, CallRecord]] = {}
    for span in trace.spans:
        if span.record is not None:
            found.setdefault(id(span.record), (len(found), span.record))
    index = {None: -1} | {key: place for key, (place, _) in found.items()}
    records = [record for _, record in found.values()]
    ports = [(i, port) for i, record in enumerate(records) for port in record.ports]
    counts = [(i, name, n) for i, record in enumerate(records) for name, n in record.counts.items()]
    stalls = [(i, name, n) for i, record in enumerate(records) for name, n in record.stalls.items()]
    bursts = [port.bursts for _, port in ports]
    gauges = [(i, gauge) for i, record in enumerate(records) for gauge in record.gauges]
    levels = [gauge.levels for _, gauge in gauges]
    columns: dict[str, npt.NDArray[Any]] = {
        "format": _ints([FORMAT]),
        "elapsed": _ints([elapsed]),
        "replayed": _ints([trace.replayed]),
        "span_track": texts.column(s.track for s in trace.spans),
        "span_name": texts.column(s.name for s in trace.spans),
        "span_kind": texts.column(s.kind for s in trace.spans),
        "span_start": _ints(s.start for s in trace.spans),
        "span_end": _ints(s.end for s in trace.spans),
        "span_record": _ints(index[None if s.record is None else id(s.record)] for s in trace.spans),
        "span_args": texts.column(json.dumps(dict(s.args)) for s in trace.spans),
        "record_cycles": _ints(r.cycles for r in records),
        "record_compute": _ints(r.compute for r in records),
        "count_record": _ints(i for i, _, _ in counts),
        "count_name": texts.column(name for _, name, _ in counts),
        "count_value": _ints(n for _, _, n in counts),
        "stall_record": _ints(i for i, _, _ in stalls),
        "stall_name": texts.column(name for _, name, _ in stalls),
        "stall_value": _ints(n for _, _, n in stalls),
        "port_record": _ints(i for i, _ in ports),
        "port_name": texts.column(p.port for _, p in ports),
        "port_command": texts.column(p.command for _, p in ports),
        "port_beats": _ints(p.beats for _, p in ports),
        "port_bytes": _ints(p.bytes for _, p in ports),
        "port_wait": _ints(p.wait for _, p in ports),
        "port_bursts": _ints(len(rows) for rows in bursts),
        "bursts": _narrow(np.concatenate(bursts) if bursts else np.empty((0, 4), dtype=np.int64)),
        "gauge_record": _ints(i for i, _ in gauges),
        "gauge_name": texts.column(g.name for _, g in gauges),
        "gauge_capacity": _ints(g.capacity for _, g in gauges),
        "gauge_peak": _ints(g.peak for _, g in gauges),
        "gauge_mean": np.array([g.mean for _, g in gauges], dtype=np.float64),
        "gauge_full": _ints(g.full for _, g in gauges),
        "gauge_empty": _ints(g.empty for _, g in gauges),
        "gauge_bins": _ints(len(rows) for rows in levels),
        "levels": _narrow(np.concatenate(levels) if levels else np.empty((0, 3), dtype=np.int64)),
        "counter_name": texts.column(trace.counters),
        "counter_value": _ints(trace.counters.values()),
    }
    columns["texts"] = np.array(list(texts) or [""])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, column in columns.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, column, allow_pickle=False)
            # a date of its own would make equal traces differ
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, part.getvalue(), compresslevel=LEVEL)
    return file.getvalue()


def from_bytes(content: bytes) -> tuple[Trace, int]:
    """The trace and the length of its run in ps. Raises TraceFileError."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
        if (version := int(columns["format"][0])) != FORMAT:
            raise TraceFileError(f"must be a trace of format {FORMAT}, not {version}")
        return _trace(columns), int(columns["elapsed"][0])
    except KeyError as error:
        raise TraceFileError(f"must be a trace, but has no column {str(error.args[0]).split()[0]}") from None
    except TraceFileError:
        raise
    except Exception as error:  # a damaged archive fails in zipfile, zlib and numpy with errors of many kinds
        raise TraceFileError(f"must be a whole trace file ({error})") from None


def _trace(columns: dict[str, npt.NDArray[Any]]) -> Trace:
    texts = columns["texts"].tolist()

    def texts_of(name: str) -> list[str]:
        return [texts[i] for i in columns[name].tolist()]

    def rows(*names: str) -> Iterable[tuple[Any, ...]]:
        return zip(*(columns[name].tolist() for name in names), strict=True)

    bursts = columns["bursts"].astype(np.int64)
    ends = np.cumsum(columns["port_bursts"])
    if (len(ends) and int(ends[-1])) != len(bursts):
        raise TraceFileError(f"must have {int(ends[-1]) if len(ends) else 0} bursts, not {len(bursts)}")
    numbers = rows("port_record", "port_beats", "port_bytes", "port_wait", "port_bursts")
    ports: dict[int, list[PortActivity]] = {}
    named = zip(texts_of("port_name"), texts_of("port_command"), numbers, ends.tolist(), strict=True)
    for name, command, (record, beats, nbytes, wait, n), end in named:
        kept = PortActivity(name, command, beats, nbytes, bursts[end - n : end], wait)
        ports.setdefault(record, []).append(kept)
    gauges = _gauges(columns, texts_of("gauge_name"))
    counts: dict[int, dict[str, int]] = {}
    stalls: dict[int, dict[str, int]] = {}
    for what, found in (("count", counts), ("stall", stalls)):
        values = rows(f"{what}_record", f"{what}_value")
        for name, (record, value) in zip(texts_of(f"{what}_name"), values, strict=True):
            found.setdefault(record, {})[name] = value
    records = [
        CallRecord(
            cycles,
            compute,
            tuple(ports.get(i, ())),
            counts.get(i, {}),
            stalls.get(i, {}),
            tuple(gauges.get(i, ())),
        )
        for i, (cycles, compute) in enumerate(rows("record_cycles", "record_compute"))
    ]
    trace = Trace()
    trace.replayed = int(columns["replayed"][0])
    trace.counters.update(dict(zip(texts_of("counter_name"), columns["counter_value"].tolist(), strict=True)))
    words = zip(texts_of("span_track"), texts_of("span_name"), texts_of("span_kind"), strict=True)
    times = rows("span_start", "span_end", "span_record")
    args = {text: json.loads(text) for text in set(texts_of("span_args"))}
    for (track, name, kind), (start, end, at), text in zip(words, times, texts_of("span_args"), strict=True):
        record_of = records[at] if at >= 0 else None
        trace.spans.append(Span(track, name, kind, start, end, record_of, args[text]))
    return trace


def _gauges(columns: dict[str, npt.NDArray[Any]], names: list[str]) -> dict[int, list[Gauge]]:
    """Of each record."""
    levels = columns["levels"].astype(np.int64)
    ends = np.cumsum(columns["gauge_bins"])
    if (whole := int(ends[-1]) if len(ends) else 0) != len(levels):
        raise TraceFileError(f"must have {whole} levels of FIFOs, not {len(levels)}")
    fields = ("record", "capacity", "peak", "mean", "full", "empty", "bins")
    rows = zip(*(columns[f"gauge_{name}"].tolist() for name in fields), strict=True)
    found: dict[int, list[Gauge]] = {}
    for name, (record, capacity, peak, mean, full, empty, bins), end in zip(
        names, rows, ends.tolist(), strict=True
    ):
        kept = Gauge(name, capacity, peak, mean, full, empty, levels[end - bins : end])
        found.setdefault(record, []).append(kept)
    return found


def _ints(values: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64)


def _narrow(values: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """32 bits where they do."""
    limits = np.iinfo(np.int32)
    fits = not values.size or (values.min() >= limits.min and values.max() <= limits.max)
    return values.astype(np.int32) if fits else values
