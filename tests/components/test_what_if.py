"""What-ifs follow from the stages: each changes what its stage says, by the sums below, and nothing else.

Calls of tiny at 224 pixels: 197 tokens, 192 and 384 features, ideal memory. Words a token: 192 * 4 / 32 = 24 of
256 bits, or 48 for 384 features.
"""

import pytest

ENGINES = ("norm_sum", "linear", "conv", "smooth", "ssm", "patch_ops")
WIDE = tuple(f"components.{engine}.bus=512 bit" for engine in ENGINES)
NARROW = tuple(f"components.{engine}.bus=128 bit" for engine in ENGINES)
SCALES_3 = "components.linear.scale_fifo=3"
TILE_32 = "components.linear.tile=32"
LANES_16 = "components.ssm.lanes=16"


def per_token(calls, make, *settings):
    """Cycles a token, from 64 tokens more. 64 tokens are whole write bursts for every width, so the ends agree."""
    return (calls.cycles(make(197), *settings) - calls.cycles(make(133), *settings)) / 64


@pytest.fixture(scope="module")
def x_proj(calls):
    return lambda tokens: calls.linear(tokens, 384, 16)


@pytest.fixture(scope="module")
def in_proj(calls):
    return lambda tokens: calls.linear(tokens, 192, 384)


@pytest.fixture(scope="module")
def out_proj(calls):
    return lambda tokens: calls.linear(tokens, 384, 192)


@pytest.fixture(scope="module")
def dt_proj(calls):
    return lambda tokens: calls.linear(tokens, 16, 384, bias=True, softplus=True)


# Token scales: three places instead of two


def test_three_scales_leave_x_proj_to_the_reader(calls, x_proj):
    """384 -> 16 works on 24 tiles a token and reads 2 * 24 = 48 words. With two places between reader and
    dequantizer three tokens are on their way through a pipeline of about 3 * 60 cycles: 36 + 24 = 60 a token. With
    three the reader is the limit, 48: 196 * 12 = 2,352 cycles less."""
    assert per_token(calls, x_proj) == 60
    assert per_token(calls, x_proj, SCALES_3) == 48
    assert calls.cycles(x_proj(197)) - calls.cycles(x_proj(197), SCALES_3) == 2_352


def test_a_fourth_scale_changes_nothing(calls, x_proj):
    """The reader stays the limit."""
    assert calls.cycles(x_proj(197), "components.linear.scale_fifo=4") == calls.cycles(x_proj(197), SCALES_3)


def test_a_single_scale_halves_x_proj_and_costs_in_proj_little(calls, x_proj, in_proj):
    """Two tokens on their way instead of three, and the next is read only when the scale has been taken."""
    one = "components.linear.scale_fifo=1"
    assert per_token(calls, x_proj, one) >= 1.5 * 60
    assert calls.cycles(in_proj(197), one) < 1.03 * calls.cycles(in_proj(197))


def test_three_scales_hardly_move_in_proj(calls, in_proj):
    """192 -> 384 works on 12 * 24 = 288 tiles a token, far more than 36 + 12 or its 24 words."""
    before, after = calls.cycles(in_proj(197)), calls.cycles(in_proj(197), SCALES_3)
    assert 0.995 * before < after <= before
    assert per_token(calls, in_proj, SCALES_3) == 288


# Tiles of 32 x 32 instead of 16 x 16


@pytest.mark.parametrize(("inputs", "outputs"), [(192, 384), (384, 192)])
def test_a_tile_of_32_takes_a_quarter_of_the_tiles(calls, inputs, outputs):
    """12 * 24 = 288 tiles a token become 6 * 12 = 72, a few bubbles more where a token's blocks follow each other.
    Weights are loaded as before, 1,152 words of codes and 288 of scales, so that a call takes about
    (1,780 + 75 * 197) / (1,780 + 289 * 197) = 0.28 of the time."""

    def make(tokens):
        return calls.linear(tokens, inputs, outputs)

    assert 288 <= per_token(calls, make) < 292
    assert 72 <= per_token(calls, make, TILE_32) < 76
    assert calls.cycles(make(197), TILE_32) / calls.cycles(make(197)) == pytest.approx(0.28, abs=0.005)


def test_a_tile_of_32_does_nothing_for_x_proj(calls, x_proj):
    """Its 24 tiles are not the limit: token scales are."""
    assert calls.cycles(x_proj(197), TILE_32) == calls.cycles(x_proj(197))


def test_a_tile_of_32_does_nothing_for_dt_proj(calls, dt_proj):
    """16 -> 384 writes 48 words a token and works on 24 tiles only."""
    assert per_token(calls, dt_proj) == per_token(calls, dt_proj, TILE_32) == 48
    assert calls.cycles(dt_proj(197), TILE_32) == pytest.approx(calls.cycles(dt_proj(197)), rel=0.005)


