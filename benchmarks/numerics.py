"""Milliseconds of every integer kernel at the shapes of a Vision Mamba, and images a second of it all.

Run as `OMP_NUM_THREADS=1 python benchmarks/numerics.py [--dim 192] [--tokens 197] [--layers 24]`.
Operands are random, of the size that trained models show; each time is the best of several runs.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workloads.numerics import (
    conv,
    embed,
    flip,
    linear,
    load_cls,
    norm_sum,
    selective_scan,
    smooth,
)

ONE = 1 << 18
Row = tuple[str, Callable[[], object], int]


def calls(dim: int, tokens: int, layers: int) -> list[Row]:
    """Every distinct call of an image: its name, the call, how often it is made."""
    rng = np.random.default_rng(0)
    inner, rank = 2 * dim, -(-dim // 16 // 16) * 16
    classes = 1008

    def activations(*shape: int, std: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * std * ONE).astype(np.int32)

    def weights(inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        codes = rng.integers(0, 16, (outputs, inputs), np.uint8)
        scales = rng.integers(1 << 20, 1 << 24, (-(-inputs // 32), outputs), np.uint32)
        return codes, scales, activations(outputs)

    x_model, x_inner = activations(tokens, dim), activations(tokens, inner)
    norm_weights = rng.integers(0, 1 << 15, dim).astype(np.int16)
    fold = rng.integers(1 << 24, 1 << 27, inner).astype(np.uint32)
    codes, signs = rng.integers(0, 16, (inner, 4), np.uint8), rng.integers(0, 2, (inner, 4), np.uint8)
    conv_scales = rng.integers(1 << 20, 1 << 25, inner, np.uint32)
    step = np.abs(activations(tokens, inner, std=0.1))
    rates = -(np.arange(1, 17) * ONE).astype(np.int32) + np.zeros((inner, 1), np.int32)
    mix = activations(tokens, 16), activations(tokens, 16)
    patches = (rng.standard_normal((tokens - 1, 768)) * (1 << 22)).astype(np.int32)
    kernel = rng.integers(-(1 << 12), 1 << 12, (dim, 768)).astype(np.int16)
    offset = rng.integers(-(1 << 12), 1 << 12, dim).astype(np.int16)
    position = activations(tokens, dim)
    in_x, in_z, out = weights(dim, inner), weights(dim, inner), weights(inner, dim)
    x_dt, dt, state = weights(inner, rank), weights(rank, inner), weights(inner, 16)
    head = weights(dim, classes)
    x_rank, x_class = activations(tokens, rank), activations(1, dim)

    return [
        ("NORM_SUM norm", lambda: norm_sum(x_model, None, norm_weights, 1), layers),
        ("LINEAR in_proj x", lambda: linear(x_model, *in_x), layers),
        ("LINEAR in_proj z, SiLU", lambda: linear(x_model, *in_z, 2), layers),
        ("CONV", lambda: conv(x_inner, codes, signs, conv_scales, in_x[2]), 2 * layers),
        ("SMOOTH", lambda: smooth(x_inner, fold), 3 * layers),
        ("LINEAR x_proj dt", lambda: linear(x_inner, *x_dt), 2 * layers),
        ("LINEAR dt_proj, bias, softplus", lambda: linear(x_rank, *dt, 5), 2 * layers),
        ("LINEAR x_proj B or C", lambda: linear(x_inner, *state), 4 * layers),
        ("SSM", lambda: selective_scan(x_inner, step, x_inner, rates, *mix, in_x[2]), 2 * layers),
        ("PATCH_OPS flip", lambda: flip(x_inner), 3 * layers),
        ("NORM_SUM (a+b)/2", lambda: norm_sum(x_inner, x_inner, None, 3), layers),
        ("LINEAR out_proj", lambda: linear(x_inner, *out), layers),
        ("NORM_SUM add", lambda: norm_sum(x_model, x_model, None, 2), layers),
        ("EMBED", lambda: embed(patches, kernel, offset, offset, position), 1),
        ("PATCH_OPS load_cls", lambda: load_cls(x_model, tokens // 2), 1),
        ("NORM_SUM final norm", lambda: norm_sum(x_class, None, norm_weights, 1), 1),
        ("LINEAR head", lambda: linear(x_class, *head, 1), 1),
    ]


def best_of(call: Callable[[], object], seconds: float = 0.25) -> float:
    """The shortest run, in seconds, out of as many as fit the given time (three at least)."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dim", type=int, default=192, help="features of the model (tiny 192)")
    parser.add_argument("--tokens", type=int, default=197, help="patches and the class token")
    parser.add_argument("--layers", type=int, default=24)
    options = parser.parse_args()
    rows = calls(options.dim, options.tokens, options.layers)
    print(f"{'call':32} {'ms':>9} {'calls':>6} {'ms/image':>9}")
    total = 0.0
    for name, call, count in rows:
        milliseconds = 1e3 * best_of(call)
        total += milliseconds * count
        print(f"{name:32} {milliseconds:9.3f} {count:6} {milliseconds * count:9.1f}")
    print(f"{'image':32} {'':9} {sum(row[2] for row in rows):6} {total:9.1f}   {1e3 / total:.2f} images/s")


if __name__ == "__main__":
    main()
