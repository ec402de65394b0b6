"""One call of an engine, by itself: made, and run on a platform."""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any

from analysis.host import host_of
from tlm.component import Sequencer
from tlm.simulation import Simulation
from tlm.trace import CallRecord
from workloads.builder import Builder
from workloads.operations import NormSumMode, Operation, Program, Role, Tensor
from workloads.operations.scan import STATES
from workloads.placement import place
from workloads.vim.errors import WorkloadError

QUIET = 1_000_000_000  # ps between calls on one simulation: everything is at rest again

SUMS = {
    "norm": NormSumMode.NORM,
    "add": NormSumMode.SUM,
    "mean": NormSumMode.MEAN,
    "norm_of_sum": NormSumMode.NORM_OF_SUM,
}
KINDS = ("linear", "conv", "smooth", "scan", *SUMS, "flip", "load_cls", "embed")
FLAGS = ("bias", "silu", "softplus")


def make_call(
    name: str, kind: str, tokens: int, features: int, out: int | None = None, flags: Collection[str] = ()
) -> Operation:
    """One of `KINDS` on inputs of its own; `out` features (as many as read if None) and `flags` of a linear.

    Raises ValueError for sizes that no operation has.
    """
    build = Builder()

    def given(field: str, columns: int = features) -> Tensor:
        return build.tensor(field, tokens, columns, role=Role.INPUT)

    x = given("x")
    match kind:
        case "linear":
            bias, silu, softplus = (flag in flags for flag in FLAGS)
            wide = features if out is None else out
            return build.linear(name, x, wide, bias=bias, silu=silu, softplus=softplus)
        case "conv":
            return build.conv(name, x)
        case "smooth":
            return build.smooth(name, x)
        case "flip":
            return build.flip(name, x)
        case "load_cls":
            return build.load_class_token(name, x, tokens // 2)
        case "scan":
            return build.scan(name, x, given("delta"), given("z"), given("b", STATES), given("c", STATES))
        case "embed":
            return build.embed(name, tokens - 1 or 1, features, 3, 16, 16, (tokens - 1) // 2)
    mode = SUMS[kind]
    return build.norm_sum(name, mode, x, given("b") if mode.sums else None)


def run_call(simulation: Simulation, operation: Operation) -> CallRecord:
    """Simulate one operation with its tensors placed by themselves.

    Raises WorkloadError when the engine's buffers or the memory cannot hold it, UnfitError when there is no host.
    """
    host_of(simulation.platform)
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
