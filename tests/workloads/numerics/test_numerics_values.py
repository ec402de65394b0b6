"""Single values of the kernels that can be worked out by hand, and what they refuse."""

import numpy as np
import pytest

from workloads.numerics import (
    conv,
    embed,
    linear,
    load_cls,
    norm_sum,
    patches_of,
    selective_scan,
    silu,
    smooth,
    softplus,
)
from workloads.numerics.fixed import reciprocal
from workloads.numerics.quantize import quantize, quantize_tokens, scale_of

ONE = 1 << 18
MIN, MAX = -(2**31), 2**31 - 1


def test_scale_of_a_token():
    """max|x| = 1.0: (2**18 * 2064) >> 18 = 2064, which is 1/127. Below raw 128 the scale is 0."""
    x = np.array([[ONE, -5], [127, -127], [128, 0], [MIN, 128], [MIN, MIN]], np.int32)
    assert scale_of(x, axis=-1)[:, 0].tolist() == [2064, 0, 1, 1, (MIN * 2064) >> 18]


def test_reciprocal_wraps_from_a_scale_of_32():
    """2**36 / 33 = 2,082,408,385.9; 2**36 / 32 = 2**31 is the most negative value; 2**32 is 0."""
    scales = np.array([2064, 33, 32, 16, 0], np.int32)
    assert reciprocal(scales).tolist() == [33_294_320, 2_082_408_385, MIN, 0, -1]


def test_rounding_and_saturation_of_int8():
    """By scale 1.0, v = x: 0.5 is 1 and -0.5 is -1, 127.5 and more 127, -128.5 and less -128.

    2**31 - 2**17 plus a half wraps to the most negative value and gives -128, not 127.
    """
    half = ONE // 2
    x = [half, half - 1, -half, 1 - half, 255 * half, -257 * half, 2**31 - half, MIN + half, 2**31 - half - 1]
    q = quantize(np.array(x, np.int32), np.array([ONE], np.int32))
    assert q.tolist() == [1, 0, -1, 0, 127, -128, -128, -128, 127]


def test_a_zero_scale_leaves_the_activation_of_the_bias():
    """Inputs below raw 128 have scale 0; SiLU(1.0) = 0.73106 is raw 191,643.

    The table has a step of 16/1023: between entries it errs by up to 0.0156**2 / 8 * 0.5 * 2**18 = 4 units.
    """
    x, codes = np.full((1, 16), 127, np.int32), np.full((1, 16), 5, np.uint8)
    out = linear(x, codes, np.full((1, 1), 2**26, np.uint32), [ONE], flags=3)
    assert abs(int(out[0, 0]) - 191_643) <= 4
    assert out.tolist() == silu(np.array([[ONE]], np.int32)).tolist()


def test_linear_in_round_numbers():
    """Ones against sixteen 160/256 under scale 1: 127 * 160 * 16 / 256 * 2064 / 2**18 is nearly 10."""
    x, codes = np.full((1, 16), ONE, np.int32), np.full((1, 16), 5, np.uint8)
    q, scale = quantize_tokens(x)
    assert (q[0, 0], scale[0, 0]) == (127, 2064)
    raw = (((127 * 160 * 16) << 26 >> 16) * 2064) >> 18
    assert linear(x, codes, [[2**26]]).tolist() == [[raw]]
    assert abs(raw / ONE - 10) < 0.01


def test_table_ends_at_16():
    """From raw 4,194,300 on both are ReLU; |most negative| wraps to table entry 512 (x = 8.008)."""
    x = np.array([4_194_300, -4_194_300, MAX, MIN + 1, MIN], np.int32)
    assert silu(x).tolist() == [4_194_300, 0, MAX, 0, -698]
    assert softplus(x).tolist() == [4_194_300, 0, MAX, 0, 87]
    assert softplus(np.zeros(1, np.int32)).tolist() == [181_704]  # floor(2**18 * ln 2)


def test_conv_code_zero_counts_minus_one_for_a_negative_input():
    """A tap of code 0 gives -2 for a negative input: 4 * -2 >> 8 = -1, times 1.0 and 2064 is -2064."""
    x = np.full((4, 1), -ONE, np.int32)
    out = conv(x, np.zeros((1, 4), np.uint8), np.zeros((1, 4), np.uint8), [2**26], [0])
    assert out.tolist() == silu(np.full((4, 1), -2064, np.int32)).tolist()
    out = conv(x, np.zeros((1, 4), np.uint8), np.ones((1, 4), np.uint8), [2**26], [0])
    assert out.tolist() == [[0]] * 4  # 2 a tap, up to 8 >> 8


def test_conv_is_causal():
    """An input at token 1, taps 3 (the current token) and 0 (three back) set: tokens 1 and 4 see it."""
    x = np.zeros((6, 1), np.int32)
    x[1] = ONE
    codes = np.array([[0b0001, 0, 0, 0b0001]], np.uint8)
    out = conv(x, codes, np.zeros((1, 4), np.uint8), [2**26], [0])
    assert np.flatnonzero(out[:, 0]).tolist() == [1, 4]


def test_smooth_floors_and_wraps():
    """-1 times a half is -1, not 0; 2**30 times 4 wraps to 0."""
    assert smooth([[-1, 2**30]], [2**25, 2**28]).tolist() == [[-1, 0]]


