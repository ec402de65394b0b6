"""PATCH_OPS: tokens moved, nothing computed."""

from dataclasses import dataclass

from workloads.operations.operation import WIDTH, Operation, check, matrix
from workloads.operations.tensor import Tensor


@dataclass(frozen=True)
class Flip(Operation):
    """y[t] = x[tokens - 1 - t]; x and y 32 bits [tokens, features]."""

    name: str
    x: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        check(self.name, [("y", self.y, WIDTH, matrix(self.name, "x", self.x))])

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.x,)


@dataclass(frozen=True)
class LoadClassToken(Operation):
    """y[0] = x[index]; x 32 bits [tokens, features], y 32 bits [1, features]."""

    name: str
    x: Tensor
    index: int
    y: Tensor

    def __post_init__(self) -> None:
        tokens, features = matrix(self.name, "x", self.x)
        problems = []
        if not 0 <= self.index < tokens:
            problems.append(f"index must be 0 to {tokens - 1}, not {self.index}")
        check(self.name, [("y", self.y, WIDTH, (1, features))], problems)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.x,)
