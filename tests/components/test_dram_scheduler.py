"""The order of commands. A bank's rows are letters in the names below."""

from collections import deque
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.dram_channel import DramChannel
from components.dram_scheduler import FAR, READ, WRITE, DramScheduler
from components.dram_timing import load_device


def scheduler_of(policy="fr-fcfs", kind=DramScheduler, **settings):
    settings = {
        "starve": 64,
        "run": 8,
        "fewest_writes": 1,
        "idle_gap": 2,
        "row_hold": 0,
        "read_turn": 0,
    } | settings
    return kind(DramChannel(load_device("ddr4-2133")), policy=policy, **settings)


def drain(scheduler, now=0, until=10**9):
    """(cycle, entry) of each read and write served from `now` on, in order."""
    served = []
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


@pytest.mark.parametrize(("since", "order"), [(None, ["a", "b", "c"]), (3, ["a", "c", "b"])])
def test_the_next_row_is_that_of_who_came_to_its_port_first(since, order):
    """Rows a, b and c of a bank, let in in this order at 5. c has been at its port since 3, before the others."""
    scheduler = scheduler_of()
    scheduler.add(True, 0, 1, "a", 5, since=0)
    scheduler.add(True, 0, 2, "b", 5, since=4)
    scheduler.add(True, 0, 3, "c", 5, since=since)
    assert [entry for _, entry in drain(scheduler, 5)] == order


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


@pytest.mark.parametrize(("idle_gap", "at"), [(2, 14), (10, 18)])
def test_the_turn_to_writes(idle_gap, at):
    """The read goes at 8, a write of its row no sooner than 6 behind it, and than the turn."""
    scheduler = scheduler_of(idle_gap=idle_gap)
    scheduler.add(True, 0, 1, READ, 0)
    scheduler.add(False, 0, 1, WRITE, 0)
    assert drain(scheduler) == [(8, READ), (at, WRITE)]


@pytest.mark.parametrize(("came", "starve", "at"), [(0, 20, 20 + 8), (10, 30, 40 + 8)])
def test_critical_writes_do_not_wait_out_the_gap(came, starve, at):
    """The read goes at 8, and the turn were at 8 + 100. A write that waits since 0 is critical at 20 and turns at
    once, since no read is there; its row opens in 8. One that comes at 10 is critical 30 later.
    """
    scheduler = scheduler_of(idle_gap=100, starve=starve)
    scheduler.add(True, 0, 1, READ, 0)
    before = drain(scheduler, until=came)
    scheduler.add(False, 1, 1, WRITE, came)
    assert before + drain(scheduler, came) == [(8, READ), (at, WRITE)]


def letters(served):
    """Runs of reads and writes: R4 W8 are four reads, then eight writes."""
    return [f"{'RW'[way]}{len(list(same))}" for way, same in groupby(way for _, way in served)]


def both(scheduler, reads, writes, deadline=FAR):
    """Reads of a row, every 3 cycles from 8 on, and writes of a row of another bank."""
    for _ in range(reads):
        scheduler.add(True, 0, 1, READ, 0, deadline)
    for _ in range(writes):
        scheduler.add(False, 1, 1, WRITE, 0)
    return drain(scheduler)


def test_starved_writes_and_starved_reads_get_a_run_of_eight():
    """Starved is who was not served for 20. Reads at 8, 11, 14, 17; at 20 the turn to writes, that go at 28 to 49:
    reads are starved since 17 + 20, but eight writes go. Reads at 49 + 11 = 60 to 81: writes are starved since
    49 + 20, but eight reads go. Then it goes on so.
    """
    served = both(scheduler_of(starve=20, fewest_writes=8), 20, 20)
    assert letters(served) == ["R4", "W8", "R8", "W8", "R8", "W4"]
    assert [at for at, _ in served][:12] == [8, 11, 14, 17, 28, 31, 34, 37, 40, 43, 46, 49]
    assert [at for at, _ in served][12:20] == list(range(49 + 11, 82, 3))


@pytest.mark.parametrize(("fewest", "writes"), [(1, 3), (3, 3), (5, 5)])
def test_writes_give_way_to_starved_reads(fewest, writes):
    """They go at 28, 31, 34; reads are starved at 17 + 20. Five go until 40. Reads follow 11 behind the last."""
    served = both(scheduler_of(starve=20, fewest_writes=fewest), 20, 20)
    assert letters(served)[:3] == ["R4", f"W{writes}", "R8"]
    last = 28 + 3 * (writes - 1)
    assert [at for at, _ in served][3 + writes : 6 + writes] == [last, last + 11, last + 14]


def test_starved_writes_wait_for_critical_reads():
    """All 40, from 8 to 8 + 39 x 3; the writes' turn is 2 behind the last."""
    served = both(scheduler_of(), 40, 12, deadline=0)
    assert letters(served) == ["R40", "W12"]
    assert served[39][0] == 8 + 39 * 3


@pytest.mark.parametrize(("deadline", "writes", "at"), [(20, 4, 30), (29, 7, 39), (FAR, 20, 67 + 11)])
def test_a_critical_read_ends_the_work_on_writes(deadline, writes, at):
    """The turn to writes is at 2, 20 of them go from 10 to 67. A read that comes at 20 waits for all; a critical one
    makes the turn at once, behind the write at 19, and goes 11 behind that. One that becomes critical in the
    store, at 29, makes it behind the write at 28.
    """
    scheduler = scheduler_of()
    for _ in range(20):
        scheduler.add(False, 0, 1, WRITE, 0)
    before = drain(scheduler, until=20)
    scheduler.add(True, 1, 1, READ, 20, deadline)
    served = before + drain(scheduler, 20)
    assert letters(served)[0] == f"W{writes}"
    assert served[writes] == (at, READ)


