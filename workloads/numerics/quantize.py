"""Dynamic INT8 quantization of activations by the rules of the ViM-Q RTL."""

import numpy as np
from numpy.typing import NDArray

from workloads.numerics.fixed import Int32, multiply_shift, reciprocal

SCALE_FACTOR = 2064  # floor(2**18 / 127)


def scale_of(x: Int32, axis: int | None) -> Int32:
    """`(max|x| * 2064) >> 18` over `axis` (None: the tensor), kept as a dimension; |most negative| wraps.

    A scale is negative only where every element is the most negative value. The RTL takes it as signed in the
    reciprocal and as unsigned where it scales the result.
    """
    return multiply_shift(np.abs(x).max(axis=axis, keepdims=True), SCALE_FACTOR, 18)


def quantize(x: Int32, scale: Int32) -> NDArray[np.int8]:
    """x over its scale, halves away from zero, saturated to int8; `scale` broadcasts against x."""
    v = multiply_shift(x, reciprocal(scale), 18)
    sign = v >> 31
    v += np.int32(1 << 17) + (sign << 18)  # +2**17 or -2**17; an overflow wraps, as the RTL's does
    sign = v >> 31
    v ^= sign
    v -= sign  # |v|; the most negative value stays and is read unsigned below
    magnitude = v.view(np.uint32)
    magnitude >>= 18
    v ^= sign
    v -= sign
    return np.clip(v, -128, 127, out=v).astype(np.int8)


def quantize_tokens(x: Int32) -> tuple[NDArray[np.int8], Int32]:
    """One scale a token: int8 [tokens, features] and scales int32 [tokens, 1]."""
    scale = scale_of(x, axis=-1)
    return quantize(x, scale), scale


def quantize_tensor(x: Int32) -> tuple[NDArray[np.int8], Int32]:
    """One scale for the tensor: int8 [tokens, features] and the scale int32 [1, 1]."""
    scale = scale_of(x, axis=None)
    return quantize(x, scale), scale
