"""Pieces of PyTorch code with the operands that they work on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_LAYER = re.compile(r"layers\.\d+(?=\.)")
HALF, FULL, BOOL = 16, 32, 8  # bits of an element


class Step(StrEnum):
    """A piece of PyTorch code with a recipe of kernels."""

    EMBED = "embed"
    NORM = "norm"
    ADD = "add"
    LINEAR = "linear"
    BIAS = "bias"
    DELTA_BIAS = "delta_bias"
    SMOOTH = "smooth"
    CONV = "conv"
    SILU = "silu"
    SCAN = "scan"
    FLIP = "flip"
    MEAN = "mean"


@dataclass(frozen=True)
class Operand:
    """Elements that a kernel reads or writes; `shared` by the images of a batch, as weights are."""

    elements: int
    bits: int = HALF
    shared: bool = False

    @property
    def nbytes(self) -> int:
        return -(-self.elements * self.bits // 8)


@dataclass
class Work:
    """Steps on one set of operands, under the name of the first operation that they stand for.

    `flops` of a kernel that does more than one operation per element, by the kernel's name. `stands_for`
    counts operations of the program, all images together.
    """

    name: str
    steps: tuple[Step, ...]
    operands: Mapping[str, Operand]
    flops: Mapping[str, int] = field(default_factory=dict)
    stands_for: int = 0

    @property
    def layer(self) -> str | None:
        """The layer that it belongs to, "layers.3"."""
        match = _LAYER.match(self.name)
        return match[0] if match else None

    @property
    def weights_bytes(self) -> int:
        return sum(o.nbytes for o in self.operands.values() if o.shared)

    @property
    def activations_bytes(self) -> int:
        return sum(o.nbytes for o in self.operands.values() if not o.shared)
