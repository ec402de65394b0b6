"""NORM_SUM: RMS normalization, addition of the residual, mean of two directions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from workloads.operations.operation import WIDTH, Elementary, Operand, Operation, check, matrix
from workloads.operations.tensor import Tensor

WEIGHT_WIDTH = 16  # bits


class NormSumMode(IntEnum):
    """The engine's mode register."""

    NORM_OF_SUM = 0
    NORM = 1
    SUM = 2
    MEAN = 3

    @property
    def norms(self) -> bool:
        return self in (NormSumMode.NORM_OF_SUM, NormSumMode.NORM)

    @property
    def sums(self) -> bool:
        return self is not NormSumMode.NORM


@dataclass(frozen=True)
class NormSum(Operation):
    """y = norm(a + b) * weight, norm(a) * weight, a + b or (a + b) / 2.

    a, b and y 32 bits [tokens, features]; weight 16 bits [features]; b None exactly where nothing is added,
    weight None exactly where nothing is normalized.
    """

    name: str
    mode: NormSumMode
    a: Tensor
    b: Tensor | None
    weight: Tensor | None
    y: Tensor

    def __post_init__(self) -> None:
        tokens, features = matrix(self.name, "a", self.a)
        mode = self.mode
        if not isinstance(mode, NormSumMode):
            raise ValueError(f"{self.name}: mode must be a NormSumMode, not {mode!r}")
        problems = [
            f"{what} must be {'a tensor' if needed else 'None'} in mode {mode.name}, not {tensor}"
            for what, tensor, needed in (("b", self.b, mode.sums), ("weight", self.weight, mode.norms))
            if needed is (tensor is None)
        ]
        operands: list[Operand] = [("y", self.y, WIDTH, (tokens, features))]
        if self.b is not None:
            operands.append(("b", self.b, WIDTH, (tokens, features)))
        if self.weight is not None:
            operands.append(("weight", self.weight, WEIGHT_WIDTH, (features,)))
        check(self.name, operands, problems)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in (self.a, self.b, self.weight) if tensor is not None)

    @property
    def elementary_operations(self) -> Mapping[Elementary, int]:
        """A norm takes two products and a sum per element for the mean square, two products to scale."""
        size = self.y.elements
        if not self.mode.norms:
            return {Elementary.ADD32: size}
        return {
            Elementary.MULTIPLY32: 4 * size,
            Elementary.ADD32: size * (2 if self.mode.sums else 1),
            Elementary.SQUARE_ROOT32: self.tokens,
            Elementary.DIVIDE32: self.tokens,
        }
