"""What all operations have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from enum import StrEnum

from workloads.operations.tensor import Tensor

WIDTH = 32  # bits of activations, biases, scales, A and D
Operand = tuple[str, Tensor, int, tuple[int, ...]]  # field, tensor, the bits and the shape that it must have


class Elementary(StrEnum):
    """A step of arithmetic as the engines do it on raw integers; shifts and wrapping are free."""

    MAC4X8 = "mac4x8"  # 4-bit power-of-two code times 8-bit activation, accumulated
    MAC5X8 = "mac5x8"  # the same with the 5-bit codes of a convolution
    MULTIPLY32 = "multiply32"
    ADD32 = "add32"
    COMPARE32 = "compare32"
    DIVIDE32 = "divide32"  # reciprocals
    SQUARE_ROOT32 = "square_root32"
    EXP = "exp"  # (1 + x / 32) ** 32: an addition and five products
    TABLE = "table"  # SiLU or softplus from an interpolated table: two products, three additions


class Operation(ABC):
    """One call of an engine: a frozen dataclass whose fields are a name, tensors and settings.

    Creating one raises ValueError, all problems at once, for operands that do not fit each other.
    """

    name: str
    y: Tensor

    @property
    @abstractmethod
    def inputs(self) -> tuple[Tensor, ...]:
        """Tensors that are read, weights included."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Tensors that are written."""
        return (self.y,)

    @property
    def tokens(self) -> int:
        """Rows of the result."""
        return self.y.shape[0]

    @property
    def features(self) -> int:
        """Columns of the result."""
        return self.y.shape[1]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the model's linears and convolutions, padding not counted; elsewhere 0."""
        return 0

    @property
    def elementary_operations(self) -> Mapping[Elementary, int]:
        """Steps of arithmetic that the engine takes, padding included."""
        return {}


def check(name: str, operands: Iterable[Operand], problems: Iterable[str] = ()) -> None:
    """ValueError naming every one of `problems` and every operand of another width or shape."""
    found = [*problems]
    for what, tensor, bits, shape in operands:
        if tensor.bits != bits or tensor.shape != shape:
            found.append(f"{what} must be {bits} bits {list(shape)}, not {tensor}")
    if not isinstance(name, str) or not name:
        found.append(f"name must be a string that is not empty, not {name!r}")
    if found:
        raise ValueError("\n".join(f"{name}: {problem}" for problem in found))


def matrix(name: str, what: str, tensor: Tensor) -> tuple[int, int]:
    """Rows and columns of a tensor of 32 bits; ValueError for any other."""
    if len(tensor.shape) != 2 or tensor.bits != WIDTH:
        raise ValueError(f"{name}: {what} must be {WIDTH} bits [tokens, features], not {tensor}")
    return tensor.shape[0], tensor.shape[1]
