"""The scheduler of one DRAM channel: which command comes next.

Reads and writes that the port arbiter let in wait here, a store each. First-ready first-come-first-served picks,
among what the open rows serve, what can go first, the oldest where several can; a bank with nothing for its open
row is precharged and activated for its oldest, but among reads a row stays open for `row_hold` behind an access.
Reads are as old as they are at their port.

A store is critical once it has starved, for a run of accesses, and once the deadline of one that waits has come.
The channel works on reads as long as there are any. It turns to writes when no read has been left for `idle_gap`
cycles, or when writes are critical and no reads are, be it that none is there. It works on writes until none is left,
or until reads are critical and writes either are not, or the fewest that may go have gone. (UG585, "Transaction
State"; UG1085 and the descriptions of the registers SCHED, PERFLPR1, PERFWR1, PCFGQOS1 and PCFGWQOS1 in UG1087.)
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Any, Literal

from components.dram_channel import CLOSED, DramChannel

FAR = 1 << 62

Command = tuple[int, int, int, int]  # cycle, what, bank, row
READ, WRITE, PRECHARGE, ACTIVATE, REFRESH, TURN = range(6)


class _Store:
    """What waits in one direction: entries by bank, row and age."""

    __slots__ = ("banks", "count", "deadlines", "run", "since", "timed")

    def __init__(self) -> None:
        self.banks: dict[int, dict[int, deque[tuple[int, int, Any]]]] = {}  # of age, sequence and entry
        self.count = 0
        self.run = 0  # accesses left of a run for having starved
        self.since = 0  # when it was last served, or began to wait
        self.deadlines: list[tuple[int, int]] = []  # a heap, with sequences; the first is of one still here
        self.timed: set[int] = set()  # sequences of those that have one

    def add(self, age: int, sequence: int, bank: int, row: int, entry: Any, now: int, deadline: int) -> None:
        rows = self.banks.setdefault(bank, {})
        waiting = rows.get(row)
        if waiting is None:
            waiting = rows[row] = deque()
        waiting.append((age, sequence, entry))
        if deadline < FAR:
            heappush(self.deadlines, (deadline, sequence))
            self.timed.add(sequence)
        if not self.count:
            self.since = now
        self.count += 1

    def take(self, bank: int, row: int, at: int) -> Any:
        rows = self.banks[bank]
        waiting = rows[row]
        _, sequence, entry = waiting.popleft()
        if not waiting:
            del rows[row]
            if not rows:
                del self.banks[bank]
        self.timed.discard(sequence)
        deadlines = self.deadlines
        while deadlines and deadlines[0][1] not in self.timed:
            heappop(deadlines)
        self.count -= 1
        self.since = at
        self.run = max(0, self.run - 1) if self.count else 0
        return entry

    def critical_at(self, now: int, starve: int) -> int:
        """The first cycle from `now` on at which it is critical, if nothing changes."""
        if self.run:
            return now
        critical = self.since + starve
        if self.deadlines and self.deadlines[0][0] < critical:
            critical = self.deadlines[0][0]
        return critical if critical > now else now


def _oldest(rows: dict[int, deque[tuple[int, int, Any]]]) -> tuple[int, int]:
    """Age and row of a bank's oldest entry."""
    if len(rows) == 1:
        ((number, waiting),) = rows.items()
        return waiting[0][0], number
    return min((waiting[0][0], number) for number, waiting in rows.items())


