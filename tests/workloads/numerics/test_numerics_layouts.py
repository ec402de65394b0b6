"""Bytes in memory and back, with the place of single elements worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from workloads.numerics import layouts


@given(st.integers(1, 3), st.integers(1, 3), st.data())
def test_linear_codes_round_trip(rows, columns, data):
    codes = data.draw(arrays(np.uint8, (16 * rows, 16 * columns), elements=st.integers(0, 15)))
    packed = layouts.pack_linear_codes(codes)
    assert len(packed) == codes.size // 2
    np.testing.assert_array_equal(layouts.unpack_linear_codes(packed.tobytes(), codes.shape), codes)


@pytest.mark.parametrize(
    ("pack", "unpack", "top"),
    [
        (layouts.pack_conv_codes, layouts.unpack_conv_codes, 15),
        (layouts.pack_conv_signs, layouts.unpack_conv_signs, 1),
    ],
)
@given(st.integers(1, 40), st.data())
def test_conv_round_trips(pack, unpack, top, channels, data):
    codes = data.draw(arrays(np.uint8, (channels, 4), elements=st.integers(0, top)))
    np.testing.assert_array_equal(unpack(pack(codes).tobytes(), codes.shape), codes)


@pytest.mark.parametrize(
    ("pack", "unpack", "dtype"),
    [
        (layouts.pack_activations, layouts.unpack_activations, np.int32),
        (layouts.pack_scales, layouts.unpack_scales, np.uint32),
        (layouts.pack_norm_weights, layouts.unpack_norm_weights, np.int16),
    ],
)
@given(st.data())
def test_word_round_trips(pack, unpack, dtype, data):
    array = data.draw(arrays(dtype, array_shapes(max_dims=3)))
    packed = pack(array)
    assert packed.tobytes() == b"".join(
        int(x).to_bytes(array.itemsize, "little", signed=x < 0) for x in array.flat
    )
    back = unpack(packed, array.shape)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)


def test_linear_tiles_by_hand():
    """Output 17, input 35 of 32 x 48: tile (1, 2) of 2 x 3 is the sixth, row 1, column 3 in it: nibble
    5 * 256 + 16 + 3 = 1299, the high half of byte 649."""
    codes = np.zeros((32, 48), np.uint8)
    codes[17, 35] = 9
    packed = layouts.pack_linear_codes(codes)
    assert {int(place): int(packed[place]) for place in np.flatnonzero(packed)} == {649: 0x90}


def test_conv_places_by_hand():
    """Channel 3, tap 2 is element 14: the low half of byte 7 of the codes, bit 6 of byte 1 of the signs."""
    codes = np.zeros((4, 4), np.uint8)
    codes[3, 2] = 1
    assert layouts.pack_conv_codes(codes).tolist() == [0, 0, 0, 0, 0, 0, 0, 1]
    assert layouts.pack_conv_signs(codes).tolist() == [0, 64]


def test_a_column_major_array_is_stored_by_rows():
    x = np.arange(6, dtype=np.int32).reshape(3, 2).T
    assert layouts.pack_activations(x)[::4].tolist() == [0, 2, 4, 1, 3, 5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layouts.pack_linear_codes(np.zeros((16, 24), int)), "out and in must be multiples of 16"),
        (lambda: layouts.pack_linear_codes(np.full((16, 16), 16)), "codes must be 0 to 15, not 16"),
        (lambda: layouts.pack_conv_signs([[0, 2]]), "signs must be 0 to 1, not 2"),
        (lambda: layouts.pack_conv_codes([[1]]), "codes must be even in number, not 1"),
        (lambda: layouts.pack_activations([2**31]), "activations must fit int32"),
        (lambda: layouts.unpack_activations(b"12345", (1,)), "memory must be 4 bytes, not 5"),
        (lambda: layouts.unpack_linear_codes(b"", (16, 16)), "memory must be 128 bytes, not 0"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