def test_norm_of_ones():
    """v = 1.0: the mean square is 2**18 + 2 (epsilon), the root 262,145 and 2**36 over it 262,143."""
    out = norm_sum(np.full((1, 16), ONE, np.int32), None, np.full(16, 2**14, np.int16), 1)
    assert out.tolist() == [[(ONE * 262_143 * 2**14) >> 33] * 16]


def test_norm_of_a_wrapped_mean_square_negates():
    """RMS 91 squared is 8281 > 8192: the sum of squares is negative, the root 0, the factor -1."""
    v = 91 * ONE
    out = norm_sum(np.full((1, 16), v, np.int32), None, np.full(16, 2**14, np.int16), 1)
    assert out.tolist() == [[(-v * 2**14) >> 33] * 16]


def test_mean_rounds_down_after_the_wrap():
    assert norm_sum([[3, -3, MAX]], [[0, 0, 1]], None, 3).tolist() == [[1, -2, -(2**30)]]


def test_scan_clamps_the_exponential():
    """delta * A = -32 gives a decay of exactly 0: the second token forgets the first."""
    u = np.array([[ONE], [0]], np.int32)
    column = np.full((2, 1), ONE, np.int32)
    states = np.full((2, 16), ONE, np.int32)
    out = selective_scan(u, column, column, np.full((1, 16), -32 * ONE, np.int32), states, states, [0])
    assert out.tolist() == [[16 * ONE], [0]]
    out = selective_scan(u, column, column, np.zeros((1, 16), np.int32), states, states, [0])
    assert out.tolist() == [[16 * ONE], [16 * ONE]]


def test_patches_run_over_channel_row_column():
    image = np.arange(2 * 4 * 6, dtype=np.int32).reshape(2, 4, 6)
    patches = patches_of(image, patch=2, stride=2)
    assert patches.shape == (6, 8)
    assert patches[1].tolist() == [2, 3, 8, 9, 26, 27, 32, 33]
    assert patches_of(image, patch=2, stride=1).shape == (3 * 5, 8)
    assert patches_of(np.zeros((3, 224, 224), np.int32)).shape == (196, 768)
    assert patches_of(np.zeros((3, 224, 224), np.int32), stride=8).shape == (27 * 27, 768)


def test_class_token_stands_in_the_middle():
    """Pixel 1.0 (2**22) times weight 0.5 (2**14) is 0.5; bias 1.0 (2**12); token m gets position m."""
    patches, position = np.full((4, 1), 2**22, np.int32), np.arange(5, dtype=np.int32)[:, None]
    out = embed(patches, [[2**14]], [2**12], [7], position)
    assert out[:, 0].tolist() == [ONE * 3 // 2, ONE * 3 // 2 + 1, 7 + 2, ONE * 3 // 2 + 3, ONE * 3 // 2 + 4]


def test_embed_floors_every_product():
    """Two products of -1/2**19 of a unit are -1 each; floored after the sum they would be -1 together."""
    out = embed([[-1, -1]], [[1, 1]], [0], [0], np.zeros((2, 1), np.int32))
    assert out.tolist() == [[0], [-2]]


X = np.zeros((2, 32), np.int32)
ZEROS = [0] * 32
CODES, SCALES = np.zeros((4, 32), np.uint8), np.zeros((1, 4), np.uint32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear(X * 0.5, CODES, SCALES), "x must be int32 integers, not float64"),
        (lambda: linear(X[0], CODES, SCALES), r"x must have shape \[any, any\], not \[32\]"),
        (lambda: linear(X, CODES[:, :16], SCALES), r"codes must have shape \[any, 32\], not \[4, 16\]"),
        (lambda: linear(X, CODES + np.uint8(16), SCALES), "codes must be 0 to 15, not 16"),
        (lambda: linear(X, CODES, SCALES[:, :3]), r"scales must have shape \[1, 4\], not \[1, 3\]"),
        (lambda: linear(X, CODES, SCALES.astype(int) - 1), "scales must fit uint32, not reach from -1 to -1"),
        (lambda: linear(X, CODES, SCALES, None, 1), "bias must be given where flags ask for it"),
        (lambda: linear(X, CODES, SCALES, None, 8), "flags must be 0 to 7, not 8"),
        (lambda: conv(X, CODES.T, CODES.T + 2, ZEROS, ZEROS), "sign_bits must be 0 to 1, not 2"),
        (lambda: smooth(X, [1, 2]), r"scales must have shape \[32\], not \[2\]"),
        (lambda: norm_sum(X, X, None, 4), "mode must be 0 to 3, not 4"),
        (lambda: norm_sum(X, None, None, 2), "b must be given in mode 2"),
        (lambda: norm_sum(X, None, None, 1), "weights must be given in mode 1"),
        (lambda: load_cls(X, 2), "index must be 0 to 1, not 2"),
        (lambda: selective_scan(X, X, X, X, X, X, [0]), r"a must have shape \[32, 16\], not \[2, 32\]"),
        (lambda: patches_of(np.zeros((3, 8, 20), int)), "image must be at least 16 pixels high and wide"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
