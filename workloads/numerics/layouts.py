"""Tensors as the bytes the ViM-Q engines find in memory, and back.

Every `pack_*` gives a one-dimensional uint8 array without padding; the `unpack_*` of the same name takes
bytes or uint8 and the logical shape and is its inverse. All are little endian.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workloads.numerics.fixed import Int32, integers

Bytes = NDArray[np.uint8]
Memory = bytes | bytearray | memoryview | Bytes
TILE = 16
"""Inputs and outputs of a tile of linear codes."""


def pack_activations(x: ArrayLike) -> Bytes:
    """int32 of any shape, row-major: activations [token][feature], A [channel][state], biases."""
    return _bytes_of(integers("activations", x, np.int32, np.shape(x)), "<i4")


def unpack_activations(memory: Memory, shape: tuple[int, ...]) -> Int32:
    """The inverse of `pack_activations`."""
    return _array_of(memory, "<i4", shape).astype(np.int32, copy=False)


def pack_scales(scales: ArrayLike) -> Bytes:
    """uint32 of any shape, row-major: linear scales [in/32][out], conv scales, smoothing scales."""
    return _bytes_of(integers("scales", scales, np.uint32, np.shape(scales)), "<u4")


def unpack_scales(memory: Memory, shape: tuple[int, ...]) -> NDArray[np.uint32]:
    """The inverse of `pack_scales`."""
    return _array_of(memory, "<u4", shape).astype(np.uint32, copy=False)


def pack_norm_weights(weights: ArrayLike) -> Bytes:
    """int16 of any shape, row-major: norm weights, and EMBED's weights and biases."""
    return _bytes_of(integers("weights", weights, np.int16, np.shape(weights)), "<i2")


def unpack_norm_weights(memory: Memory, shape: tuple[int, ...]) -> NDArray[np.int16]:
    """The inverse of `pack_norm_weights`."""
    return _array_of(memory, "<i2", shape).astype(np.int16, copy=False)


def pack_linear_codes(codes: ArrayLike) -> Bytes:
    """uint8 [out, in], 0 to 15, as 16 x 16 tiles [out/16][in/16][out%16][in%16], low nibble first.

    Raises ValueError unless out and in are multiples of 16.
    """
    codes = integers("codes", codes, np.uint8, (None, None))
    rows, columns = _tiles(codes.shape)
    tiles = codes.reshape(rows, TILE, columns, TILE).transpose(0, 2, 1, 3)
    return _pack_nibbles(tiles.reshape(-1))


def unpack_linear_codes(memory: Memory, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The inverse of `pack_linear_codes`; shape is (out, in)."""
    rows, columns = _tiles(shape)
    tiles = _unpack_nibbles(memory, shape[0] * shape[1]).reshape(rows, columns, TILE, TILE)
    return tiles.transpose(0, 2, 1, 3).reshape(shape)


def pack_conv_codes(codes: ArrayLike) -> Bytes:
    """uint8 [channels, taps], 0 to 15, flat, low nibble first. Raises ValueError for an odd number."""
    return _pack_nibbles(integers("codes", codes, np.uint8, (None, None)).reshape(-1))


def unpack_conv_codes(memory: Memory, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The inverse of `pack_conv_codes`; shape is (channels, taps)."""
    return _unpack_nibbles(memory, shape[0] * shape[1]).reshape(shape)


def pack_conv_signs(signs: ArrayLike) -> Bytes:
    """uint8 [channels, taps], 0 or 1, flat, least significant bit first; the last byte is filled with 0."""
    signs = integers("signs", signs, np.uint8, (None, None))
    _refuse_above("signs", signs, 1)
    return np.packbits(signs.reshape(-1), bitorder="little")


def unpack_conv_signs(memory: Memory, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The inverse of `pack_conv_signs`; shape is (channels, taps)."""
    count = shape[0] * shape[1]
    packed = _array_of(memory, "u1", (-(-count // 8),))
    return np.unpackbits(packed, count=count, bitorder="little").reshape(shape)


def _bytes_of(array: NDArray, dtype: str) -> Bytes:
    return np.ascontiguousarray(array.reshape(-1), dtype).view(np.uint8)


def _array_of(memory: Memory, dtype: str, shape: tuple[int, ...]) -> NDArray:
    raw = np.frombuffer(memory, np.uint8)
    wanted = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if len(raw) != wanted:
        raise ValueError(f"memory must be {wanted} bytes, not {len(raw)}")
    return raw.view(dtype).reshape(shape)


def _pack_nibbles(codes: NDArray[np.uint8]) -> Bytes:
    _refuse_above("codes", codes, 15)
    if len(codes) % 2:
        raise ValueError(f"codes must be even in number, not {len(codes)}")
    packed = codes[1::2] << np.uint8(4)
    packed |= codes[0::2]
    return packed


def _unpack_nibbles(memory: Memory, count: int) -> NDArray[np.uint8]:
    if count % 2:
        raise ValueError(f"codes must be even in number, not {count}")
    packed = _array_of(memory, "u1", (count // 2,))
    codes = np.empty(count, np.uint8)
    codes[0::2] = packed & 15
    codes[1::2] = packed >> 4
    return codes


def _tiles(shape: tuple[int, ...]) -> tuple[int, int]:
    if shape[0] % TILE or shape[1] % TILE:
        raise ValueError(f"out and in must be multiples of {TILE}, not {shape[0]} and {shape[1]}")
    return shape[0] // TILE, shape[1] // TILE


def _refuse_above(name: str, values: NDArray, top: int) -> None:
    if values.size and values.max() > top:
        raise ValueError(f"{name} must be 0 to {top}, not {values.max()}")
