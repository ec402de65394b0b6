import numpy as np
import pytest

from workloads.vim.errors import WorkloadError
from workloads.vim.schemes import Scheme, levels, nearest, quantized_weight


def test_levels_of_four_bit_apot():
    """c + f, c of 0, 1/2, 1/4, 1/16 and f of 0, 1/8: in sixteenths 0 1 2 3 4 6 8 10, over the largest, 10."""
    assert levels("apot", 4).tolist() == [k / 10 for k in (0, 1, 2, 3, 4, 6, 8, 10)]


def test_levels_of_five_bit_apot():
    """c of 0, 1/2, 1/8, 1/32 and f of 0, 1/4, 1/16, 1/64: sixteen different sums, the largest 0.75."""
    found = levels("apot", 5)
    assert len(set(found)) == 16
    assert found[1] == (1 / 64) / 0.75
    assert found[-2] == pytest.approx((1 / 2 + 1 / 16) / 0.75)


def test_levels_of_the_others():
    assert levels("uniform", 3).tolist() == [0, 1 / 3, 2 / 3, 1]
    assert levels("pot", 3).tolist() == [0, 1 / 4, 1 / 2, 1]
    assert levels("pot", 4).tolist() == [0, *(2.0**-k for k in range(6, -1, -1))]
    assert levels("apot", 3).tolist() == [0, 1 / 4, 1 / 2, 1]


def test_nearest_level_wins():
    assert nearest(np.array([0.0, 0.04, 0.06, 0.69, 0.71, 1.0]), levels("apot", 4)).tolist() == [
        0,
        0,
        1,
        5,
        6,
        7,
    ]


def test_one_scale_per_row_or_per_block():
    """A row of 32 small weights and 32 large: 0.005 is below half of PoT's least level, 1/64, per channel."""
    row = np.concatenate([np.full(32, 0.005), np.full(32, -1.0)])[None]
    channel = quantized_weight(row, "pot", 4, None)
    block = quantized_weight(row, "pot", 4, 32)
    assert channel.tolist() == [[0.0] * 32 + [-1.0] * 32]
    assert block.tolist() == [[0.005] * 32 + [-1.0] * 32]


def test_last_block_may_be_narrower():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(3, 48))
    got = quantized_weight(weight, "uniform", 8, 32)
    for part in (slice(0, 32), slice(32, 48)):
        alone = quantized_weight(weight[:, part], "uniform", 8, None)
        np.testing.assert_array_equal(got[:, part], alone)
        steps = np.abs(weight[:, part]).max(1, keepdims=True) / 127
        assert (np.abs(alone - weight[:, part]) <= steps / 2 + 1e-12).all()


def test_wrong_choices_are_named_at_once():
    with pytest.raises(WorkloadError) as error:
        Scheme(weights="apot", bits=8, block=48)
    assert error.value.messages == [
        "scheme.bits must be one of 3, 4, 5, not 8",
        "scheme.block must be one of 16, 32, 64, not 48",
    ]


def test_hardware_refuses_by_name():
    Scheme().require_hardware()
    with pytest.raises(WorkloadError) as error:
        Scheme(weights="pot", bits=5, smoothing=False, head="float").require_hardware()
    assert error.value.messages == [
        "the hardware runs scheme.weights = apot only, not pot",
        "the hardware runs scheme.bits = 4 only, not 5",
        "the hardware runs scheme.smoothing = True only, not False",
        "the hardware runs scheme.head = quantized only, not float",
    ]
