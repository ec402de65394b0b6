"""CONV: causal depthwise convolution over the tokens, then SiLU."""

from collections.abc import Mapping
from dataclasses import dataclass

from workloads.operations.operation import WIDTH, Elementary, Operation, check, matrix
from workloads.operations.tensor import Tensor

TAPS = 4
CODE_WIDTH = 4  # bits of a magnitude
SIGN_WIDTH = 1


@dataclass(frozen=True)
class Conv(Operation):
    """y[t, d] = SiLU(sum over k of x[t - 3 + k, d] * w[d, k] + bias[d]); tokens before the first are 0.

    x and y 32 bits [tokens, features]; codes 4 bits and signs 1 bit [features, 4]; scales and bias 32 bits
    [features]. One scale quantizes the whole of x to 8 bits.
    """

    name: str
    x: Tensor
    codes: Tensor
    signs: Tensor
    scales: Tensor
    bias: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        tokens, features = matrix(self.name, "x", self.x)
        operands = [
            ("codes", self.codes, CODE_WIDTH, (features, TAPS)),
            ("signs", self.signs, SIGN_WIDTH, (features, TAPS)),
            ("scales", self.scales, WIDTH, (features,)),
            ("bias", self.bias, WIDTH, (features,)),
            ("y", self.y, WIDTH, (tokens, features)),
        ]
        check(self.name, operands)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.x, self.codes, self.signs, self.scales, self.bias)

    @property
    def macs(self) -> int:
        return self.y.elements * TAPS

    @property
    def elementary_operations(self) -> Mapping[Elementary, int]:
        """Maximum, product and rounding per input; scale and bias per output; scale and reciprocal once."""
        size = self.y.elements
        return {
            Elementary.MAC5X8: self.macs,
            Elementary.MULTIPLY32: 2 * size + self.features + 1,
            Elementary.ADD32: 2 * size,
            Elementary.COMPARE32: size,
            Elementary.DIVIDE32: 1,
            Elementary.TABLE: size,
        }
