"""Quantization schemes: the hardware's, and the alternatives of the ViM-Q paper (arXiv 2605.01935)."""

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from workloads.vim.errors import WorkloadError

Floats = npt.NDArray[np.float64]

# additive powers of two: terms[0] + terms[1], one of each; bits without the sign: 2, 3, 4
_APOT_TERMS: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    3: ((0, 1 / 2, 1 / 4, 1 / 8), (0,)),
    4: ((0, 1 / 2, 1 / 4, 1 / 16), (0, 1 / 8)),
    5: ((0, 1 / 2, 1 / 8, 1 / 32), (0, 1 / 4, 1 / 16, 1 / 64)),
}
_BITS = {"float": {32}, "uniform": {3, 4, 5, 8}, "pot": {3, 4, 5}, "apot": {3, 4, 5}}
SCALE_FLOOR = 1e-5  # smallest scale of a block or row of weights


@dataclass(frozen=True)
class Scheme:
    """How weights and activations are quantized; the defaults are what the hardware runs (W4A8).

    `block` counts inputs and only matters for block granularity. Convolutions keep one scale per channel
    and five bits (eight with 8-bit weights), and one activation scale per image. Static activation scales
    come from calibration, per token position or per tensor. Raises WorkloadError, all problems at once.
    """

    weights: Literal["float", "uniform", "pot", "apot"] = "apot"
    bits: int = 4
    granularity: Literal["channel", "block"] = "block"
    block: int = 32
    activations: Literal["float", "static", "dynamic"] = "dynamic"
    activation_granularity: Literal["token", "tensor"] = "token"
    activation_bits: int = 8
    smoothing: bool = True
    head: Literal["float", "quantized"] = "quantized"

    def __post_init__(self) -> None:
        allowed: dict[str, set[Any]] = {
            "weights": set(_BITS),
            "bits": _BITS.get(self.weights, {self.bits}),
            "granularity": {"channel", "block"},
            "block": {16, 32, 64},
            "activations": {"float", "static", "dynamic"},
            "activation_granularity": {"token", "tensor"},
            "activation_bits": {8},
            "smoothing": {True, False},
            "head": {"float", "quantized"},
        }
        problems = [
            f"scheme.{field} must be one of {', '.join(map(str, sorted(choices)))}, not {value!r}"
            for field, choices in allowed.items()
            if (value := getattr(self, field)) not in choices
        ]
        if problems:
            raise WorkloadError(problems)

    @property
    def conv_bits(self) -> int:
        return 8 if self.bits == 8 else 5

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def require_hardware(self) -> None:
        """WorkloadError naming every choice that the accelerator does not have."""
        wanted = HARDWARE.as_dict()
        problems = [
            f"the hardware runs scheme.{field} = {wanted[field]} only, not {value}"
            for field, value in self.as_dict().items()
            if value != wanted[field]
        ]
        if problems:
            raise WorkloadError(problems)


HARDWARE = Scheme()
FLOAT = Scheme(weights="float", bits=32, activations="float", smoothing=False, head="float")


@cache
def levels(weights: str, bits: int) -> Floats:
    """Magnitudes a weight can take, ascending, the largest 1."""
    if weights == "uniform":
        found = np.arange(2 ** (bits - 1), dtype=np.float64)
    elif weights == "pot":
        found = np.array([0.0, *(2.0**-k for k in range(2 ** (bits - 1) - 2, -1, -1))])
    else:
        first, second = _APOT_TERMS[bits]
        found = np.sort(np.add.outer(first, second).ravel())
    return found / found[-1]


def nearest(magnitudes: Floats, ascending: Floats) -> npt.NDArray[np.intp]:
    """Index of the level nearest to each magnitude; halfway goes to the smaller."""
    return np.searchsorted((ascending[:-1] + ascending[1:]) / 2, magnitudes)


def blocks(weight: npt.NDArray[Any], block: int) -> Floats:
    """[out, in] as [out, ceil(in/block), block], the last block filled with zeros."""
    out, inputs = weight.shape
    filled = np.zeros((out, -(-inputs // block) * block))
    filled[:, :inputs] = weight
    return filled.reshape(out, -1, block)


def quantized_weight(weight: npt.NDArray[Any], weights: str, bits: int, block: int | None) -> Floats:
    """[out, in] rounded to the levels of a scheme, one scale per row and `block` inputs (None: per row)."""
    if weights == "float":
        return weight.astype(np.float64)
    out, inputs = weight.shape
    grouped = blocks(weight, block or inputs)
    scale = np.maximum(np.abs(grouped).max(-1, keepdims=True), SCALE_FLOOR)
    ascending = levels(weights, bits)
    rounded = np.sign(grouped) * ascending[nearest(np.abs(grouped) / scale, ascending)] * scale
    return rounded.reshape(out, -1)[:, :inputs]
