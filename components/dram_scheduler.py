"""The scheduler of one DRAM channel: which command comes next.

Reads and writes that the port arbiter let in wait here, a store each. First-ready first-come-first-served picks,
among what the open rows serve, what can go first, the oldest where several can; a bank with nothing for its open
row is precharged and activated for its oldest. A read whose deadline has come is urgent and goes before others.

The channel works on reads as long as there are any. It turns to writes when none is left, and for a run when writes
have starved or fill their store. It turns back for urgent reads, when no write is left, behind such a run, and when
reads have starved, then for a run of theirs. (UG1085 and the descriptions of the registers SCHED, PERFLPR1 and
PERFWR1 in UG1087.)
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from operator import itemgetter
from typing import Any, Literal

from components.dram_channel import CLOSED, DramChannel

FAR = 1 << 62

Command = tuple[int, int, int, int]  # cycle, what, bank, row
READ, WRITE, PRECHARGE, ACTIVATE, REFRESH, TURN, EXPIRE = range(7)


class _Row:
    """What waits for a row of a bank: entries by age, the urgent ones apart."""

    __slots__ = ("normal", "urgent")

    def __init__(self) -> None:
        self.normal: deque[tuple[int, Any]] = deque()
        self.urgent: deque[tuple[int, Any]] = deque()


class _Bank:
    __slots__ = ("rows", "urgent")

    def __init__(self) -> None:
        self.rows: dict[int, _Row] = {}
        self.urgent = 0  # entries

    def oldest(self) -> tuple[int, int]:
        """Age and row of the entry that goes first, whatever row is open."""
        if self.urgent:
            return min((row.urgent[0][0], number) for number, row in self.rows.items() if row.urgent)
        if len(self.rows) == 1:
            ((number, row),) = self.rows.items()
            return row.normal[0][0], number
        return min((row.normal[0][0], number) for number, row in self.rows.items())


class DramScheduler:
    """Entries are any objects. Times are cycles."""

    def __init__(
        self,
        channel: DramChannel,
        *,
        policy: Literal["fr-fcfs", "fcfs"] = "fr-fcfs",
        starve: int,
        run: int,
        idle_gap: int,
        hold: int,
    ):
        self.channel = channel
        self.fcfs = policy == "fcfs"
        self.starve = starve
        self.run = run
        self.idle_gap = idle_gap
        self.hold = hold
        self.reads: dict[int, _Bank] = {}
        self.writes: dict[int, _Bank] = {}
        self.reading = 0  # entries in store
        self.writing = 0
        self.next_refresh = channel.t_refi
        self.refreshes = 0
        self.direction = READ  # what it works on
        self.full = False  # the write store
        self._deadlines: deque[tuple[int, int, int, int]] = deque()  # deadline, sequence, bank, row
        self._patient: set[int] = set()  # sequences of reads with a deadline that are not urgent yet
        self._order: deque[tuple[int, bool, int, int]] = deque()  # for fcfs: sequence, is a read, bank, row
        self._sequence = 0
        self._write_run = 0  # writes left of a run for starved ones
        self._read_run = 0
        self._starved = False  # it turned to writes because they had starved or filled their store
        self._read_since = 0  # when reads were last served, or began to wait
        self._write_since = 0
        self._urgent = 0  # reads
        self._urgent_since = 0  # when such reads began to wait
        self._idle_since = 0  # when the last read was served

    def add(self, is_read: bool, bank: int, row: int, entry: Any, now: int, deadline: int = FAR) -> None:
        """A deadline that is still to come must be no earlier than those before it."""
        store = self.reads if is_read else self.writes
        place = store.get(bank)
        if place is None:
            place = store[bank] = _Bank()
        waiting = place.rows.get(row)
        if waiting is None:
            waiting = place.rows[row] = _Row()
        self._sequence += 1
        if deadline <= now and not self.fcfs:
            waiting.urgent.append((self._sequence, entry))
            self._press(place, now)
        else:
            waiting.normal.append((self._sequence, entry))
            if deadline < FAR and not self.fcfs:
                self._deadlines.append((deadline, self._sequence, bank, row))
                self._patient.add(self._sequence)
        if self.fcfs:
            self._order.append((self._sequence, is_read, bank, row))
        if is_read:
            if not self.reading:
                self._read_since = now
            self.reading += 1
        else:
            if not self.writing:
                self._write_since = now
            self.writing += 1

    def decide(self, now: int) -> Command | None:
        """The next command from cycle `now` on if nothing more is added before, None when nothing waits."""
        if self.next_refresh + self.channel.t_refi < now:
            self._catch_up(now)
        if not (self.reading or self.writing):
            return None
        best = self._oldest(now) if self.fcfs else self._best(now)
        if best[0] >= self.next_refresh:
            best = self.next_refresh, REFRESH, 0, 0
        deadlines = self._deadlines
        while deadlines and deadlines[0][1] not in self._patient:
            deadlines.popleft()
        if deadlines and deadlines[0][0] <= best[0]:
            return max(now, deadlines[0][0]), EXPIRE, 0, 0
        return best

    def _best(self, now: int) -> Command:
        turn = FAR
        if self.direction == READ:
            if not self.reading:
                turn = self._idle_since + self.idle_gap
            elif self.writing and not (self._urgent or self._read_run):
                turn = now if self.full else self._write_since + self.starve
        elif not self.writing:
            turn = now
        elif self._urgent:
            turn = self._urgent_since + self.hold
        elif self.reading and not self._write_run:
            turn = now if self._starved else self._read_since + self.starve
        if turn <= now:
            return now, TURN, 0, 0
        reads = self.direction == READ
        best = self._candidate(self.reads if reads else self.writes, reads, now)
        return best if best[0] < turn else (turn, TURN, 0, 0)

    def _candidate(self, store: dict[int, _Bank], is_read: bool, now: int) -> Command:
        channel = self.channel
        group_of = channel.group
        open_row = channel.row
        if is_read:
            gate, gates = channel.read_at, channel.group_read_at
        else:
            gate, gates = channel.write_at, channel.group_write_at
        if gate < now:
            gate = now
        best, age, command, chosen, to = FAR, FAR, ACTIVATE, 0, 0
        for bank, place in store.items():
            row = open_row[bank]
            waiting = place.rows.get(row)
            if waiting is not None and (waiting.urgent or not place.urgent):
                at = channel.column_at[bank]
                ready = gates[group_of[bank]]
                if ready > at:
                    at = ready
                if gate > at:
                    at = gate
                # urgent entries count as older than all others
                first = waiting.urgent[0][0] - FAR if waiting.urgent else waiting.normal[0][0]
                if at < best or (at == best and (command != READ or first < age)):
                    best, age, command, chosen, to = at, first, READ, bank, row
                continue
            if row == CLOSED:
                at = channel.when_activate(bank)
                kind = ACTIVATE
            else:
                at = channel.precharge_at[bank]
                kind = PRECHARGE
            if at < now:
                at = now
            if at > best or (at == best and command == READ):
                continue
            first, row = place.oldest()
            if at < best or first < age:
                best, age, command, chosen, to = at, first, kind, bank, row
        if command == READ and not is_read:
            command = WRITE
        return best, command, chosen, to

    def _oldest(self, now: int) -> Command:
        _, is_read, bank, row = self._order[0]
        channel = self.channel
        if channel.row[bank] == row:
            if is_read:
                return max(now, channel.when_read(bank)), READ, bank, row
            return max(now, channel.when_write(bank)), WRITE, bank, row
        if channel.row[bank] == CLOSED:
            return max(now, channel.when_activate(bank)), ACTIVATE, bank, row
        return max(now, channel.when_precharge(bank)), PRECHARGE, bank, row

    def commit(self, at: int, command: int, bank: int, row: int) -> Any:
        """Do what `decide` said; returns the entry served by a read or write, else None."""
        channel = self.channel
        if self.fcfs and command in (READ, WRITE):
            self.direction = command
        if command == READ:
            channel.read(bank, at)
            self.reading -= 1
            self._read_since = self._idle_since = at
            if self._read_run:
                self._read_run -= 1
            return self._take(self.reads, bank, row)
        if command == WRITE:
            channel.write(bank, at)
            self.writing -= 1
            self._write_since = at
            if self._write_run:
                self._write_run -= 1
            return self._take(self.writes, bank, row)
        if command == ACTIVATE:
            channel.activate(bank, row, at)
        elif command == PRECHARGE:
            channel.precharge(bank, at)
        elif command == TURN:
            self._turn(at)
        elif command == EXPIRE:
            self._expire(at)
        else:
            channel.refresh(at)
            self.refreshes += 1
            self.next_refresh += channel.t_refi
        return None

    def _turn(self, now: int) -> None:
        """To the other direction; for a run if that has starved or, of writes, filled its store."""
        self._read_run = self._write_run = 0
        if self.direction == READ:
            self.direction = WRITE
            self._starved = self.full or now >= self._write_since + self.starve
            if self._starved:
                self._write_run = self.run
        else:
            self.direction = READ
            if self.writing and not self._urgent and now >= self._read_since + self.starve:
                self._read_run = self.run

    def _expire(self, now: int) -> None:
        """Reads whose deadline has come are urgent: of each row the oldest, as deadlines come in order."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now:
            _, sequence, bank, row = deadlines.popleft()
            if sequence not in self._patient:
                continue
            self._patient.remove(sequence)
            place = self.reads[bank]
            waiting = place.rows[row]
            insort(waiting.urgent, waiting.normal.popleft(), key=itemgetter(0))
            self._press(place, now)

    def _press(self, place: _Bank, now: int) -> None:
        """One more read of a bank is urgent."""
        if not self._urgent:
            self._urgent_since = now
        self._urgent += 1
        place.urgent += 1

    def _take(self, store: dict[int, _Bank], bank: int, row: int) -> Any:
        place = store[bank]
        waiting = place.rows[row]
        if waiting.urgent:
            _, entry = waiting.urgent.popleft()
            place.urgent -= 1
            self._urgent -= 1
        else:
            sequence, entry = waiting.normal.popleft()
            self._patient.discard(sequence)
        if not (waiting.normal or waiting.urgent):
            del place.rows[row]
            if not place.rows:
                del store[bank]
        if self.fcfs:
            self._order.popleft()
        return entry

    def _catch_up(self, now: int) -> None:
        """Refreshes that came while nothing waited: only the last can matter."""
        due = (now - self.next_refresh) // self.channel.t_refi
        self.refreshes += due
        self.channel.refresh(self.next_refresh + (due - 1) * self.channel.t_refi)
        self.next_refresh += due * self.channel.t_refi
