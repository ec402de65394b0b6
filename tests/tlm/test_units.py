"""Texts with units become exact base units and come back; clocks count cycles without drift."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlm.errors import RuleError
from tlm.units import (
    GHZ,
    MHZ,
    Address,
    Bits,
    Bytes,
    BytesPerSecond,
    Clock,
    Cycles,
    FlopsPerSecond,
    Hertz,
    Joules,
    JoulesPerBit,
    Picoseconds,
    TransfersPerSecond,
    Watts,
    format_quantity,
    parse_quantity,
    unit_of,
)


@pytest.mark.parametrize(
    ("text", "quantity", "value"),
    [
        ("10 ns", Picoseconds, 10_000),
        ("7.8 us", Picoseconds, 7_800_000),
        ("7.8 µs", Picoseconds, 7_800_000),
        ("47.06 ns", Picoseconds, 47_060),
        ("1 ps", Picoseconds, 1),
        ("0 ns", Picoseconds, 0),
        ("2 ms", Picoseconds, 2 * 10**9),
        ("53.76ms", Picoseconds, 53_760_000_000),
        ("1e-3 s", Picoseconds, 10**9),
        ("2.5 ps", Picoseconds, 2),  # half to even
        ("3.5 ps", Picoseconds, 4),
        ("350 MHz", Hertz, 350_000_000),
        ("1_067 MHz", Hertz, 1_067_000_000),
        ("533.333333 MHz", Hertz, 533_333_333),
        ("2133 MT/s", TransfersPerSecond, 2_133_000_000),
        ("2 GiB", Bytes, 2 * 1024**3),
        ("1.5 KiB", Bytes, 1536),
        ("2 kB", Bytes, 2000),
        ("256 bit", Bits, 256),
        ("17.07 GB/s", BytesPerSecond, 17_070_000_000),
        ("1 GiB/s", BytesPerSecond, 1024**3),
        ("35.6 TFLOP/s", FlopsPerSecond, 35_600_000_000_000),
        ("284 TOPS", FlopsPerSecond, 284 * 10**12),
        ("0x8000_0000", Address, 2**31),
        (0x8000_0000, Address, 2**31),
        ("1 GiB", Address, 2**30),
        (16, Cycles, 16),
        ("16 cycles", Cycles, 16),
        ("350 W", Watts, 350.0),
        ("30 mW", Watts, 0.03),
        ("3.1 pJ", Joules, 3.1e-12),
        ("15 pJ/bit", JoulesPerBit, 15e-12),
    ],
)
def test_text_to_base_units(text, quantity, value):
    parsed = parse_quantity(text, quantity)
    assert parsed == value
    assert type(parsed) is unit_of(quantity).number


@pytest.mark.parametrize(
    ("text", "quantity", "message"),
    [
        ("350 ns", Hertz, "must be a frequency such as '350 MHz', not '350 ns'"),
        (350, Hertz, "must be a frequency such as '350 MHz', not 350 (add a unit: Hz, kHz, MHz or GHz)"),
        ("350", Hertz, "must be a frequency such as '350 MHz', not '350' (add a unit: Hz, kHz, MHz or GHz)"),
        ("fast", Hertz, "must be a frequency such as '350 MHz', not 'fast'"),
        (True, Hertz, "must be a frequency such as '350 MHz', not true"),
        (None, Hertz, "must be a frequency such as '350 MHz', not null"),
        ("-1 ns", Picoseconds, "must be a time such as '10 ns', not '-1 ns'"),
        ("1e999 ns", Picoseconds, "must be a time such as '10 ns', not '1e999 ns'"),
        ("0.1 ps", Picoseconds, "must be a time of at least 1 ps, not '0.1 ps'"),
        ("0.3 B", Bytes, "must be a size that is a whole number of B, not '0.3 B'"),
        ("1 mB", Bytes, "must be a size such as '4 KiB', not '1 mB'"),
        (-1, Cycles, "must be a number of cycles such as '16 cycles', not -1"),
        (1.5, Cycles, "must be a number of cycles such as '16 cycles', not 1.5"),
        ("0x_1", Address, "must be an address such as '0x8000_0000', not '0x_1'"),
        ("3 W", Joules, "must be an energy such as '3.1 pJ', not '3 W'"),
    ],
)
def test_refused_text(text, quantity, message):
    with pytest.raises(RuleError) as error:
        parse_quantity(text, quantity)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("value", "quantity", "text"),
    [
        (47_060, Picoseconds, "47.06 ns"),
        (0, Picoseconds, "0 ps"),
        (350_000_000, Hertz, "350 MHz"),
        (333_333_333, Hertz, "333.333333 MHz"),
        (2 * 1024**3, Bytes, "2 GiB"),
        (1025, Bytes, "1025 B"),
        (17_070_000_000, BytesPerSecond, "17.07 GB/s"),
        (2**31, Address, "0x8000_0000"),
        (0x1_0000, Address, "0x0001_0000"),
        (1, Cycles, "1 cycle"),
        (3.1e-12, Joules, "3.1 pJ"),
        (0.0, Joules, "0 J"),
        (1 / 3, Watts, "333.3333333333333 mW"),
        (256, Bits, "256 bit"),
    ],
)
def test_base_units_to_text_and_back(value, quantity, text):
    assert format_quantity(value, quantity) == text
    assert parse_quantity(text, quantity) == value


def test_unit_survives_more_annotations_and_is_missing_elsewhere():
    assert unit_of(Annotated[Hertz, "anything"]).example == "350 MHz"
    with pytest.raises(TypeError, match="carries no unit"):
        unit_of(int)


def test_58775_cycles_of_350_mhz_come_back():
    """58,775 periods of 1/350 us are 167,928,571.43 ps."""
    clock = Clock("fabric", 350 * MHZ)
    assert clock.edge(58_775) == 167_928_571
    assert clock.cycles(167_928_571) == 58_775


@pytest.mark.parametrize(
    "hz", [1, 32_768, 300 * MHZ, 333_333_333, 350 * MHZ, 1_067 * MHZ, 1_695 * MHZ, 100 * GHZ]
)
def test_cycles_inverts_edge_and_distances_between_edges(hz):
    clock = Clock("c", hz)
    for n in [*range(200), *range(58_700, 58_800), 18_632_607, 10**9 + 7, 10**12 + 1]:
        assert clock.cycles(clock.edge(n)) == n
        assert clock.cycles(clock.edge(n + 7) - clock.edge(7)) == n
        assert clock.cycles(clock.edge(n + 3) - clock.edge(3)) == n


def test_next_edge_on_both_sides_of_an_edge():
    """Edges of 350 MHz: 0, 2857.14, 5714.29 ps, rounded to 0, 2857, 5714."""
    clock = Clock("fabric", 350 * MHZ)
    assert [clock.next_edge(ps) for ps in (0, 1, 2856, 2857, 2858, 5714)] == [0, 2857, 2857, 2857, 5714, 5714]
    assert [clock.next_cycle(ps) for ps in (0, 1, 2857, 2858)] == [0, 1, 1, 2]


@given(hz=st.integers(1, 100 * GHZ), ps=st.integers(0, 10**15))
def test_the_next_cycle_is_the_first_whose_edge_is_not_before(hz, ps):
    clock = Clock("c", hz)
    n = clock.next_cycle(ps)
    assert clock.edge(n) >= ps
    assert n == 0 or clock.edge(n - 1) < ps


@pytest.mark.parametrize("hz", [0, -1, 100 * GHZ + 1])
def test_clock_out_of_range(hz):
    with pytest.raises(ValueError, match=f"clock c must run at 1 Hz to 100 GHz, not {hz} Hz"):
        Clock("c", hz)
