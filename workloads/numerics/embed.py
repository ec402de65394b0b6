"""EMBED: patches of the image to tokens, with the class token in the middle and the position embedding added.

From the published source; the RTL of this engine is not public, so nothing measured checks it.
"""

import numpy as np
from numpy.typing import ArrayLike

from workloads.numerics.fixed import Int32, integers, wrap32

PIXEL_FRACTION = 22
WEIGHT_FRACTION = 15
BIAS_FRACTION = 12
TOKEN_FRACTION = 18


def patches_of(image: ArrayLike, patch: int = 16, stride: int = 16) -> Int32:
    """The patches of an image, row by row; int32 [channels, height, width] to [patches, channels * patch**2].

    The features of a patch run over channel, row, column, like a convolution's weight.
    Raises ValueError where no whole patch fits.
    """
    image = integers("image", image, np.int32, (None, None, None))
    if min(image.shape[1:]) < patch:
        raise ValueError(f"image must be at least {patch} pixels high and wide, not {image.shape[1:]}")
    windows = np.lib.stride_tricks.sliding_window_view(image, (patch, patch), axis=(1, 2))
    windows = windows[:, ::stride, ::stride].transpose(1, 2, 0, 3, 4)
    return windows.reshape(windows.shape[0] * windows.shape[1], -1)


def embed(
    patches: ArrayLike, weights: ArrayLike, bias: ArrayLike, cls_token: ArrayLike, position: ArrayLike
) -> Int32:
    """Tokens int32 [patches + 1, features], 18 fraction bits; the class token is row patches // 2.

    patches int32 [patches, pixels], 22 fraction bits (`patches_of`); weights int16 [features, pixels], 15;
    bias int16 [features], 12; cls_token int32 [features], 18; position int32 [patches + 1, features], 18.
    Every product loses its bits below 18 fraction bits before it is added.
    Raises ValueError for operands that do not fit each other.
    """
    patches = integers("patches", patches, np.int32, (None, None))
    count, pixels = patches.shape
    weights = integers("weights", weights, np.int16, (None, pixels))
    features = len(weights)
    bias = integers("bias", bias, np.int16, (features,))
    cls_token = integers("cls_token", cls_token, np.int32, (features,))
    position = integers("position", position, np.int32, (count + 1, features))

    # Products of 47 bits and sums of 2**16 of them, floored to 28 bits, are exact in float64.
    columns = np.ascontiguousarray(patches.T, np.float64)
    rows = np.ascontiguousarray(weights.T) * 2.0 ** (TOKEN_FRACTION - PIXEL_FRACTION - WEIGHT_FRACTION)
    total = np.zeros((count, features))
    product = np.empty_like(total)
    for column, row in zip(columns, rows, strict=True):
        np.multiply(column[:, None], row, out=product)
        total += np.floor(product, out=product)

    middle = count // 2
    tokens = position.astype(np.int64)
    tokens[middle] += cls_token
    image = np.delete(np.arange(count + 1), middle)
    tokens[image] += total.astype(np.int64) + (bias.astype(np.int64) << (TOKEN_FRACTION - BIAS_FRACTION))
    return wrap32(tokens)
