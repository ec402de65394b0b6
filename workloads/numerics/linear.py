"""LINEAR: 4-bit additive powers of two against int8 activations, one scale per output and 32 inputs."""

from enum import IntFlag

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workloads.numerics.activation import silu, softplus
from workloads.numerics.fixed import Int32, integers, multiply_shift, wrap32
from workloads.numerics.quantize import quantize_tokens

BLOCK = 32  # inputs that share a scale; the last block may be narrower
LEVELS = (0, 128, 64, 16, 32, 160, 96, 48)  # of code bits 2:0, in 1/256; bit 3 is the sign
SIGNED_LEVELS = np.array(LEVELS + tuple(-level for level in LEVELS), np.float64)

# A block sum is at most 32 * 128 * 160 = 655,360 < 2**20 and a scale is below 2**32: every partial sum of
# scaled products stays below 2**52, where float64 is exact, whatever the order BLAS adds in.
assert BLOCK * 128 * max(LEVELS) * 2**32 <= 2**53


class LinearFlags(IntFlag):
    """What the dequantizer does after scaling, in this order."""

    BIAS = 1
    SILU = 2
    SOFTPLUS = 4


def linear(
    x: ArrayLike, codes: ArrayLike, scales: ArrayLike, bias: ArrayLike | None = None, flags: int = 0
) -> Int32:
    """Quantizes each token, multiplies, scales per block, dequantizes; then bias, SiLU, softplus as flagged.

    x int32 [tokens, in], 18 fraction bits; codes uint8 [out, in], 0 to 15; scales uint32 [ceil(in/32), out],
    26 fraction bits; bias int32 [out], 18 fraction bits, used only if flagged. Returns int32 [tokens, out].
    Raises ValueError for operands that do not fit each other.
    """
    x = integers("x", x, np.int32, (None, None))
    q, scale = quantize_tokens(x)
    return linear_quantized(q, scale, codes, scales, bias, flags)


def linear_quantized(
    q: NDArray[np.int8],
    scale: Int32,
    codes: ArrayLike,
    scales: ArrayLike,
    bias: ArrayLike | None = None,
    flags: int = 0,
) -> Int32:
    """`linear` after the quantizer: q int8 [tokens, in] and scale int32 [tokens, 1] of `quantize_tokens`.

    Lets several linears on one input share its quantization.
    """
    inputs = q.shape[1]
    codes = integers("codes", codes, np.uint8, (None, inputs))
    if codes.size and codes.max() > 15:
        raise ValueError(f"codes must be 0 to 15, not {codes.max()}")
    scales = integers("scales", scales, np.uint32, (-(-inputs // BLOCK), len(codes)))
    if not 0 <= flags <= sum(LinearFlags):
        raise ValueError(f"flags must be 0 to {sum(LinearFlags)}, not {flags}")
    if flags & LinearFlags.BIAS:
        if bias is None:
            raise ValueError("bias must be given where flags ask for it")
        added = integers("bias", bias, np.int32, (len(codes),))

    y = multiply_shift(_block_sums(q, codes, scales), scale.view(np.uint32), 18)
    if flags & LinearFlags.BIAS:
        y += added
    if flags & LinearFlags.SILU:
        y = silu(y)
    if flags & LinearFlags.SOFTPLUS:
        y = softplus(y)
    return y


def _block_sums(q: NDArray[np.int8], codes: NDArray[np.uint8], scales: NDArray[np.uint32]) -> Int32:
    """Sum over the blocks of floor(block sum * scale / 2**16), wrapped; int32 [tokens, out].

    Wrapping once at the end equals wrapping after every block: both keep the sum modulo 2**32.
    """
    activations = q.astype(np.float64)
    weights = SIGNED_LEVELS.take(codes)
    block_scales = scales.T * 2.0**-16
    total = np.zeros((len(q), len(codes)))
    products = np.empty_like(total)
    for block in range(len(scales)):
        columns = slice(block * BLOCK, (block + 1) * BLOCK)
        scaled = weights[:, columns] * block_scales[:, block, None]
        np.matmul(activations[:, columns], scaled.T, out=products)
        total += np.floor(products, out=products)
    return wrap32(total.astype(np.int64))
