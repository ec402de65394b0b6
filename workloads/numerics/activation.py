"""SiLU and softplus as the ViM-Q RTL computes them: ReLU plus or minus an interpolated table."""

import math

import numpy as np

from workloads.numerics.fixed import FRACTION, Int32

ENTRIES = 1024
RANGE = 16.0  # the table spans |x| from 0 to 16
LIMIT = 4_194_300  # raw |x| from which the result is relu(x)
_STEP = 22  # |x| * 1023 has the table index above this bit and the position between two entries below it
_HALF = 11


def _silu_gap(x: float) -> float:
    """relu(x) - silu(x) for x >= 0."""
    return x - x / (1.0 + math.exp(-x))


def _softplus_gap(x: float) -> float:
    """softplus(x) - relu(x) for x >= 0."""
    return math.log1p(math.exp(-x))


def _table(gap) -> tuple[Int32, Int32]:
    """The entries and the differences to the next entry."""
    entries = np.array(
        [math.floor(2**FRACTION * gap(i * RANGE / (ENTRIES - 1))) for i in range(ENTRIES)], np.int32
    )
    return entries, np.diff(entries, append=entries[-1:])


_SILU = _table(_silu_gap)
_SOFTPLUS = _table(_softplus_gap)


def _correction(x: Int32, table: tuple[Int32, Int32]) -> Int32:
    """T[i] + floor(f * (T[i+1] - T[i])) at |x|, 0 from LIMIT on.

    |most negative| stays negative, which is below LIMIT, and its index wraps to 512.
    """
    absolute = np.abs(x)
    far = absolute >= LIMIT
    absolute[far] = 0
    magnitude = absolute.view(np.uint32)
    magnitude *= ENTRIES - 1  # below 2**32 (LIMIT * 1023 is 4,290,768,900), but for |most negative|
    index = (magnitude >> _STEP).astype(np.intp)
    position = magnitude.view(np.int32)
    position &= (1 << _STEP) - 1
    entries, slopes = table
    slope = slopes.take(index)  # within +-2050, so both halves of the 34-bit product fit 32 bits
    low = position & ((1 << _HALF) - 1)
    low *= slope
    low >>= _HALF
    position >>= _HALF
    position *= slope
    position += low
    position >>= _HALF
    position += entries.take(index)
    position[far] = 0
    return position


def silu(x: Int32) -> Int32:
    """x * sigmoid(x), raw with 18 fraction bits; any shape but that of a scalar."""
    return np.maximum(x, 0) - _correction(x, _SILU)


def softplus(x: Int32) -> Int32:
    """log(1 + exp(x)), raw with 18 fraction bits; any shape but that of a scalar. No sum overflows."""
    return np.maximum(x, 0) + _correction(x, _SOFTPLUS)
