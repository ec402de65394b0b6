"""The order of commands. A bank's rows are letters in the names below."""

import pytest

from components.dram_channel import DramChannel
from components.dram_scheduler import READ, WRITE, DramScheduler
from components.dram_timing import load_device


def scheduler_of(policy="fr-fcfs", **settings):
    settings = {"starve": 64, "run": 8, "patience": 64, "gather": 3} | settings
    return DramScheduler(DramChannel(load_device("ddr4-2133")), policy=policy, **settings)


def drain(scheduler, until=10**9):
    """(cycle, entry) of each read and write served, in order."""
    served, now = [], 0
    while (decision := scheduler.decide(now)) is not None and decision[0] < until:
        now = decision[0]
        entry = scheduler.commit(*decision)
        if entry is not None:
            served.append((now, entry))
    return served


@pytest.mark.parametrize(("policy", "order"), [("fr-fcfs", ["a1", "a2", "b1"]), ("fcfs", ["a1", "b1", "a2"])])
def test_row_hits_overtake(policy, order):
    """b1 is older than a2 but needs another row of the bank; in order of arrival the row changes twice."""
    scheduler = scheduler_of(policy)
    for name in ("a1", "b1", "a2"):
        scheduler.add(True, 0, ord(name[0]), name, 0)
    assert [entry for _, entry in drain(scheduler)] == order


def test_the_sum_of_a_reordering():
    """Activate 0, reads at 8 and 11, precharge max(18, 15) = 18, activate max(27, 26) = 27, read 35."""
    scheduler = scheduler_of()
    for row, name in ((1, "a1"), (2, "b1"), (1, "a2")):
        scheduler.add(True, 0, row, name, 0)
    assert drain(scheduler) == [(8, "a1"), (11, "a2"), (35, "b1")]


def test_two_banks_overlap():
    """The second bank is activated tRRD_S behind the first and read tCCD_S behind it: 10, not 16."""
    scheduler = scheduler_of()
    scheduler.add(True, 0, 1, "first", 0)
    scheduler.add(True, 1, 1, "second", 0)
    assert drain(scheduler) == [(8, "first"), (10, "second")]


def test_reads_go_before_older_writes():
    """The write's row is not touched until no read is left."""
    scheduler = scheduler_of()
    scheduler.add(False, 1, 1, "write", 0)
    scheduler.add(True, 0, 1, "read", 0)
    assert [entry for _, entry in drain(scheduler)] == ["read", "write"]


def test_starved_writes_get_a_run_of_eight():
    """Reads of an open row go every 3 cycles from 8 on. Writes wait for 64: eight go, then reads again."""
    scheduler = scheduler_of()
    for _n in range(40):
        scheduler.add(True, 0, 1, READ, 0)
    for _n in range(12):
        scheduler.add(False, 1, 1, WRITE, 0)
    order = [entry for _, entry in drain(scheduler)]
    first = order.index(WRITE)
    assert first == 19  # reads at 8, 11, ... 62
    assert order[first : first + 9] == [WRITE] * 8 + [READ]


def test_work_on_writes_ends_when_reads_have_gathered():
    """Two reads that come during it wait for all writes; the third makes the controller turn."""
    for reads, at_once in ((2, False), (3, True)):
        scheduler = scheduler_of(gather=3, patience=1000)
        for _ in range(20):
            scheduler.add(False, 0, 1, WRITE, 0)
        drain(scheduler, until=20)
        for _ in range(reads):
            scheduler.add(True, 1, 1, READ, 20)
        assert (next(entry for _, entry in drain(scheduler)) == READ) is at_once


def test_a_refresh_comes_when_it_is_due():
    """tREFI is 4,160 cycles: of two reads of an open row, one goes at 4,159, the other after the refresh:
    precharge 4,163 (tRTP), 9 cycles tRP, 139 cycles tRFC, 8 cycles tRCD: 4,319."""
    scheduler = scheduler_of()
    scheduler.add(True, 0, 1, "opens", 0)
    drain(scheduler)
    scheduler.add(True, 0, 1, "before", 4159)
    scheduler.add(True, 0, 1, "behind", 4159)
    scheduler.next_refresh = 4160
    served, now = [], 4159
    while (decision := scheduler.decide(now)) is not None:
        now = decision[0]
        if (entry := scheduler.commit(*decision)) is not None:
            served.append((now, entry))
    assert served == [(4159, "before"), (4163 + 9 + 139 + 8, "behind")]
    assert scheduler.refreshes == 1


def test_both_sides_of_a_gate():
    """tRCD: the bank is activated at 0; with nothing else to do no read goes at 7, one goes at 8."""
    scheduler = scheduler_of()
    scheduler.add(True, 0, 1, "read", 0)
    scheduler.commit(*scheduler.decide(0))
    assert scheduler.decide(7)[0] == 8
    assert drain(scheduler, until=8) == []
    assert drain(scheduler, until=9) == [(8, "read")]