class DramScheduler:
    """Entries are any objects. Times are cycles."""

    def __init__(
        self,
        channel: DramChannel,
        *,
        policy: Literal["fr-fcfs", "fcfs"] = "fr-fcfs",
        starve: int,
        run: int,
        fewest_writes: int,
        idle_gap: int,
        row_hold: int,
        read_turn: int,
    ):
        self.channel = channel
        self.fcfs = policy == "fcfs"
        self.starve = starve
        self.run = run
        self.fewest_writes = fewest_writes
        self.idle_gap = idle_gap
        self.row_hold = row_hold
        self.read_turn = read_turn
        self.next_refresh = channel.t_refi
        self.refreshes = 0
        self.direction = READ  # what it works on
        self.reads = _Store()
        self.writes = _Store()
        self._order: deque[tuple[int, bool, int, int]] = deque()  # for fcfs: sequence, is a read, bank, row
        self._decision: Command | None = None  # holds until something is added or done
        self._decided = False
        self._sequence = 0
        self._served = 0  # accesses since the last turn
        self._idle_since = 0  # when the last read was served
        self._accessed = [-FAR] * len(channel.row)  # when each bank last was

    @property
    def reading(self) -> int:
        """Reads in store."""
        return self.reads.count

    @property
    def writing(self) -> int:
        """Writes in store."""
        return self.writes.count

    def add(
        self,
        is_read: bool,
        bank: int,
        row: int,
        entry: Any,
        now: int,
        deadline: int = FAR,
        since: int | None = None,
    ) -> None:
        """Its age counts from `since`, or from now. From its deadline on its store is critical."""
        self._sequence += 1
        self._decided = False
        store = self.reads if is_read else self.writes
        store.add(now if since is None else since, self._sequence, bank, row, entry, now, deadline)
        if self.fcfs:
            self._order.append((self._sequence, is_read, bank, row))

    def decide(self, now: int) -> Command | None:
        """The next command from cycle `now` on if nothing more is added before, None when nothing waits."""
        decision = self._decision
        if not self._decided or (decision is not None and decision[0] < now):
            self._decision = decision = self._decide(now)
            self._decided = True
        return decision

    def _decide(self, now: int) -> Command | None:
        if self.next_refresh + self.channel.t_refi < now:
            self._catch_up(now)
        if not (self.reading or self.writing):
            return None
        best = self._in_order(now) if self.fcfs else self._best(now)
        return best if best[0] < self.next_refresh else (self.next_refresh, REFRESH, 0, 0)

    def _best(self, now: int) -> Command:
        turn = self._turn_at(now)
        if turn <= now:
            return now, TURN, 0, 0
        best = self._candidate(now)
        return best if best[0] < turn else (turn, TURN, 0, 0)

    def _turn_at(self, now: int) -> int:
        """When it turns to the other direction if nothing changes before."""
        reads, writes = self.reads, self.writes
        if self.direction == READ:
            if not writes.count:
                return FAR
            turn = writes.critical_at(now, self.starve)
            if not reads.count:
                return min(self._idle_since + self.idle_gap, turn)
            return turn if turn < reads.critical_at(now, self.starve) else FAR
        if not reads.count:
            return FAR
        if not writes.count:
            return now
        turn = reads.critical_at(now, self.starve)
        if self._served >= self.fewest_writes:
            return turn
        return turn if turn < writes.critical_at(now, self.starve) else FAR

    def _candidate(self, now: int) -> Command:
        channel = self.channel
        group_of, open_row = channel.group, channel.row
        if self.direction == READ:
            store, access = self.reads.banks, READ
            gate, gates = channel.read_at, channel.group_read_at
        else:
            store, access = self.writes.banks, WRITE
            gate, gates = channel.write_at, channel.group_write_at
        if gate < now:
            gate = now
        best, age, command, chosen, to = FAR, FAR, ACTIVATE, 0, 0
        for bank, rows in store.items():
            row = open_row[bank]
            waiting = rows.get(row)
            if waiting is not None:
                at = channel.column_at[bank]
                ready = gates[group_of[bank]]
                if ready > at:
                    at = ready
                if gate > at:
                    at = gate
                first = waiting[0][0]
                if at < best or (at == best and (command != access or first < age)):
                    best, age, command, chosen, to = at, first, access, bank, row
                continue
            at, kind = self._prepare(bank, now)
            if at > best or (at == best and command == access):
                continue
            first, row = _oldest(rows)
            if at < best or first < age:
                best, age, command, chosen, to = at, first, kind, bank, row
        return best, command, chosen, to

    def _prepare(self, bank: int, now: int) -> tuple[int, int]:
        """The command that a bank needs for another row, and when it is legal."""
        channel = self.channel
        if channel.row[bank] == CLOSED:
            at, kind = channel.when_activate(bank), ACTIVATE
        else:
            at, kind = channel.precharge_at[bank], PRECHARGE
            if self.direction == READ:
                at = max(at, self._accessed[bank] + self.row_hold)
        return (at if at > now else now), kind

    def _in_order(self, now: int) -> Command:
        _, is_read, bank, row = self._order[0]
        channel = self.channel
        if channel.row[bank] == row:
            if is_read:
                return max(now, channel.when_read(bank)), READ, bank, row
            return max(now, channel.when_write(bank)), WRITE, bank, row
        at, kind = self._prepare(bank, now)
        return at, kind, bank, row

    def commit(self, at: int, command: int, bank: int, row: int) -> Any:
        """Do what `decide` said; returns the entry served by a read or write, else None."""
        channel = self.channel
        self._decided = False
        if command in (READ, WRITE):
            if self.fcfs:
                self.direction = command
                self._order.popleft()
            self._served += 1
            self._accessed[bank] = at
            if command == READ:
                store = self.reads
                channel.read(bank, at)
                self._idle_since = at
            else:
                store = self.writes
                channel.write(bank, at)
            if not store.run and at >= store.since + self.starve:
                store.run = self.run
            return store.take(bank, row, at)
        if command == ACTIVATE:
            channel.activate(bank, row, at)
        elif command == PRECHARGE:
            channel.precharge(bank, at)
        elif command == TURN:
            self._turn(at)
        else:
            channel.refresh(at)
            self.refreshes += 1
            self.next_refresh += channel.t_refi
        return None

    def _turn(self, now: int) -> None:
        """To the other direction."""
        self._served = 0
        if self.direction == READ:
            self.direction = WRITE
        else:
            self.direction = READ
            self.channel.read_at = max(self.channel.read_at, now + self.read_turn)

    def _catch_up(self, now: int) -> None:
        """Refreshes that came while nothing waited: only the last can matter."""
        due = (now - self.next_refresh) // self.channel.t_refi
        self.refreshes += due
        self.channel.refresh(self.next_refresh + (due - 1) * self.channel.t_refi)
        self.next_refresh += due * self.channel.t_refi