# 16 states a cycle instead of 8


def test_sixteen_lanes_halve_the_scan(calls):
    """A channel has 16 states: two cycles with 8 lanes, one with 16. 2 * 384 = 768 cycles a token become 384;
    loading A and clearing the states, (2 + 4) * 384, stay: 153,705 - 197 * 384 = 78,057, give or take a pipeline's
    end."""

    def make(tokens):
        return calls.of("scan", tokens, 384)

    assert (per_token(calls, make), per_token(calls, make, LANES_16)) == (768, 384)
    assert calls.cycles(make(197)) == 153_705
    assert calls.cycles(make(197), LANES_16) == pytest.approx(153_705 - 197 * 384, abs=16)


def test_more_lanes_than_states_change_nothing(calls):
    scan = calls.of("scan", 17, 384)
    assert calls.cycles(scan, "components.ssm.lanes=32") == calls.cycles(scan, LANES_16)


# A bus of 512 bits instead of 256


@pytest.mark.parametrize(
    ("kind", "wide", "usual", "narrow"),
    [("smooth", 48, 96, 192), ("conv", 48, 96, 192), ("flip", 30, 60, 120), ("mean", 24, 48, 96)],
)
def test_engines_that_only_move_words_follow_the_bus(calls, kind, wide, usual, narrow):
    """384 features: 24, 48 or 96 words a token. SMOOTH takes two cycles a word, CONV reads each twice, a flip takes
    ten cycles for eight words, a mean one a word."""

    def make(tokens):
        return calls.of(kind, tokens, 384)

    assert per_token(calls, make, *WIDE) == wide
    assert per_token(calls, make) == usual
    assert per_token(calls, make, *NARROW) == narrow
    assert calls.cycles(make(197), *WIDE) / calls.cycles(make(197)) == pytest.approx(0.5, abs=0.01)


def test_a_wide_bus_hardly_moves_the_scan(calls):
    """Words are not its limit. It loads A, 384 * 16 values, in 384 words instead of 768: 0.25 % of the call."""
    scan = calls.of("scan", 197, 384)
    saved = calls.cycles(scan) - calls.cycles(scan, *WIDE)
    assert 384 <= saved < 384 + 16


def test_a_wide_bus_hardly_moves_in_proj(calls, in_proj):
    """288 tiles a token stay. Codes and scales load in half of 1,152 + 288 words, 720 cycles less of 58,775."""
    saved = calls.cycles(in_proj(197)) - calls.cycles(in_proj(197), *WIDE)
    assert 720 <= saved < 0.02 * 58_775
    assert per_token(calls, in_proj, *WIDE) == 288


def test_a_wide_bus_leaves_narrow_linears_to_their_scales(calls, x_proj, dt_proj):
    """x_proj reads 24 words instead of 48, dt_proj writes 24, but three tokens on their way take what they take:
    more than 36 cycles a token each."""
    for make in (x_proj, dt_proj):
        assert 36 < per_token(calls, make, *WIDE) < per_token(calls, make)


def test_a_wide_bus_halves_the_words_of_a_norm_only(calls):
    """A token is squared and scaled, 24 words each, and 104 cycles pass beside: 152 become 12 + 12 + 104 = 128."""

    def make(tokens):
        return calls.of("norm", tokens, 192)

    assert (per_token(calls, make), per_token(calls, make, *WIDE)) == (152, 128)


# The board's memory


def test_a_wide_bus_does_not_widen_the_port_behind_it(calls):
    """On the board all words pass a port of 128 bits. SMOOTH took 2 cycles a word of 256 bits before, as long as the
    port takes to pass it on: 2 * 48 cycles a token either way, and the DRAM behind it gets the same bursts of 4 KiB,
    some cycles sooner or later: 2.8 % of the call."""
    smooth = calls.of("smooth", 197, 384)
    usual = calls.cycles(smooth, platform="zcu102")
    wide = calls.cycles(smooth, "components.smooth.bus=512 bit", platform="zcu102")
    assert wide == pytest.approx(usual, rel=0.03)


def test_latency_ruins_the_engine_that_reads_word_by_word(calls):
    """A flip has 8 single words in flight: eight every 10 + 64 cycles, about 1.25 + 64 / 8 = 9.25 a word. SMOOTH
    streams bursts and pays the latency twice, for its factors and for its tensor."""
    late = "components.memory.rlat=64"
    flip, smooth = calls.of("flip", 197, 384), calls.of("smooth", 197, 384)
    assert calls.cycles(flip, late) / (197 * 48) == pytest.approx(9.25, abs=0.02)
    assert calls.cycles(smooth, late) - calls.cycles(smooth) == 2 * 64
