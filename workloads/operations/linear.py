"""LINEAR: 4-bit weights times activations that are quantized to 8 bits on the way."""

from collections.abc import Mapping
from dataclasses import dataclass

from workloads.operations.operation import WIDTH, Elementary, Operand, Operation, check, matrix
from workloads.operations.tensor import Tensor

TILE = 16  # inputs and outputs of a tile of codes
BLOCK = 32  # inputs that share a weight scale
CODE_WIDTH = 4  # bits


@dataclass(frozen=True)
class Linear(Operation):
    """y[t, n] = activation(sum over k of x[t, k] * w[n, k] + bias[n]).

    x 32 bits [tokens, in]; codes 4 bits [out, in], in memory as 16 x 16 tiles; scales 32 bits
    [ceil(in / 32), out]; bias 32 bits [out] or None; y 32 bits [tokens, out]. `in` and `out` are multiples of
    16; `model_in` and `model_out` are what they are in the model, before padding with codes of zero.
    """

    name: str
    x: Tensor
    codes: Tensor
    scales: Tensor
    bias: Tensor | None
    y: Tensor
    silu: bool = False
    softplus: bool = False
    model_in: int | None = None
    model_out: int | None = None

    def __post_init__(self) -> None:
        tokens, inputs = matrix(self.name, "x", self.x)
        _, out = matrix(self.name, "y", self.y)
        problems = [
            f"{what} must be a multiple of {TILE}, not {value}"
            for what, value in (("in", inputs), ("out", out))
            if value % TILE
        ]
        problems += [
            f"{what} must be 1 to {top}, not {value}"
            for what, value, top in (
                ("model_in", self.model_in, inputs),
                ("model_out", self.model_out, out),
            )
            if value is not None and not 1 <= value <= top
        ]
        operands: list[Operand] = [
            ("codes", self.codes, CODE_WIDTH, (out, inputs)),
            ("scales", self.scales, WIDTH, (-(-inputs // BLOCK), out)),
            ("y", self.y, WIDTH, (tokens, out)),
        ]
        if self.bias is not None:
            operands.append(("bias", self.bias, WIDTH, (out,)))
        check(self.name, operands, problems)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        weights = (self.x, self.codes, self.scales)
        return weights if self.bias is None else (*weights, self.bias)

    @property
    def in_features(self) -> int:
        return self.x.shape[1]

    @property
    def out_features(self) -> int:
        return self.y.shape[1]

    @property
    def blocks(self) -> int:
        """Weight scales of a row; the last may stand for 16 inputs only."""
        return self.scales.shape[0]

    @property
    def flags(self) -> int:
        """The engine's flag register: 1 bias, 2 SiLU, 4 softplus."""
        return (self.bias is not None) + 2 * self.silu + 4 * self.softplus

    @property
    def macs(self) -> int:
        return self.tokens * (self.model_in or self.in_features) * (self.model_out or self.out_features)

    @property
    def elementary_operations(self) -> Mapping[Elementary, int]:
        """Maximum, product and rounding per input; product and sum per block; product and bias per output.

        Per token, the product that makes its scale and the scale's reciprocal.
        """
        inputs, outputs = self.x.elements, self.y.elements
        partial = outputs * self.blocks
        return {
            Elementary.MAC4X8: outputs * self.in_features,
            Elementary.MULTIPLY32: inputs + partial + outputs + self.tokens,
            Elementary.ADD32: inputs + partial + (outputs if self.bias is not None else 0),
            Elementary.COMPARE32: inputs,
            Elementary.DIVIDE32: self.tokens,
            Elementary.TABLE: outputs * (self.silu + self.softplus),
        }
