"""SMOOTH: the inverse smoothing scale of each feature, where it could not be folded into a weight."""

import numpy as np
from numpy.typing import ArrayLike

from workloads.numerics.fixed import Int32, integers, multiply_shift


def smooth(x: ArrayLike, scales: ArrayLike) -> Int32:
    """`wrap32(floor(x * scale / 2**26))`; x int32 [tokens, features], scales uint32 [features].

    Raises ValueError for operands that do not fit each other.
    """
    x = integers("x", x, np.int32, (None, None))
    return multiply_shift(x, integers("scales", scales, np.uint32, (x.shape[1],)), 26)
