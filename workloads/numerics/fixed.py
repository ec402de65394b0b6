"""Fixed point on raw two's-complement integers: 32 bits wide, floor on every loss of bits, wrap on overflow.

Source: ViM-Q RTL (arXiv 2605.01935). Activations are signed 32-bit with 18 fraction bits.
Products are formed in wrapping int64. That is exact for everything kept here: `wrap32(p >> s)` reads bits
s to s+31 of the product only, so any shift up to 32 survives an overflow of int64.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

FRACTION = 18  # fraction bits of an activation
ONE = 1 << FRACTION


def wrap32(value: Int64) -> Int32:
    """The low 32 bits of each element, signed."""
    return value.astype(np.int32)


def multiply_shift(a: ArrayLike, b: ArrayLike, shift: int) -> Int32:
    """`wrap32(floor(a * b / 2**shift))` for integer arrays of up to 33 bits, shift 0 to 32; broadcasts."""
    product = np.multiply(a, b, dtype=np.int64)
    product >>= shift
    return wrap32(product)


def reciprocal(scale: Int32) -> Int32:
    """`low32(trunc(2**36 / scale))`, and -1 for a scale of 0. It does not saturate: scales to 32 wrap."""
    divisor = np.abs(scale.astype(np.int64))
    quotient = (1 << 36) // np.maximum(divisor, 1)
    quotient = np.where(scale < 0, -quotient, quotient)
    return wrap32(np.where(scale == 0, -1, quotient))


def integers(name: str, value: ArrayLike, dtype: type, shape: tuple[int | None, ...]) -> NDArray:
    """`value` as an array of `dtype`, checked: integers that fit, and the shape (None: any extent).

    Raises ValueError naming the operand, what it must be and what it was.
    """
    array = np.asarray(value)
    wanted: np.dtype = np.dtype(dtype)
    if array.dtype != wanted:
        limits = np.iinfo(wanted)
        if array.dtype.kind not in "iub":
            raise ValueError(f"{name} must be {wanted} integers, not {array.dtype}")
        if array.size and (int(array.min()) < limits.min or int(array.max()) > limits.max):
            raise ValueError(f"{name} must fit {wanted}, not reach from {array.min()} to {array.max()}")
        array = array.astype(wanted)
    fits = len(shape) == array.ndim and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} must have shape {_shape_text(shape)}, not {_shape_text(array.shape)}")
    return array


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("any" if extent is None else str(extent) for extent in shape) + "]"
