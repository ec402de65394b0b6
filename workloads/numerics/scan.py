"""SSM: the selective scan, fused with the skip connection and the gate."""

import numpy as np
from numpy.typing import ArrayLike

from workloads.numerics.fixed import FRACTION, ONE, Int32, Int64, integers, multiply_shift, wrap32

STATES = 16
_EXP_SHIFT = 5  # exp(x) is (1 + x / 2**5) ** 2**5: five squarings
_CHUNK = 1 << 15  # state elements a pass works on: three buffers of int64 stay in a second-level cache


def _power(t: Int32) -> Int32:
    """Five times `wrap32((t * t) >> 18)`."""
    for _ in range(_EXP_SHIFT):
        t = multiply_shift(t, t, FRACTION)
    return t


_POWERS = _power(np.arange(ONE + 1, dtype=np.int32)).astype(np.int64)  # all decays, from 0 to 1 included


def _decay(p: Int32) -> Int64:
    """(1 + max(p, -32) / 32) ** 32 of raw p, overwritten. Looked up unless some p is positive."""
    p >>= _EXP_SHIFT
    p += ONE
    if p.max(initial=0) <= ONE:
        return _POWERS.take(p, mode="clip")  # clips negative bases to 0
    return _power(np.maximum(p, 0)).astype(np.int64)


def selective_scan(
    u: ArrayLike, delta: ArrayLike, z: ArrayLike, a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike
) -> Int32:
    """h = exp(delta * A) * h + delta * u * B; out = (h . C + u * D) * z, h = 0 before the first token.

    u, delta, z (after its SiLU) int32 [tokens, channels]; a int32 [channels, 16]; b, c int32 [tokens, 16];
    d int32 [channels]; all with 18 fraction bits. Returns int32 [tokens, channels].
    Raises ValueError for operands that do not fit each other.
    """
    u = integers("u", u, np.int32, (None, None))
    tokens, channels = u.shape
    delta = integers("delta", delta, np.int32, (tokens, channels))
    z = integers("z", z, np.int32, (tokens, channels))
    a = integers("a", a, np.int32, (channels, STATES))
    b = integers("b", b, np.int32, (tokens, STATES)).astype(np.int64)[:, :, None]
    c = integers("c", c, np.int32, (tokens, STATES)).astype(np.int64)[:, :, None]
    d = integers("d", d, np.int32, (channels,))

    step = delta.astype(np.int64)[:, None, :]
    rates = np.ascontiguousarray(a.T, np.int64)
    drive = multiply_shift(delta, u, FRACTION).astype(np.int64)[:, None, :]
    projected = np.empty((tokens, channels), np.int64)
    chunk = max(1, _CHUNK // (STATES * channels))
    work = np.empty((chunk, STATES, channels), np.int64)
    states = np.empty_like(work)
    h = np.zeros((STATES, channels), np.int64)
    narrow = np.empty((STATES, channels), np.int32)
    for first in range(0, tokens, chunk):
        now = slice(first, min(first + chunk, tokens))
        size = now.stop - first
        product, state = work[:size], states[:size]
        np.multiply(step[now], rates, out=product)
        product >>= FRACTION
        decays = _decay(wrap32(product))
        np.multiply(drive[now], b[now], out=product)
        product >>= FRACTION  # wraps together with the state below
        for decay, inflow, kept in zip(decays, product, state, strict=True):
            np.multiply(h, decay, out=kept)
            kept >>= FRACTION
            kept += inflow
            np.copyto(narrow, kept, casting="unsafe")  # wrap32
            np.copyto(kept, narrow)
            h = kept
        np.multiply(state, c[now], out=product)
        product >>= FRACTION
        product.sum(axis=1, out=projected[now])

    output = wrap32(projected).astype(np.int64)
    output += multiply_shift(u, d, FRACTION)  # 33 bits
    output *= z
    output >>= FRACTION
    return wrap32(output)
