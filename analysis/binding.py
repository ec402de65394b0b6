"""What bounds a call: its compute, a port, a FIFO, the host, or the latency of steps that depend on each other."""

from __future__ import annotations

from collections.abc import Mapping

COMPUTE, HOST, LATENCY = "compute", "host", "latency"
SATURATED = 0.9  # of the cycles: what works so much of a call bounds it
FELT = 0.1  # of the cycles: waits below are no bound


def binding(
    cycles: int,
    compute: int,
    busy: Mapping[str, float],
    waits: Mapping[str, int],
    stalls: Mapping[str, int],
    host: int = 0,
) -> str:
    """The name of a resource: "compute", "host", a port, a link, a FIFO, or "latency". All figures in cycles.

    `busy`: words over each port, one a cycle at best, and the least that links behind the ports take for them.
    `waits`: by how much the call ended later for a port. `stalls`: how long a full FIFO stopped its source.
    `host`: set-up of the call and the look for its end.
    Rules, the first that holds: the host takes longer than the call; something works in 90 % of the cycles;
    the longest waits for a port are 10 % of the cycles; the longest stalls are (behind a slow port FIFOs fill
    too, which is why ports come first); something works in half of the cycles; else latency.
    """
    if host > cycles:
        return HOST
    works = {COMPUTE: compute, **busy}
    busiest = max(works, key=lambda name: works[name])
    if works[busiest] >= SATURATED * cycles:
        return busiest
    for lost in (waits, stalls):
        worst = max(lost, key=lambda name: lost[name], default="")
        if worst and lost[worst] >= FELT * cycles:
            return worst
    return busiest if works[busiest] >= cycles / 2 else LATENCY
