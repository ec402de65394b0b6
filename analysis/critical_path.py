"""The longest chain of spans that wait for each other, from the end of a run back to its start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from analysis.calls import labels
from analysis.simulate import Result
from tlm.component import Sequencer
from tlm.trace import POLL, SETUP, Span
from workloads.dependencies import Dependencies


def critical_path(result: Result) -> list[Span] | None:
    """Spans in order of time, each of which begins when the one before it ends; together they last the latency.

    A call's set-up begins when the host has seen the end of what the call waited for (a call that made an
    input, the call before on its engine, what lay at its addresses), or when the host has done the set-up
    before. None where the host's part is not in the trace.
    """
    trace = result.simulation.trace
    hosts = {host.name for host in result.simulation.find(Sequencer)}
    setups = {s.name: s for s in trace.spans if s.track in hosts and s.kind == SETUP}
    polls = {s.name: s for s in trace.spans if s.track in hosts and s.kind == POLL}
    calls = {s.name: s for s in trace.calls}
    if not calls or not setups.keys() == polls.keys() == calls.keys():
        return None
    seen_at: dict[int, list[str]] = {}
    for ended, span in polls.items():
        seen_at.setdefault(span.end, []).append(ended)
    prepared_at = {span.end: span for span in setups.values()}
    program = result.workload.program
    before = Dependencies.of(program).before
    names = [op.name for op in program.operations]
    needs = {name: {names[j] for j in before[i]} for i, name in enumerate(names)}
    path: list[Span] = []
    name: str | None = max(polls, key=lambda n: (polls[n].end, n))
    while name is not None:
        path += [polls[name], calls[name]]
        setup: Span | None = setups[name]
        name = None
        while setup is not None and name is None:
            path.append(setup)
            seen = seen_at.get(setup.start, [])
            this = setup.name

            def rank(other: str, this: str = this) -> tuple[bool, bool, str]:
                return other in needs[this], calls[other].track == calls[this].track, other

            waited = max(seen, key=rank, default=None)
            host_before = prepared_at.get(setup.start)
            if waited is not None and (host_before is None or any(rank(waited)[:2])):
                name = waited
            setup = host_before
    return path[::-1]


def shares(result: Result, path: Iterable[Span]) -> list[dict[str, Any]]:
    """The path by kind of call, the longest part first; the host's part as one kind each for set-up and polling."""
    label: Callable[[Span], str] = labels(result.workload.program)
    hosts = {host.name: host for host in result.simulation.find(Sequencer)}
    found: dict[tuple[str, str], list[int]] = {}
    for span in path:
        words = {SETUP: "sets calls up", POLL: "has not seen an end yet"}
        kind = words[span.kind] if span.track in hosts else label(span)
        total = found.setdefault((span.track, kind), [0, 0])
        total[0] += 1
        total[1] += span.end - span.start
    elapsed = result.run.elapsed
    return [
        {"kind": kind, "engine": track, "calls": count, "ms": time * 1e-9, "share": time / elapsed}
        for (track, kind), (count, time) in sorted(found.items(), key=lambda item: -item[1][1])
    ]
