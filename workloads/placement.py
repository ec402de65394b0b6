"""Addresses for the tensors of a program (standard library only)."""

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass

from workloads.dependencies import Dependencies
from workloads.occupancy import Occupancy
from workloads.operations import Program, Role, Tensor
from workloads.vim.errors import WorkloadError

MIB = 1 << 20


@dataclass(frozen=True)
class Placement:
    """Where each tensor lies. From `base` upwards: weights, then inputs and outputs, then activations.

    All sizes are in bytes, every tensor rounded up to whole units of the alignment.
    """

    base: int
    addresses: Mapping[Tensor, int]
    weights_bytes: int
    interface_bytes: int  # inputs and outputs
    peak_bytes: int  # activations, which share addresses unless they are alive at once

    def address(self, tensor: Tensor) -> int:
        """Address of the first byte of `tensor`; KeyError for one that is not of the program."""
        return self.addresses[tensor]

    @property
    def end(self) -> int:
        """The first address above everything."""
        return self.base + self.weights_bytes + self.interface_bytes + self.peak_bytes


def place(
    program: Program, base: int, size: int, alignment: int = 4096, order: Dependencies | None = None
) -> Placement:
    """Addresses in [base, base + size), all multiples of `alignment` (4096: no AXI burst may cross 4 KiB).

    An activation lives from the operation that writes it to the last that reads it, both included: in the
    program's order, or with `order` in every order that keeps to those dependencies.
    Raises WorkloadError when the program does not fit or base, size and alignment make no sense.
    """
    _check(program, base, size, alignment)
    addresses: dict[Tensor, int] = {}
    start = end = -(-base // alignment) * alignment
    ends = []
    for roles in ((Role.WEIGHT,), (Role.INPUT, Role.OUTPUT)):
        for tensor in program.tensors:
            if tensor.role in roles:
                addresses[tensor] = end
                end += _rounded(tensor, alignment)
        ends.append(end)
    if order is None:
        peak = _place_activations(program, end, alignment, addresses)
    else:
        peak = _place_overlapped(order, end, alignment, addresses)
    placement = Placement(start, addresses, ends[0] - start, ends[1] - ends[0], peak)
    if placement.end > base + size:
        raise WorkloadError(_does_not_fit(program, placement, base, size))
    return placement


def _check(program: Program, base: int, size: int, alignment: int) -> None:
    problems = [
        f"{program.name}: {what} must be an integer of at least {least}, not {value!r}"
        for what, value, least in (("base", base, 0), ("size", size, 1), ("alignment", alignment, 1))
        if type(value) is not int or value < least
    ]
    if problems:
        raise WorkloadError(problems)


def _rounded(tensor: Tensor, alignment: int) -> int:
    return -(-tensor.nbytes // alignment) * alignment


def _place_activations(program: Program, start: int, alignment: int, addresses: dict[Tensor, int]) -> int:
    """First fit from `start` upwards, in the order of the program; returns the bytes used at most."""
    last: dict[Tensor, int] = {}
    for i, operation in enumerate(program.operations):
        last.update(dict.fromkeys((*operation.inputs, *operation.outputs), i))
    alive: list[tuple[int, int]] = []  # (first address, first address after it), ascending
    top = start
    for i, operation in enumerate(program.operations):
        for tensor in operation.outputs:
            if tensor.role is Role.ACTIVATION:
                length = _rounded(tensor, alignment)
                address = _first_gap(alive, start, length)
                insort(alive, (address, address + length))
                addresses[tensor] = address
                top = max(top, address + length)
        for tensor in {*operation.inputs, *operation.outputs}:
            if tensor.role is Role.ACTIVATION and last[tensor] == i:
                alive.remove((addresses[tensor], addresses[tensor] + _rounded(tensor, alignment)))
    return top - start


def _place_overlapped(order: Dependencies, start: int, alignment: int, addresses: dict[Tensor, int]) -> int:
    """First fit over what is certainly dead; returns the bytes used at most."""
    occupied = Occupancy()
    top = start
    for i, operation in enumerate(order.program.operations):
        for tensor in operation.outputs:
            if tensor.role is Role.ACTIVATION:
                length = _rounded(tensor, alignment)
                address = occupied.first_fit(start, length, lambda old, i=i: order.dead(old, i))  # type: ignore[misc]
                occupied.put(address, address + length, tensor)
                addresses[tensor] = address
                top = max(top, address + length)
    return top - start


def _first_gap(alive: list[tuple[int, int]], start: int, length: int) -> int:
    for first, after in alive:
        if first - start >= length:
            break
        start = after
    return start


def _does_not_fit(program: Program, placement: Placement, base: int, size: int) -> str:
    demand = placement.end - base
    return (
        f"{program.name}: its tensors must fit in {_mib(size)} from {base:#x}, not need {_mib(demand)}: "
        f"weights {_mib(placement.weights_bytes)}, inputs and outputs {_mib(placement.interface_bytes)}, "
        f"activations {_mib(placement.peak_bytes)}; {_mib(demand - size)} short "
        "(a larger memory, a smaller resolution, batch or model would fit)"
    )


def _mib(size: int) -> str:
    return f"{size / MIB:,.2f} MiB"
