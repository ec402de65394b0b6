"""A run as a value change dump, which GTKWave opens. Time in ps."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt
from vcd import VCDWriter
from vcd.writer import Variable

from analysis.exports.chrome_trace import gaps, time_text
from analysis.kept_run import Bursts, KeptRun, Window
from analysis.levels import Track, tracks
from analysis.window import cut
from tlm.gauge import BINS

IDLE = "idle"
BURSTS = 40_000  # in a window with more of them ports are sampled
CALLS = 5_000  # at most
SAMPLES = 20_000  # over the window
AS_KEPT = f"of each {BINS}th of a call"
Change = tuple[int, Variable[Any], Any]  # time, what changes, value


def vcd(run: KeptRun, window: Window | None = None, bursts: int = BURSTS) -> str:
    """The text of the file.

    Of each engine: `busy`, and while it is, `call` (its index in calls.csv, else -1), `name` and `kind`. Of
    each port: `active` while a burst's beats move, `outstanding` bytes that were asked for and have not moved,
    and `moved`, all bytes of bursts that ended in the window. With more than `bursts` bursts in the window
    ports are sampled, and a window ends where it has CALLS calls; `moved` is exact at each sample all the same.
    Of each FIFO: `depth`, and for parts of each call the highest `level` and the `mean`, in bins where the
    window has more than levels.MOST of them.
    """
    (begin, end), left_out = cut(run, window or (0, run.elapsed), CALLS)
    found = {port: run.bursts(port, begin, end) for port in run.ports}
    count = sum(len(b.start) for b in found.values())
    step = 0 if count <= bursts else -(-(end - begin) // SAMPLES)
    fifos, level_bin = tracks(run, (begin, end))
    about = _about(run, begin, end, count, step, left_out)
    if fifos:
        about += f"\nFIFO levels: highest and mean {f'over {time_text(level_bin)}' if level_bin else AS_KEPT}"
    out = io.StringIO()
    with VCDWriter(out, "1 ps", date="", comment=about, version=_version(), init_timestamp=begin) as writer:
        changes = [*_engines(run, writer, begin, end), *_host(run, writer, begin, end)]
        for port, of in found.items():
            changes += _port(writer, port, of, begin, end, step)
        for track in fifos:
            changes += _fifo(writer, track)
        changes.sort(key=lambda change: change[0])
        for at, variable, value in changes:
            writer.change(variable, at, value)
        writer.close(end)
    return out.getvalue()


def _about(run: KeptRun, begin: int, end: int, bursts: int, step: int, left_out: str) -> str:
    sampled = (
        f"ports sampled every {time_text(step)}: {bursts} bursts are too many for every change"
        if step
        else ""
    )
    lines = [
        run.name,
        str(run.provenance.get("command", "")),
        f"{time_text(begin)} to {time_text(end)} of {time_text(run.elapsed)}",
        left_out,
        sampled or "ports with every burst",
    ]
    return "\n".join(line for line in lines if line)


def _version() -> str:
    try:
        return f"vision-mamba-tlm {version('vision-mamba-tlm')}"
    except PackageNotFoundError:
        return "vision-mamba-tlm"


def _engines(run: KeptRun, writer: VCDWriter, begin: int, end: int) -> Iterator[Change]:
    variables = {
        engine: (
            writer.register_var(engine, "busy", "wire", 1, init=0),
            writer.register_var(engine, "call", "integer", init=-1),
            writer.register_var(engine, "name", "string", init=IDLE),
            writer.register_var(engine, "kind", "string", init=IDLE),
        )
        for engine in run.engines
    }
    index = {id(span): i for i, span in enumerate(run.trace.calls or run.trace.spans)}
    for span in sorted(run.spans_in(begin, end), key=lambda s: s.start):
        both = zip(
            variables[span.track],
            (1, index[id(span)], span.name, span.kind),
            (0, -1, IDLE, IDLE),
            strict=True,
        )
        for variable, busy, idle in both:
            yield max(span.start, begin), variable, busy
            if span.end <= end:
                yield span.end, variable, idle


def _host(run: KeptRun, writer: VCDWriter, begin: int, end: int) -> Iterator[Change]:
    """When no engine is busy."""
    idle = writer.register_var("host", "between_calls", "wire", 1, init=0)
    for start, stop in gaps(run.spans_in(begin, end), begin, end):
        yield start, idle, 1
        yield stop, idle, 0


def _port(writer: VCDWriter, port: str, bursts: Bursts, begin: int, end: int, step: int) -> Iterator[Change]:
    engine, _, name = port.partition(".")
    scope = (engine, name)
    variables = (
        writer.register_var(scope, "active", "wire", 1, init=0),
        writer.register_var(scope, "outstanding", "integer", 64, init=0),
        writer.register_var(scope, "moved", "integer", 64, init=0),
    )
    if step:
        at = np.append(np.arange(begin, end, step), end)
    else:
        at = np.unique(np.concatenate((bursts.asked, bursts.start, bursts.end)).clip(begin, end))
    active = np.searchsorted(np.sort(bursts.start), at, "right") - np.searchsorted(
        np.sort(bursts.end), at, "right"
    )
    moved = _so_far(bursts.end, bursts.bytes, at)
    outstanding = _so_far(bursts.asked, bursts.bytes, at) - moved
    for variable, values in zip(variables, (active.clip(0, 1), outstanding, moved), strict=True):
        changed = np.append(True, np.diff(values) != 0)[: len(at)]
        for time, value in zip(at[changed].tolist(), values[changed].tolist(), strict=True):
            yield time, variable, value


def _fifo(writer: VCDWriter, track: Track) -> Iterator[Change]:
    engine, _, name = track.name.partition(".")
    scope = (engine, name.replace(" ", "_"))
    writer.register_var(scope, "depth", "integer", init=track.capacity)
    highest = writer.register_var(scope, "level", "integer", init=0)
    mean = writer.register_var(scope, "mean", "real", init=0.0)
    for variable, values in (
        (highest, np.append(track.high, 0)),
        (mean, np.append(track.mean, 0.0).round(4)),
    ):
        changed = np.append(True, np.diff(values) != 0)
        times = track.times[changed].astype(np.int64)
        for time, value in zip(times.tolist(), values[changed].tolist(), strict=True):
            yield time, variable, value


def _so_far(
    times: npt.NDArray[np.int64], nbytes: npt.NDArray[np.int64], at: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Bytes of all that happened up to each time of `at`."""
    order = np.argsort(times, kind="stable")
    total = np.concatenate(([0], np.cumsum(nbytes[order])))
    return total[np.searchsorted(times[order], at, "right")]
