"""PATCH_OPS: the reversed sequence of the backward direction, and the class token's row."""

import numpy as np
from numpy.typing import ArrayLike

from workloads.numerics.fixed import Int32, integers


def flip(x: ArrayLike) -> Int32:
    """The tokens in reverse order; int32 [tokens, features]."""
    return integers("x", x, np.int32, (None, None))[::-1].copy()


def load_cls(x: ArrayLike, index: int) -> Int32:
    """Row `index` of int32 [tokens, features] as int32 [1, features]. Raises ValueError for no such row."""
    x = integers("x", x, np.int32, (None, None))
    if not 0 <= index < len(x):
        raise ValueError(f"index must be 0 to {len(x) - 1}, not {index}")
    return x[index : index + 1].copy()
