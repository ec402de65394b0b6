"""What the page's timeline draws: calls by lane, and for each record how its bytes move over its time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.exports.chrome_trace import gaps
from analysis.kept_run import KeptRun
from analysis.window import parts
from tlm.trace import CallRecord, PortActivity

CALLS = 20_000  # more are left out
BINS = 128  # of a port's bytes over a call
NUMBERS = 200_000  # in all profiles: with many records bins are longer


def timeline(run: KeptRun) -> tuple[str, str]:
    """JSON without a '<', and what is left out, "" when nothing is."""
    spans = sorted(run.spans, key=lambda s: (s.start, s.end))
    shown = spans[:CALLS]
    end = run.elapsed if len(shown) == len(spans) else shown[-1].end
    left_out = (
        f"Only the first {CALLS:,} of {len(spans):,} calls are shown: a page must stay small."
        if len(shown) < len(spans)
        else ""
    )
    kinds = {kind: i for i, kind in enumerate(dict.fromkeys(s.kind for s in run.spans))}
    lanes = {engine: i for i, engine in enumerate(run.engines)}
    names = {name: i for i, name in enumerate(dict.fromkeys(s.name for s in shown))}
    records: dict[int, CallRecord] = {id(s.record): s.record for s in shown if s.record}
    index = {key: i for i, key in enumerate(records)}
    bins = max(1, min(BINS, NUMBERS // max(1, sum(len(r.ports) for r in records.values()))))
    calls = [
        [lanes[s.track], kinds[s.kind], s.start, s.end - s.start, index.get(id(s.record), -1), names[s.name]]
        for s in shown
    ]
    idle = [[len(lanes), -1, a, b - a, -1, -1] for a, b in gaps(shown, 0, end)]
    data = {
        "begin": 0,
        "end": end,
        "lanes": [{"name": name} for name in (*lanes, "host")],
        "kinds": list(kinds),
        "names": list(names),
        "calls": calls + idle,
        "records": [_record(run, record, bins) for record in records.values()],
        "memories": [_memory(run, name) for name in run.memories],
        "parts": [{"name": n, "start": a, "end": b} for n, a, b in parts(run) if b <= end],
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"), left_out


def kinds(run: KeptRun) -> list[str]:
    """In the order of their colours."""
    return list(dict.fromkeys(s.kind for s in run.spans))


def _memory(run: KeptRun, name: str) -> dict[str, Any]:
    told = run.report["traffic"]["memories"].get(name) or {}
    return {"name": name, "peak": told.get("peak_bytes_per_s")}


def _record(run: KeptRun, record: CallRecord, bins: int) -> dict[str, Any]:
    flows = [
        {
            "name": port.port,
            "memory": run.memories.index(memory),
            "write": port.command == "write",
            "bytes": port.bytes,
            "profile": profile(port, record.cycles, bins).tolist(),
        }
        for port in record.ports
        if (memory := run.memory_of(port.port)) is not None
    ]
    if not record.ports:  # an engine without ports of its own, as a GPU: only how much it moved is known
        for i, memory in enumerate(run.memories):
            for command in ("read", "write"):
                if nbytes := record.counts.get(f"{memory}.{command}_bytes"):
                    name = f"{memory}, {command}s"
                    flows.append(
                        {
                            "name": name,
                            "memory": i,
                            "write": command == "write",
                            "bytes": nbytes,
                            "profile": [nbytes],
                        }
                    )
    return {
        "cycles": record.cycles,
        "compute": record.compute,
        "ports": [
            {"name": p.port, "wait": p.wait, "beats": p.beats, "bursts": len(p.bursts)} for p in record.ports
        ],
        "flows": flows,
    }


def profile(port: PortActivity, cycles: int, bins: int) -> npt.NDArray[np.int64]:
    """Bytes in each of `bins` equal parts of a call, whole beats; their sum is the port's.

    A burst's beats are spread evenly over its time.
    """
    rows = port.bursts[np.argsort(port.bursts[:, 1], kind="stable")]
    after = np.cumsum(rows[:, 3])
    times = np.column_stack((rows[:, 1], rows[:, 2] + 1)).ravel()
    beats = np.column_stack((after - rows[:, 3], after)).ravel()
    so_far = np.interp(np.linspace(0, cycles, bins + 1), np.maximum.accumulate(times), beats)
    so_far[0], so_far[-1] = 0, port.beats
    whole = so_far.round().astype(np.int64)
    return (whole[1:] - whole[:-1]) * (port.bytes // port.beats)
