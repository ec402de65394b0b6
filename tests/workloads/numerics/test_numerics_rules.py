"""Every kernel against the rules of the RTL written down once more in Python's own integers.

The reference knows no word length but where a rule says wrap, so an overflow inside a kernel shows.
"""

import decimal
import math
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workloads.numerics import (
    conv,
    embed,
    flip,
    linear,
    load_cls,
    norm_sum,
    selective_scan,
    silu,
    smooth,
    softplus,
)
from workloads.numerics.fixed import multiply_shift, reciprocal, wrap32
from workloads.numerics.quantize import quantize, quantize_tensor, quantize_tokens

MIN, MAX = -(2**31), 2**31 - 1
CORNERS = (MIN, MIN + 1, MAX, MAX - 1, -1, 0, 1, 2**18, -(2**18), 2**17, 4_194_299, 4_194_300, -4_194_299)
PLAIN = [
    st.integers(-300, 300),
    st.integers(-(2**20), 2**20),
    st.integers(MIN, MAX),
    st.sampled_from(CORNERS),
]
INT32 = st.one_of(PLAIN)
SCALE = st.one_of(st.sampled_from((0, 1, 2**26, 2**31, 2**32 - 1)), st.integers(0, 2**32 - 1))
RULE = settings(deadline=None, max_examples=60)


def wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def tensor(*shape: int, elements: st.SearchStrategy | None = None, dtype: type = np.int32):
    """Elements of one magnitude or of all, so that small tokens (scale 0, wrapping reciprocal) come up."""
    choices = (
        st.one_of(*(st.just(one) for one in PLAIN), st.just(INT32)) if elements is None else st.just(elements)
    )
    return choices.flatmap(lambda one: arrays(dtype, shape, elements=one, fill=st.nothing()))


def ref_scale(values: list[int]) -> int:
    return (max(wrap(abs(x)) for x in values) * 2064) >> 18