@pytest.mark.parametrize(("read_turn", "at"), [(0, 10 + 11), (11, 10 + 11), (20, 10 + 20)])
def test_the_turn_to_reads(read_turn, at):
    """The write goes at 10, the turn is at once, the read of another bank group 11 behind the write or later."""
    scheduler = scheduler_of(read_turn=read_turn)
    scheduler.add(False, 0, 1, WRITE, 0)
    served = drain(scheduler, until=10)
    scheduler.add(True, 1, 1, READ, 10)
    assert served + drain(scheduler, 10) == [(10, WRITE), (at, READ)]


def test_a_critical_read_goes_before_no_hit_of_a_row():
    scheduler = scheduler_of()
    for name, row, deadline in (("a1", 1, FAR), ("b", 2, 0), ("a2", 1, FAR)):
        scheduler.add(True, 0, row, name, 0, deadline)
    assert [entry for _, entry in drain(scheduler)] == ["a1", "a2", "b"]


@pytest.mark.parametrize(("row_hold", "came", "order"), [(0, 19, "aba"), (12, 19, "aab"), (12, 21, "aba")])
def test_a_row_is_held_open_behind_a_read(row_hold, came, order):
    """a's row is open since 0, its read goes at 8. b's may have the bank at 18 (tRAS), behind a hold of 12 at 20."""
    scheduler = scheduler_of(row_hold=row_hold)
    scheduler.add(True, 0, 1, "a", 0)
    scheduler.add(True, 0, 2, "b", 0)
    served = drain(scheduler, until=came)
    scheduler.add(True, 0, 1, "a", came)
    served += drain(scheduler, came)
    assert "".join(entry for _, entry in served) == order


def test_no_row_is_held_open_among_writes():
    """a goes at 10 (turn 2, activate, tRCD), tWR and tRAS are over at 27: precharge, activate 36, b at 44."""
    scheduler = scheduler_of(row_hold=30)
    scheduler.add(False, 0, 1, "a", 0)
    scheduler.add(False, 0, 2, "b", 0)
    assert drain(scheduler) == [(10, "a"), (44, "b")]


def test_urgency_changes_nothing_in_order_of_arrival():
    scheduler = scheduler_of("fcfs")
    for name, deadline in (("a1", FAR), ("b", 0), ("a2", 0)):
        scheduler.add(True, 0, ord(name[0]), name, 0, deadline)
    assert [entry for _, entry in drain(scheduler)] == ["a1", "b", "a2"]


def test_a_refresh_comes_when_it_is_due():
    """tREFI is 4,160 cycles: of two reads of an open row, one goes at 4,159, the other after the refresh:
    precharge 4,163 (tRTP), 9 cycles tRP, 139 cycles tRFC, 8 cycles tRCD: 4,319."""
    scheduler = scheduler_of()
    scheduler.add(True, 0, 1, "opens", 0)
    drain(scheduler)
    scheduler.add(True, 0, 1, "before", 4159)
    scheduler.add(True, 0, 1, "behind", 4159)
    scheduler.next_refresh = 4160
    assert drain(scheduler, 4159) == [(4159, "before"), (4163 + 9 + 139 + 8, "behind")]
    assert scheduler.refreshes == 1


def test_both_sides_of_a_gate():
    """tRCD: the bank is activated at 0; with nothing else to do no read goes at 7, one goes at 8."""
    scheduler = scheduler_of()
    scheduler.add(True, 0, 1, "read", 0)
    scheduler.commit(*scheduler.decide(0))
    assert scheduler.decide(7)[0] == 8
    assert drain(scheduler, until=8) == []
    assert drain(scheduler, until=9) == [(8, "read")]


class Forgetful(DramScheduler):
    """Works every decision out anew."""

    def decide(self, now):
        self._decided = False
        return super().decide(now)


ENTRY = st.tuples(
    st.booleans(),  # a read
    st.integers(0, 300),  # cycle
    st.integers(0, 2),  # bank
    st.integers(0, 2),  # row
    st.integers(0, 200) | st.none(),  # deadline, so long behind
)


@settings(deadline=None)
@given(plan=st.lists(ENTRY, max_size=40), starve=st.integers(0, 80), run=st.integers(1, 9))
def test_being_asked_in_between_changes_nothing(plan, starve, run):
    """One is asked once in each cycle and works it out, the other has its decision until something changes."""
    arrivals = sorted(plan, key=lambda entry: entry[1])
    logs = []
    for kind in (DramScheduler, Forgetful):
        scheduler = scheduler_of(kind=kind, starve=starve, run=run, row_hold=9, read_turn=7)
        log, coming = [], deque(arrivals)
        for now in range(6000):
            while coming and coming[0][1] == now:
                is_read, _, bank, row, wait = coming.popleft()
                deadline = FAR if wait is None else now + wait
                scheduler.add(is_read, bank, row, (bank, row), now, deadline)
            while (decision := scheduler.decide(now)) is not None and decision[0] <= now:
                scheduler.commit(*decision)
                log.append(decision)
            if decision is None and not coming:
                break
        logs.append(log)
    assert logs[0] == logs[1]
    assert sum(command in (READ, WRITE) for _, command, *_ in logs[0]) == len(plan)
