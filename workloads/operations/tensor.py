"""A tensor: what one operation leaves in memory for another."""

from dataclasses import dataclass
from enum import Enum
from math import prod


class Role(Enum):
    """Who writes a tensor: whoever asks (INPUT), the model (WEIGHT), an operation (ACTIVATION, OUTPUT)."""

    INPUT = "input"
    WEIGHT = "weight"
    ACTIVATION = "activation"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Tensor:
    """Elements of `bits` bits each, row-major without gaps. A program has no two tensors of one name.

    Raises ValueError for a shape or a width that is not of positive integers.
    """

    name: str
    shape: tuple[int, ...]
    bits: int
    role: Role

    def __post_init__(self) -> None:
        problems = []
        if not isinstance(self.name, str) or not self.name:
            problems.append(f"tensor: name must be a string that is not empty, not {self.name!r}")
        if not isinstance(self.shape, tuple) or not self.shape or not all(map(_positive, self.shape)):
            problems.append(f"{self.name}: shape must be a tuple of positive integers, not {self.shape!r}")
        if not _positive(self.bits):
            problems.append(f"{self.name}: bits must be a positive integer, not {self.bits!r}")
        if not isinstance(self.role, Role):
            problems.append(f"{self.name}: role must be a Role, not {self.role!r}")
        if problems:
            raise ValueError("\n".join(problems))

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return f"{self.bits} bits {list(self.shape)}"

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes in memory; the last may be filled in part."""
        return (self.elements * self.bits + 7) // 8


def _positive(value: object) -> bool:
    return type(value) is int and value > 0
