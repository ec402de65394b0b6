import numpy as np
import pytest

from workloads.builder import Builder
from workloads.execution import LAYOUTS, compute, layout, operands, pack, unpack
from workloads.lowering import lower
from workloads.operations import NormSumMode, Role
from workloads.vim.config import VimConfig

CONFIG = VimConfig("custom", d_model=48, layers=1, image_size=48, classes=5)
RANGES = {
    "linear codes": ("uint8", 0, 16),
    "conv codes": ("uint8", 0, 16),
    "conv signs": ("uint8", 0, 2),
    "uint32": ("uint32", 0, 1 << 32),
    "int32": ("int32", -(1 << 31), 1 << 31),
    "int16": ("int16", -(1 << 15), 1 << 15),
}


def test_every_operand_packs_into_its_tensors_bytes_and_back():
    rng = np.random.default_rng(0)
    seen = set()
    for op in lower(CONFIG).operations:
        for field, tensor in operands(op):
            name = layout(op, field)
            seen.add(name)
            dtype, low, high = RANGES[name]
            array = rng.integers(low, high, tensor.shape).astype(dtype)
            raw = pack(op, field, array)
            assert len(raw) == tensor.nbytes, tensor
            back = unpack(op, field, raw)
            assert (back.dtype, back.shape) == (array.dtype, tensor.shape)
            assert np.array_equal(back, array)
    assert seen == LAYOUTS.keys()


def test_the_kernel_of_an_operation():
    """Raw integers: the mean of 6 and 3 is 4.5, of 5 and -2 is 1.5, both floored."""
    build = Builder()
    a, b = (build.tensor(name, 2, 1, role=Role.INPUT) for name in "ab")
    x, y = np.array([[6], [5]], np.int32), np.array([[3], [-2]], np.int32)
    mean = build.norm_sum("mean", NormSumMode.MEAN, a, b)
    assert compute(mean, {"a": x, "b": y}).tolist() == [[4], [1]]
    assert compute(build.flip("flip", a), {"x": x}).tolist() == [[5], [6]]
    assert compute(build.load_class_token("row", a, 1), {"x": x}).tolist() == [[5]]


def test_a_linear_takes_its_flags_from_the_operation():
    """No input, so only the bias is left: -2**20 (-4) stays, or is -0.07195 after SiLU (4 / (1 + e**4))."""
    build = Builder()
    x = build.tensor("x", 1, 16, role=Role.INPUT)
    values = {
        "x": np.zeros((1, 16), np.int32),
        "codes": np.zeros((16, 16), np.uint8),
        "scales": np.zeros((1, 16), np.uint32),
        "bias": np.full(16, -(1 << 20), np.int32),
    }
    plain = compute(build.linear("plain", x, 16, bias=True), values)
    silu = compute(build.linear("silu", x, 16, bias=True, silu=True), values)
    assert set(plain.flat) == {-(1 << 20)}
    np.testing.assert_allclose(silu / 2.0**18, -0.07195, atol=1e-4)


def test_the_class_token_stands_where_the_engine_puts_it():
    op = Builder().embed("embed", 9, 16, 3, 16, 16, 3)
    with pytest.raises(ValueError, match="embed: class_position must be 4, where the engine puts it, not 3"):
        compute(op, {})
