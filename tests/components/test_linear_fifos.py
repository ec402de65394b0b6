"""FIFOs inside LINEAR: gauges, stalls, and that looking changes nothing."""

import numpy as np
import pytest

from analysis.platform_path import find_platform
from analysis.single_call import run_call
from components.linear import Repetition
from tlm.platform import load_platform
from tlm.simulation import Simulation
from workloads.builder import Builder
from workloads.operations import Role


def linear(inputs, outputs, *overrides, tokens=197, gauges=False):
    build = Builder()
    x = build.tensor("x", tokens, inputs, role=Role.INPUT)
    platform = load_platform(find_platform("zcu102-rtl"), overrides)
    return run_call(Simulation(platform, gauges=gauges), build.linear("linear", x, outputs))


@pytest.mark.parametrize("sizes", [(384, 16), (192, 384), (16, 384), (384, 192)])
def test_gauges_change_no_cycle(sizes):
    plain, gauged = linear(*sizes), linear(*sizes, gauges=True)
    assert (plain.cycles, plain.stalls) == (gauged.cycles, gauged.stalls)
    assert not plain.gauges
    for gauge in gauged.gauges:
        assert 0 <= gauge.mean <= gauge.peak <= gauge.capacity
        assert gauge.full + gauge.empty <= gauged.cycles


@pytest.mark.parametrize("change", [(), ("components.linear.scale_fifo=3",)])
@pytest.mark.parametrize("sizes", [(384, 16), (192, 384), (16, 384), (384, 192)])
def test_what_is_jumped_over_is_gauged(sizes, change, monkeypatch):
    """Levels are the same where every token is worked out."""
    jumped = linear(*sizes, *change, gauges=True)
    monkeypatch.setattr(Repetition, "jump", lambda *_: 0)
    each = linear(*sizes, *change, gauges=True)
    assert jumped.gauges == each.gauges
    for a, b in zip(jumped.gauges, each.gauges, strict=True):
        assert np.array_equal(a.levels, b.levels)
        assert a.levels[:, 1].max() == a.peak
        assert a.levels[:, 2].sum() == round(a.mean * jumped.cycles)


def test_two_token_scales_make_a_narrow_output_wait():
    """384 to 16: a token takes 36 + 24 cycles where its 48 words could come in 48, so that the reader stops for
    12 cycles at every token behind the first."""
    record = linear(384, 16)
    assert record.stalls == {"linear.scale_fifo": 12 * 196}


def test_a_third_place_lets_words_come_one_a_cycle():
    assert linear(384, 16, "components.linear.scale_fifo=3").cycles == linear(384, 16).cycles - 12 * 196
    assert not linear(384, 16, "components.linear.scale_fifo=3").stalls


def test_scales_fill_their_fifo():
    """The reader pushes one scale a token; from the second token on two are on their way to the dequantizer."""
    gauges = {g.name: g for g in linear(384, 16, gauges=True).gauges}
    scales = gauges["linear.scale_fifo"]
    assert (scales.capacity, scales.peak) == (2, 2)
    assert scales.full > 60 * 190  # all but the first and the last tokens
    # the quantizer takes its scale in the cycle in which it comes: its block waits for it
    assert gauges["linear.quantizer_scale_fifo"].peak == 0
    # all 9456 words of the input passed its buffer, none stayed
    assert 0 < gauges["linear.in_r buffer"].peak <= 2048


def test_a_port_that_keeps_up_has_an_empty_buffer():
    """Weights are taken as they come: each has its place for the cycle of its arrival. 384 x 16 codes of 4 bits
    are 96 words, 12 blocks x 16 scales 24 words."""
    gauge = next(g for g in linear(384, 16, gauges=True).gauges if g.name == "linear.weights buffer")
    assert gauge.peak == 1
    assert gauge.empty == linear(384, 16).cycles - (96 + 24)
