"""NORM_SUM: RMS normalization, the residual's addition, the mean of the two directions."""

import numpy as np
from numpy.typing import ArrayLike

from workloads.numerics.fixed import FRACTION, Int32, Int64, integers, reciprocal, wrap32
from workloads.operations import NormSumMode

EPSILON = 2  # raw, added to the mean square: floor(1e-5 * 2**18)


def norm_sum(
    a: ArrayLike, b: ArrayLike | None = None, weights: ArrayLike | None = None, mode: int = NormSumMode.NORM
) -> Int32:
    """norm(a + b), norm(a), a + b or (a + b) / 2, by `mode` 0 to 3.

    a, b int32 [tokens, features], 18 fraction bits, b unused in mode 1; weights int16 [features], 15 fraction
    bits, used in modes 0 and 1. Returns int32 [tokens, features].
    Raises ValueError for a mode or operands that do not fit.
    """
    if mode not in list(NormSumMode):
        raise ValueError(f"mode must be 0 to {max(NormSumMode)}, not {mode}")
    v = integers("a", a, np.int32, (None, None))
    if mode != NormSumMode.NORM:
        if b is None:
            raise ValueError(f"b must be given in mode {int(mode)}")
        v = v + integers("b", b, np.int32, v.shape)
    if mode == NormSumMode.SUM:
        return v
    if mode == NormSumMode.MEAN:
        return v >> 1
    if weights is None:
        raise ValueError(f"weights must be given in mode {int(mode)}")
    w = integers("weights", weights, np.int16, (v.shape[1],))
    return _scaled(v, root_reciprocal(v), w)


def mean_square(v: Int32) -> Int32:
    """`wrap32(2 + sum of floor(v * v * floor(2**18 / features) / 2**36))` of each token; int32 [tokens].

    The product has up to 80 bits, so the square is split at bit 32.
    """
    inverse = (1 << FRACTION) // v.shape[1]
    square = np.square(v, dtype=np.int64)
    low = square & 0xFFFFFFFF
    low *= inverse
    low >>= 32
    square >>= 32
    square *= inverse
    square += low
    square >>= 4
    return wrap32(EPSILON + square.sum(axis=1))


def root_reciprocal(v: Int32) -> Int32:
    """One over the root mean square of each token, 18 fraction bits; int32 [tokens]. -1 for a root of 0.

    The root is that of a number below 2**51: float64 rounds it to a whole number only if it is one.
    """
    radicand = np.maximum(mean_square(v), 0).astype(np.int64) << 20
    root = (np.sqrt(radicand.astype(np.float64)).astype(np.int64) + 1) >> 1
    return reciprocal(wrap32(root))


def _scaled(v: Int32, factor: Int32, weights: np.ndarray) -> Int32:
    """`wrap32(floor(v * factor * w / 2**33))`: one floor of a product of up to 75 bits, split at bit 32."""
    high: Int64 = v * factor.astype(np.int64)[:, None]
    w = weights.astype(np.int64)
    low = high & 0xFFFFFFFF
    low *= w
    low >>= 32
    high >>= 32
    high *= w
    high += low
    high >>= 1
    return wrap32(high)
