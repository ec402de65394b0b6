"""CONV: causal depthwise convolution of four taps, 5-bit additive powers of two, then SiLU."""

import numpy as np
from numpy.typing import ArrayLike

from workloads.numerics.activation import silu
from workloads.numerics.fixed import Int32, integers, wrap32
from workloads.numerics.quantize import quantize_tensor

TAPS = 4
# Left shifts that the two halves of a magnitude code stand for. Code 0 of either is a right shift by 8
# instead, which turns a negative activation into -1: that is the hardware's zero.
_COARSE = np.array([0, 1 << 7, 1 << 5, 1 << 3], np.int32)  # code bits 1:0
_FINE = np.array([0, 1 << 6, 1 << 4, 1 << 2], np.int32)  # code bits 3:2


def conv(
    x: ArrayLike, mag_codes: ArrayLike, sign_bits: ArrayLike, scales: ArrayLike, bias: ArrayLike
) -> Int32:
    """Quantizes the tensor with one scale, sums four taps a channel, scales, adds the bias, applies SiLU.

    x int32 [tokens, channels], 18 fraction bits; mag_codes uint8 [channels, 4], 0 to 15; sign_bits uint8
    [channels, 4], 1 negates; scales uint32 [channels], 26 fraction bits; bias int32 [channels]. Tap 3 is the
    current token, tokens before the first are 0. Returns int32 [tokens, channels].
    Raises ValueError for operands that do not fit each other.
    """
    x = integers("x", x, np.int32, (None, None))
    tokens, channels = x.shape
    codes = integers("mag_codes", mag_codes, np.uint8, (channels, TAPS))
    signs = integers("sign_bits", sign_bits, np.uint8, (channels, TAPS))
    scales = integers("scales", scales, np.uint32, (channels,))
    bias = integers("bias", bias, np.int32, (channels,))
    for name, operand, top in (("mag_codes", codes, 15), ("sign_bits", signs, 1)):
        if operand.size and operand.max() > top:
            raise ValueError(f"{name} must be 0 to {top}, not {operand.max()}")

    q, scale = quantize_tensor(x)
    coarse, fine = codes & 3, codes >> 2
    sign = np.where(signs, -1, 1).astype(np.int32)
    factors = (sign * (_COARSE[coarse] + _FINE[fine])).T
    zeros = (sign * ((coarse == 0).astype(np.int32) + (fine == 0))).T

    history = np.zeros((tokens + TAPS - 1, channels), np.int32)
    history[TAPS - 1 :] = q
    negative = history >> 31  # the activation >> 8: it is an int8
    total = np.zeros((tokens, channels), np.int32)
    for tap in range(TAPS):
        total += history[tap : tap + tokens] * factors[tap]
        if zeros[tap].any():
            total += negative[tap : tap + tokens] * zeros[tap]
    total >>= 8

    y = total.astype(np.int64)
    y *= scales.astype(np.int64) * scale.view(np.uint32)[0]  # may wrap; bits 26 to 57 are exact
    y >>= 26
    y += bias
    return silu(wrap32(y))