def ref_reciprocal(s: int) -> int:
    return -1 if s == 0 else wrap(2**36 // s if s > 0 else -(2**36 // -s))


def ref_quantize(x: int, s: int) -> int:
    v = wrap((x * ref_reciprocal(s)) >> 18)
    t = wrap(v + 2**17 if v >= 0 else v - 2**17)
    if 2 * t >= 255 * 2**18:
        return 127
    if 2 * t <= -257 * 2**18:
        return -128
    return t // 2**18 if t >= 0 else -(-t // 2**18)


@cache
def ref_table(name: str) -> list[int]:
    with decimal.localcontext(prec=60):
        table = []
        for i in range(1024):
            x = decimal.Decimal(16 * i) / 1023
            gap = x - x / (1 + (-x).exp()) if name == "silu" else (1 + (-x).exp()).ln()
            table.append(int((2**18 * gap).to_integral_value(decimal.ROUND_FLOOR)))
    return table


def ref_activation(x: int, name: str) -> int:
    magnitude = wrap(abs(x))
    if magnitude >= 4_194_300:
        return max(x, 0)
    e = magnitude * 16_760_832
    i, f = e >> 36, e % 2**36
    table = ref_table(name)
    d = (table[i % 1024] + ((f * (table[(i + 1) % 1024] - table[i % 1024])) >> 36)) % 2**18
    return wrap(max(x, 0) - d) if name == "silu" else wrap(max(x, 0) + d)


def ref_linear(x, codes, scales, bias, flags) -> list[list[int]]:
    levels = (0, 128, 64, 16, 32, 160, 96, 48)
    rows = []
    for token in x.tolist():
        s = ref_scale(token)
        q = [ref_quantize(v, s) for v in token]
        row = []
        for out, code_row in enumerate(codes.tolist()):
            acc = 0
            for block, block_scales in enumerate(scales.tolist()):
                ps = sum(
                    q[k] * levels[code_row[k] & 7] * (-1 if code_row[k] & 8 else 1)
                    for k in range(32 * block, min(32 * block + 32, len(q)))
                )
                acc = wrap(acc + wrap((ps * block_scales[out]) >> 16))
            y = wrap((acc * (s % 2**32)) >> 18)
            if flags & 1:
                y = wrap(y + int(bias[out]))
            if flags & 2:
                y = ref_activation(y, "silu")
            if flags & 4:
                y = ref_activation(y, "softplus")
            row.append(y)
        rows.append(row)
    return rows


def ref_conv(x, codes, signs, scales, bias) -> list[list[int]]:
    s = ref_scale(x.reshape(-1).tolist())
    q = [[ref_quantize(v, s) for v in token] for token in x.tolist()]
    rows = []
    for t in range(len(q)):
        row = []
        for c in range(x.shape[1]):
            total = 0
            for tap in range(4):
                v = q[t - 3 + tap][c] if t - 3 + tap >= 0 else 0
                code = int(codes[c, tap])
                part = (v >> 8, v << 7, v << 5, v << 3)[code & 3] + (v >> 8, v << 6, v << 4, v << 2)[
                    code >> 2
                ]
                total += -part if signs[c, tap] else part
            y = wrap((((total >> 8) * int(scales[c]) * (s % 2**32)) >> 26) + int(bias[c]))
            row.append(ref_activation(y, "silu"))
        rows.append(row)
    return rows


def ref_norm(v: list[int], weights: list[int]) -> list[int]:
    inverse = 2**18 // len(v)
    ss = wrap(2 + sum((x * x * inverse) >> 36 for x in v))
    root = 0 if ss < 0 else (math.isqrt(ss * 2**20) + 1) >> 1
    ri = -1 if root == 0 else wrap(2**36 // root)
    return [wrap((x * ri * w) >> 33) for x, w in zip(v, weights, strict=True)]


def ref_scan(u, delta, z, a, b, c, d) -> list[list[int]]:
    tokens, channels = u.shape
    u, delta, z, a, b, c, d = (array.tolist() for array in (u, delta, z, a, b, c, d))
    rows = [[0] * channels for _ in range(tokens)]
    for ch in range(channels):
        h = [0] * 16
        for t in range(tokens):
            du = wrap((delta[t][ch] * u[t][ch]) >> 18)
            y = 0
            for n in range(16):
                power = max(0, 2**18 + (wrap((delta[t][ch] * a[ch][n]) >> 18) >> 5))
                for _ in range(5):
                    power = wrap((power * power) >> 18)
                h[n] = wrap(((h[n] * power) >> 18) + wrap((du * b[t][n]) >> 18))
                y += wrap((h[n] * c[t][n]) >> 18)
            gated = wrap(y) + wrap((u[t][ch] * d[ch]) >> 18)
            rows[t][ch] = wrap((gated * z[t][ch]) >> 18)
    return rows


def ref_embed(patches, weights, bias, cls_token, position) -> list[list[int]]:
    middle = len(patches) // 2
    rows = []
    for m, patch in enumerate(patches.tolist()):
        place = m if m < middle else m + 1
        row = []
        for feature, kernel in enumerate(weights.tolist()):
            acc = wrap(int(bias[feature]) * 2**6 + int(position[place, feature]))
            for pixel, weight in zip(patch, kernel, strict=True):
                acc = wrap(acc + wrap((pixel * weight) >> 19))
            row.append(acc)
        rows.append(row)
    cls_row = [wrap(int(c) + int(p)) for c, p in zip(cls_token, position[middle], strict=True)]
    return [*rows[:middle], cls_row, *rows[middle:]]


@RULE
@given(st.lists(st.tuples(INT32, st.one_of(INT32, SCALE)), min_size=1), st.integers(0, 32))
def test_multiply_shift(pairs, shift):
    a, b = np.array(pairs, np.int64).T
    assert multiply_shift(a, b, shift).tolist() == [wrap((x * y) >> shift) for x, y in pairs]


@RULE
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_wrap32(values):
    assert wrap32(np.array(values, np.int64)).tolist() == [wrap(value) for value in values]


@RULE
@given(st.lists(st.one_of(INT32, st.integers(-40, 40)), min_size=1))
def test_reciprocal(scales):
    assert reciprocal(np.array(scales, np.int32)).tolist() == [ref_reciprocal(s) for s in scales]


@RULE
@given(tensor(3, 16))
def test_quantize_tokens(x):
    q, scale = quantize_tokens(x)
    assert scale.tolist() == [[ref_scale(token)] for token in x.tolist()]
    assert q.tolist() == [[ref_quantize(v, ref_scale(token)) for v in token] for token in x.tolist()]


@RULE
@given(tensor(3, 5))
def test_quantize_tensor(x):
    s = ref_scale(x.reshape(-1).tolist())
    q, scale = quantize_tensor(x)
    assert scale.tolist() == [[s]]
    assert q.tolist() == [[ref_quantize(v, s) for v in token] for token in x.tolist()]


@RULE
@given(st.lists(st.tuples(INT32, INT32), min_size=1))
def test_quantize_by_any_scale(pairs):
    """Also by scales no token of its own would have: saturation and the wrap of x / s."""
    x, s = np.array(pairs, np.int32).T
    assert quantize(x, s).tolist() == [ref_quantize(a, b) for a, b in pairs]


@RULE
@given(st.lists(st.one_of(INT32, st.integers(-4_194_400, 4_194_400)), min_size=1))
def test_activations(values):
    x = np.array(values, np.int32)
    assert silu(x).tolist() == [ref_activation(value, "silu") for value in values]
    assert softplus(x).tolist() == [ref_activation(value, "softplus") for value in values]
    assert x.tolist() == values


def test_activations_at_every_table_entry():
    """Around each of the 1024 entries, |x| = i * 2**22 / 1023 rounded, both signs."""
    near = sorted({s * (i * 2**22 // 1023 + o) for i in range(1024) for o in (-1, 0, 1, 2) for s in (-1, 1)})
    x = np.array(near, np.int32)
    assert silu(x).tolist() == [ref_activation(value, "silu") for value in near]
    assert softplus(x).tolist() == [ref_activation(value, "softplus") for value in near]


@RULE
@given(st.data(), st.sampled_from((16, 32, 48, 80)), st.integers(0, 7))
def test_linear(data, inputs, flags):
    x = data.draw(tensor(2, inputs))
    codes = data.draw(arrays(np.uint8, (3, inputs), elements=st.integers(0, 15)))
    scales = data.draw(arrays(np.uint32, (-(-inputs // 32), 3), elements=SCALE))
    bias = data.draw(tensor(3))
    assert linear(x, codes, scales, bias, flags).tolist() == ref_linear(x, codes, scales, bias, flags)


def test_linear_block_sum_at_its_bound():
    """32 products of 127 and 160/256 sum to 650,240; under the largest scale each block wraps."""
    x = np.full((1, 128), 2**18 * 127, np.int32)
    codes, scales = np.full((1, 128), 5, np.uint8), np.full((4, 1), 2**32 - 1, np.uint32)
    assert linear(x, codes, scales).tolist() == ref_linear(x, codes, scales, None, 0)


@RULE
@given(
    tensor(5, 2),
    arrays(np.uint8, (2, 4), elements=st.integers(0, 15)),
    arrays(np.uint8, (2, 4), elements=st.integers(0, 1)),
    arrays(np.uint32, 2, elements=SCALE),
    tensor(2),
)
def test_conv(x, codes, signs, scales, bias):
    assert conv(x, codes, signs, scales, bias).tolist() == ref_conv(x, codes, signs, scales, bias)


def test_conv_of_nothing_but_the_most_negative_value():
    """The scale is negative for the reciprocal and unsigned for the product, as recorded for LINEAR."""
    x = np.full((2, 1), MIN, np.int32)
    codes, signs, scales, bias = np.full((1, 4), 5, np.uint8), np.zeros((1, 4), np.uint8), [2**20], [3]
    assert conv(x, codes, signs, scales, bias).tolist() == ref_conv(x, codes, signs, scales, bias)


@RULE
@given(tensor(3, 4), arrays(np.uint32, 4, elements=SCALE))
def test_smooth(x, scales):
    wanted = [[wrap((v * c) >> 26) for v, c in zip(row, scales.tolist(), strict=True)] for row in x.tolist()]
    assert smooth(x, scales).tolist() == wanted


@RULE
@given(st.data(), st.sampled_from((1, 3, 16)))
def test_norm_sum(data, features):
    a, b = data.draw(tensor(2, features)), data.draw(tensor(2, features))
    w = data.draw(arrays(np.int16, features, elements=st.integers(-(2**15), 2**15 - 1)))
    pairs = [list(zip(*rows, strict=True)) for rows in zip(a.tolist(), b.tolist(), strict=True)]
    sums = [[wrap(x + y) for x, y in row] for row in pairs]
    assert norm_sum(a, b, w, 0).tolist() == [ref_norm(row, w.tolist()) for row in sums]
    assert norm_sum(a, None, w, 1).tolist() == [ref_norm(row, w.tolist()) for row in a.tolist()]
    assert norm_sum(a, b, None, 2).tolist() == sums
    assert norm_sum(a, b, None, 3).tolist() == [[v >> 1 for v in row] for row in sums]


@RULE
@given(st.integers(0, 2**31 - 1))
def test_norm_root(mean):
    """One feature of sqrt(mean) gives about that mean square: the root next to every perfect square."""
    x = math.isqrt(mean << 18)
    for v in (x - 1, x, x + 1):
        assert norm_sum([[wrap(v)]], None, [2**15 - 1], 1).tolist() == [ref_norm([wrap(v)], [2**15 - 1])]


@RULE
@given(st.data(), st.booleans())
def test_selective_scan(data, trained):
    """Any operands, and such as trained models have: steps that are positive, rates that are negative."""
    step = rate = None
    if trained:
        step, rate = st.integers(0, 2**21), st.integers(-(2**23), 0)
    u, z = data.draw(tensor(3, 2)), data.draw(tensor(3, 2))
    delta, a = data.draw(tensor(3, 2, elements=step)), data.draw(tensor(2, 16, elements=rate))
    b, c, d = data.draw(tensor(3, 16)), data.draw(tensor(3, 16)), data.draw(tensor(2))
    assert selective_scan(u, delta, z, a, b, c, d).tolist() == ref_scan(u, delta, z, a, b, c, d)


def test_state_is_carried_over_many_tokens():
    """250 tokens of 16 channels: more than the tokens worked on at once."""
    rng = np.random.default_rng(0)
    shapes = {
        "u": (250, 16),
        "delta": (250, 16),
        "z": (250, 16),
        "a": (16, 16),
        "b": (250, 16),
        "c": (250, 16),
    }
    operands = {name: rng.integers(-(2**19), 2**19, shape).astype(np.int32) for name, shape in shapes.items()}
    operands["delta"], operands["a"] = np.abs(operands["delta"]) >> 3, -np.abs(operands["a"])
    operands["d"] = rng.integers(-(2**19), 2**19, 16).astype(np.int32)
    assert selective_scan(**operands).tolist() == ref_scan(**operands)


@RULE
@given(tensor(4, 3), st.integers(0, 3))
def test_patch_ops(x, index):
    assert flip(x).tolist() == x.tolist()[::-1]
    assert load_cls(x, index).tolist() == [x.tolist()[index]]


@RULE
@given(st.data(), st.integers(1, 4))
def test_embed(data, patches):
    int16 = st.one_of(st.integers(-(2**15), 2**15 - 1), st.sampled_from((-(2**15), 2**15 - 1, 0)))
    pixels = data.draw(tensor(patches, 6))
    weights, bias = (
        data.draw(arrays(np.int16, (2, 6), elements=int16)),
        data.draw(arrays(np.int16, 2, elements=int16)),
    )
    cls_token, position = data.draw(tensor(2)), data.draw(tensor(patches + 1, 2))
    wanted = ref_embed(pixels, weights, bias, cls_token, position)
    assert embed(pixels, weights, bias, cls_token, position).tolist() == wanted
