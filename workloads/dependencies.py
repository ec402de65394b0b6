"""What must have ended before an operation may start (standard library only)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from workloads.occupancy import Occupancy
from workloads.operations import Program, Role, Tensor


@dataclass(frozen=True)
class Dependencies:
    """Operations by their index in the program; every one depends on such of smaller index only.

    `before[i]` must have ended before operation i starts. `images[i]` is the image it belongs to: images are
    the parts of a program that share no tensors but weights, counted in the order of the program.
    """

    program: Program
    before: tuple[frozenset[int], ...]
    images: tuple[int, ...]

    @classmethod
    def of(cls, program: Program, in_flight: int | None = None) -> Dependencies:
        """An operation waits for those that write what it reads.

        With `in_flight`, an image also waits for the end of the image so many before it, as far as that comes
        first in the program.
        """
        writers = {t: i for i, op in enumerate(program.operations) for t in op.outputs}
        before = [{writers[t] for t in op.inputs if t in writers} for op in program.operations]
        images = _images(program)
        if in_flight is not None:
            needed = set().union(*before)
            ends: dict[int, set[int]] = {}
            for i, image in enumerate(images):
                if i not in needed:
                    ends.setdefault(image, set()).add(i)
            for i, image in enumerate(images):
                if not before[i] and image >= in_flight:
                    before[i] |= {end for end in ends[image - in_flight] if end < i}
        return cls(program, tuple(frozenset(b) for b in before), images)

    def sharing(self, address: Callable[[Tensor], int]) -> Dependencies:
        """The same where tensors share addresses: what lay there must have been written and read before."""
        users = self.users
        before = [set(b) for b in self.before]
        occupied = Occupancy()
        for i, op in enumerate(self.program.operations):
            for tensor in op.outputs:
                first = address(tensor)
                for old in occupied.owners(first, first + tensor.nbytes):
                    before[i] |= {user for user in users[old] if user < i}
                occupied.put(first, first + tensor.nbytes, tensor)
        return Dependencies(self.program, tuple(frozenset(b) for b in before), self.images)

    @cached_property
    def users(self) -> dict[Tensor, tuple[int, ...]]:
        """Of every tensor that is written: who writes and reads it."""
        found: dict[Tensor, list[int]] = {}
        for i, op in enumerate(self.program.operations):
            for tensor in (*op.inputs, *op.outputs):
                if tensor.role in (Role.ACTIVATION, Role.OUTPUT):
                    found.setdefault(tensor, []).append(i)
        return {tensor: tuple(users) for tensor, users in found.items()}

    @cached_property
    def ancestors(self) -> tuple[int, ...]:
        """Of every operation a set of bits: those that have certainly ended when it starts."""
        found: list[int] = []
        for before in self.before:
            bits = 0
            for i in before:
                bits |= found[i] | 1 << i
            found.append(bits)
        return tuple(found)

    def dead(self, tensor: Tensor, at: int) -> bool:
        """Whether everybody who writes or reads a tensor has certainly ended when operation `at` starts."""
        return not self._bits[tensor] & ~self.ancestors[at]

    @cached_property
    def _bits(self) -> dict[Tensor, int]:
        return {tensor: sum(1 << i for i in set(users)) for tensor, users in self.users.items()}


def _images(program: Program) -> tuple[int, ...]:
    """For every operation the number of its part of the program."""
    parent = list(range(len(program.operations)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    first: dict[Tensor, int] = {}
    for i, op in enumerate(program.operations):
        for tensor in (*op.inputs, *op.outputs):
            if tensor.role is not Role.WEIGHT:
                a, b = sorted((root(first.setdefault(tensor, i)), root(i)))
                parent[b] = a
    numbers: dict[int, int] = {}
    return tuple(numbers.setdefault(root(i), len(numbers)) for i in range(len(parent)))
