"""One DRAM channel: each command is refused a cycle before its gate and legal at it. Cycles of 1.875 ns."""

import pytest

from components.dram_channel import CLOSED, DramChannel
from components.dram_timing import load_device

BANK, SAME_GROUP, OTHER = 0, 4, 1  # banks of a group are 4 apart: 4 groups


@pytest.fixture
def channel():
    return DramChannel(load_device("ddr4-2133"))


def opened(channel, bank=BANK, row=7, at=100):
    channel.activate(bank, row, at)
    return channel


def read(channel):
    opened(channel).read(BANK, 108)
    return channel


def written(channel):
    opened(channel).write(BANK, 108)
    return channel


GATES = [
    # the sum, what was done, the command asked for, its first cycle
    ("tRCD: 100 + 8", opened, lambda c: c.when_read(BANK), 108),
    ("tRCD: 100 + 8", opened, lambda c: c.when_write(BANK), 108),
    ("tRAS: 100 + 18", opened, lambda c: c.when_precharge(BANK), 118),
    ("tRC: 100 + 26", opened, lambda c: c.when_activate(BANK), 126),
    ("tRRD_L: 100 + 3", opened, lambda c: c.when_activate(SAME_GROUP), 103),
    ("tRRD_S: 100 + 2", opened, lambda c: c.when_activate(OTHER), 102),
    ("tCCD_L: 108 + 3", read, lambda c: c.when_read(SAME_GROUP), 111),
    ("tCCD_S: 108 + 2", read, lambda c: c.when_read(OTHER), 110),
    ("read to write: 108 + 6", read, lambda c: c.when_write(OTHER), 114),
    ("tRAS over tRTP: max(100 + 18, 108 + 4)", read, lambda c: c.when_precharge(BANK), 118),
    ("tCCD_L: 108 + 3", written, lambda c: c.when_write(SAME_GROUP), 111),
    ("tCCD_S: 108 + 2", written, lambda c: c.when_write(OTHER), 110),
    ("write to read: 108 + 14", written, lambda c: c.when_read(SAME_GROUP), 122),
    ("write to read of another group: 108 + 11", written, lambda c: c.when_read(OTHER), 119),
    ("CWL + burst + tWR: 108 + 7 + 2 + 8", written, lambda c: c.when_precharge(BANK), 125),
]


@pytest.mark.parametrize(("before", "when", "cycle"), [g[1:] for g in GATES], ids=[g[0] for g in GATES])
def test_a_gate(channel, before, when, cycle):
    """`when` is the first legal cycle: one earlier is not."""
    before(channel)
    assert when(channel) == cycle


def test_a_late_read_moves_the_precharge(channel):
    """tRTP: a read at 120 lets the bank close at 124, later than tRAS at 118."""
    opened(channel).read(BANK, 120)
    assert channel.when_precharge(BANK) == 124


def test_a_precharge_delays_the_next_row(channel):
    """tRP: closed at 130, open again from 139 on, later than tRC at 126."""
    opened(channel).precharge(BANK, 130)
    assert channel.row[BANK] == CLOSED
    assert channel.when_activate(BANK) == 139


def test_four_activates_in_a_window(channel):
    """tFAW: four activates at 100, 102, 104, 106; the fifth not before 100 + 16."""
    for step in range(4):
        channel.activate(step, 0, 100 + 2 * step)
    assert channel.when_activate(4) == 116


def test_a_refresh_closes_everything(channel):
    """The open row may close at 118, is closed at 118 + 9 = 127; then 139 cycles (260.6 ns) of refresh."""
    opened(channel)
    assert channel.refresh(110) == 127
    assert channel.row[BANK] == CLOSED
    assert channel.when_activate(OTHER) == 127 + 139


def test_a_refresh_of_closed_banks_starts_at_once(channel):
    assert channel.refresh(1000) == 1000
    assert channel.when_activate(BANK) == 1139


def test_cycles_are_rounded_up(channel):
    """7.8 us are 4,159.35 cycles of 533.25 MHz, 260.6 ns are 138.96."""
    assert (channel.t_refi, channel.t_rfc) == (4160, 139)
