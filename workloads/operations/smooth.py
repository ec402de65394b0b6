"""SMOOTH: a factor per feature."""

from collections.abc import Mapping
from dataclasses import dataclass

from workloads.operations.operation import WIDTH, Elementary, Operation, check, matrix
from workloads.operations.tensor import Tensor


@dataclass(frozen=True)
class Smooth(Operation):
    """y[t, d] = x[t, d] * scales[d]; x and y 32 bits [tokens, features], scales 32 bits [features]."""

    name: str
    x: Tensor
    scales: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        tokens, features = matrix(self.name, "x", self.x)
        operands = [
            ("scales", self.scales, WIDTH, (features,)),
            ("y", self.y, WIDTH, (tokens, features)),
        ]
        check(self.name, operands)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.x, self.scales)

    @property
    def elementary_operations(self) -> Mapping[Elementary, int]:
        return {Elementary.MULTIPLY32: self.y.elements}
