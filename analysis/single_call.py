"""One call of an engine, by itself, on a platform."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tlm.component import Sequencer
from tlm.simulation import Simulation
from tlm.trace import CallRecord
from workloads.operations import Operation, Program
from workloads.placement import place
from workloads.vim.errors import WorkloadError

QUIET = 1_000_000_000  # ps between calls on one simulation: everything is at rest again


def run_call(simulation: Simulation, operation: Operation) -> CallRecord:
    """Simulate one operation with its tensors placed by themselves.

    Raises WorkloadError when the engine's buffers or the memory cannot hold it.
    """
    (sequencer,) = simulation.find(Sequencer)
    ranges = simulation.memory_map.ranges
    base, size = (ranges[0].base, ranges[0].size) if ranges else (0, 1 << 62)
    program = Program("call", (operation,))
    if shortages := sequencer.shortages(program):
        raise WorkloadError(shortages)
    placement = place(program, base, size)

    def process() -> Generator[Any, Any, CallRecord]:
        now = int(simulation.env.now)
        if now:
            clock = next(iter(simulation.clocks.values()))
            yield simulation.env.timeout(clock.next_edge(now + QUIET) - now)
        return (yield from sequencer.call(operation, placement.address))

    return simulation.run(process())
