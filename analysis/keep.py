"""Files of a run: report.json and calls.csv, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from typing import Any

from analysis.binding import binding
from analysis.calls import host_times
from analysis.simulate import Result
from tlm.errors import InputError, Place, Problem

COLUMNS = (
    "index", "name", "kind", "engine", "start_ps", "end_ps", "start_cycle", "end_cycle", "cycles",
    "compute_cycles", "wait_cycles", "waits", "read_bytes", "write_bytes",
    "host_cycles", "binding",
)  # fmt: skip


def check_folder(folder: str) -> None:
    """Raises InputError when `folder` cannot become a folder to write to. Creates nothing."""
    place = folder
    while not os.path.lexists(place) and os.path.dirname(place) != place:
        place = os.path.dirname(place) or "."
    if not os.path.isdir(place) or not os.access(place, os.W_OK | os.X_OK):
        why = "may not be written to" if os.path.isdir(place) else "is no folder"
        raise InputError([Problem(Place(f"--out {folder}"), f"must be a folder to write to: {place} {why}")])


def keep(folder: str, told: Mapping[str, Any], result: Result) -> None:
    """Write the report and a row per call. Raises InputError when that is not possible."""
    texts = {"report.json": json.dumps(told, indent=2) + "\n", "calls.csv": calls_csv(result)}
    written: list[tuple[str, str]] = []
    try:
        os.makedirs(folder, exist_ok=True)
        for name, text in texts.items():
            target = os.path.join(folder, name)
            part = os.path.join(folder, f".{name}.{os.getpid()}")
            written.append((part, target))
            with open(part, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        for part, target in written:
            os.replace(part, target)
    except OSError as error:
        for part, _ in written:
            if os.path.exists(part):
                os.remove(part)
        problem = f"must be a folder to write to ({error.strerror}: {error.filename})"
        raise InputError([Problem(Place(f"--out {folder}"), problem)]) from None


def calls_csv(result: Result) -> str:
    """A row per call in order of their ends. Cycles since the run's start are those of the engine's clock;
    `waits` reads "port=cycles; port=cycles"."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    trace, hosts = result.simulation.trace, host_times(result)
    for index, span in enumerate(trace.calls or trace.spans):
        clock = getattr(result.simulation.components[span.track], "clock", None)
        start, end = (clock.cycles(at) if clock else "" for at in (span.start, span.end))
        row = [index, span.name, span.kind, span.track, span.start, span.end, start, end]
        if (record := span.record) is None:
            rows.writerow([*row, "", "", "", "", "", "", "", ""])
            continue
        waits = {port.port: port.wait for port in record.ports if port.wait}
        moved = [sum(p.bytes for p in record.ports if p.command == what) for what in ("read", "write")]
        told = "; ".join(f"{port}={cycles}" for port, cycles in waits.items())
        host = clock.cycles(hosts[span.name]) if clock else 0
        beats = {port.port: port.beats for port in record.ports}
        bound = binding(record.cycles, record.compute, beats, waits, record.stalls, host)
        rows.writerow([*row, record.cycles, record.compute, sum(waits.values()), told, *moved, host, bound])
    return text.getvalue()
