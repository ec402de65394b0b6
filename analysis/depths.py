"""Advice on the depths of FIFOs: calls that a full FIFO holds up, tried again with deeper ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

from analysis.calls import CallGroup
from analysis.simulate import Result
from analysis.single_call import run_call
from tlm.platform import Platform
from tlm.simulation import Simulation
from workloads.operations import Operation, Role

FULL = 0.25  # of a call's cycles: FIFOs that are full for less are left alone
WORTH = 0.01  # of a call's cycles: what saves less is not told


@dataclass(frozen=True)
class Advice:
    """A kind of call, by itself on the platform: cycles as it is, and with each depth of a FIFO that was tried."""

    call: str
    calls: int
    fifo: str
    depth: int
    full: float  # share of the cycles in which it was full
    cycles: int
    tried: dict[int, int]  # cycles by depth

    def __str__(self) -> str:
        best = f"{self.fifo} is full {self.full:.0%} of {self.call}"
        saves = [
            f"{depth} places instead of {self.depth} would save {1 - cycles / self.cycles:.1%} of it"
            for depth, cycles in self.tried.items()
        ]
        return f"{best}: {', '.join(saves)}"


def advise(result: Result, groups: Sequence[CallGroup]) -> list[Advice]:
    """Needs a run with gauges. What is saved is found by trying: the call alone, with one depth changed."""
    operations = {op.name: op for op in result.workload.program.operations}
    found = []
    for group in groups:
        for fifo, depth, full in _full(group, result.platform):
            op = _alone(operations[group.example])
            cycles = _cycles(result.platform, op)
            tried = {}
            for deeper in (depth + 1, 2 * depth, 4 * depth):
                if deeper not in tried:
                    tried[deeper] = _cycles(_changed(result.platform, fifo, deeper), op)
            worth, least = {}, cycles  # a deeper one is told where it saves more
            for deeper, took in tried.items():
                if least - took >= WORTH * cycles:
                    worth[deeper] = least = took
            if worth:
                found.append(Advice(group.label, group.calls, fifo, depth, full, cycles, worth))
    return found


def _full(group: CallGroup, platform: Platform) -> Iterator[tuple[str, int, float]]:
    """FIFOs that are parameters of the engine and often full: name, depth, share of the cycles."""
    spec = platform.components[group.engine]
    worst: dict[str, tuple[int, float]] = {}
    for gauge in group.gauges.values():
        # "linear.fifo to the writer" has the depth of all that are called fifo
        path = gauge.name.partition(" ")[0]
        if gauge.full >= FULL * group.cycles and hasattr(spec.params, path.partition(".")[2]):
            worst[path] = gauge.capacity, max(worst.get(path, (0, 0.0))[1], gauge.full / group.cycles)
    yield from ((path, depth, full) for path, (depth, full) in worst.items())


def _alone(op: Operation) -> Operation:
    """The operation with what others make as inputs."""
    given = {
        f.name: replace(tensor, role=Role.INPUT)
        for f in fields(op)  # type: ignore[arg-type]
        if (tensor := getattr(op, f.name)) in op.inputs and tensor.role is Role.ACTIVATION
    }
    return replace(op, **given)  # type: ignore[type-var]


def _changed(platform: Platform, parameter: str, value: int) -> Platform:
    component, _, name = parameter.partition(".")
    spec = platform.components[component]
    changed = replace(spec, params=replace(spec.params, **{name: value}))
    return replace(platform, components={**platform.components, component: changed})


def _cycles(platform: Platform, op: Operation) -> int:
    return run_call(Simulation(platform), op).cycles
