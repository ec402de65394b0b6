"""The kernels that PyTorch launches for each step, in quantized and in float execution.

The numbers of kernels are those that ViM-Q's baseline was found to launch per layer (counted with a dispatch
hook: 123 and 6 synchronizations quantized, 33 float, the same for every model size), step by step: norm 1,
-exp(A_log) 2 a direction, in_proj 9, flip 1, conv 11, SiLU 1, x_proj 17, dt_proj 10, contiguous copies 4 a
direction, scan 1, merge 3, out_proj 17; in all 3,113 quantized and about 800 float, which leaves 17 and about
8 outside the layers. What in_proj's nine are is known. Which kernels make the 17 of a smoothed linear, the 11
of a convolution, the 33 of a float layer and those outside the layers is our reconstruction from how PyTorch
composes such expressions: their number is as counted, their bytes are an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from components.gpu_work import Step, Work

Execution = Literal["quantized", "float"]
SYNC = "sync"  # a flag copied to the host, which waits for it
TENSOR_CORES = ("matmul", "patch_conv")

# "kernel: operands read -> operands written"; an operand may stand for others of its size.
# x input, y output, w weight, b bias, t scales of activations, c smoothing factors, one a flag, mask of flags.
_QUANTIZE = (
    "abs: x -> x",
    "max: x -> t",
    "clamp: t -> t",
    "div: t -> t",
    "div: x t -> x",
    "round: x -> x",
    "clamp: x -> x",
)
_COMMON: dict[Step, tuple[str, ...]] = {
    Step.EMBED: (
        "cast: image -> pixels",
        "patch_conv: pixels w -> patches",
        "add: patches b -> patches",
        "copy: patches -> patches",
        "cat: patches token -> y",
        "add: y position -> y",
    ),
    Step.NORM: ("add_norm: x residual w -> x residual",),
    Step.ADD: ("add: y y -> y",),
    Step.SILU: ("silu: y -> y",),
    Step.SCAN: (
        "exp: a -> a",
        "neg: a -> a",
        "copy: u -> u",
        "copy: delta -> delta",
        "copy: B -> B",
        "copy: C -> C",
        "scan: u delta z a B C d -> y",
    ),
    Step.FLIP: ("flip: x -> x",),
    Step.MEAN: ("add: y y -> y", "mul: y -> y"),
}
RECIPES: dict[Execution, dict[Step, tuple[str, ...]]] = {
    "quantized": {
        **_COMMON,
        Step.LINEAR: (*_QUANTIZE, "matmul: x w -> y", "mul: y t -> y"),
        Step.BIAS: ("add: y b -> y",),
        Step.DELTA_BIAS: ("add: y b -> y",),
        Step.SMOOTH: (
            "ne: x x -> mask",
            "any: mask -> one",
            SYNC,
            "abs: x -> x",
            "eq: x -> mask",
            "any: mask -> one",
            SYNC,
            "clamp: c -> c",
            "reciprocal: c -> c",
            "mul: x c -> x",
        ),
        Step.CONV: (
            *_QUANTIZE,
            "pad: x -> padded",
            "conv: padded w -> y",
            "mul: y t -> y",
            "add: y b -> y",
        ),
    },
    "float": {
        **_COMMON,
        Step.LINEAR: ("matmul: x w -> y",),
        Step.BIAS: (),  # added by the product's own kernel
        Step.DELTA_BIAS: ("add: y b -> y",),
        Step.SMOOTH: (),
        Step.CONV: ("conv: x w -> y", "add: y b -> y"),
    },
}


@dataclass(frozen=True)
class Kernel:
    """A kernel on the device: floating-point operations, bytes moved, and whether tensor cores do them."""

    name: str
    flops: int
    read_bytes: int
    write_bytes: int
    tensor_cores: bool = False


def kernels(work: Work, execution: Execution) -> Iterator[Kernel | None]:
    """What a work launches, in order; None stands for a synchronization.

    A kernel without a figure of its own takes one operation per element of its largest operand.
    """
    for step in work.steps:
        for line in RECIPES[execution][step]:
            if line == SYNC:
                yield None
                continue
            name, _, operands = line.partition(": ")
            read, written = (
                [work.operands[operand] for operand in side.split()] for side in operands.split(" -> ")
            )
            yield Kernel(
                name,
                work.flops.get(name) or max(operand.elements for operand in (*read, *written)),
                sum(operand.nbytes for operand in read),
                sum(operand.nbytes for operand in written),
                name in TENSOR_CORES,
            )
