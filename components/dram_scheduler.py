"""The scheduler of one DRAM channel: which command comes next.

Reads and writes that the port arbiter let in wait here, a store each. First-ready first-come-first-served picks,
among what the open rows serve, what can go first, the oldest where several can; a bank with nothing for its open
row is precharged and activated for its oldest. The channel works on reads as long as there are any, then on writes
until reads have gathered or waited; writes that have waited too long get a run of their own. (Zynq-7000 and
UltraScale+ manuals, UG585 and UG1085, and the descriptions of the registers.)
"""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from components.dram_channel import CLOSED, DramChannel

Rows = dict[int, deque[tuple[int, Any]]]  # of a bank: what waits for each row, oldest first
Store = dict[int, Rows]
FAR = 1 << 62

Command = tuple[int, int, int, int]  # cycle, what, bank, row
READ, WRITE, PRECHARGE, ACTIVATE, REFRESH = range(5)


class DramScheduler:
    """Entries are any objects. Times are cycles."""

    def __init__(
        self,
        channel: DramChannel,
        *,
        policy: Literal["fr-fcfs", "fcfs"] = "fr-fcfs",
        starve: int,
        run: int,
        patience: int,
        gather: int,
    ):
        self.channel = channel
        self.fcfs = policy == "fcfs"
        self.starve = starve
        self.run = run
        self.patience = patience
        self.gather = gather
        self.reads: Store = {}
        self.writes: Store = {}
        self.reading = 0  # entries in store
        self.writing = 0
        self.next_refresh = channel.t_refi
        self.refreshes = 0
        self.direction = READ  # of the last access, for who counts turns
        self._order: deque[tuple[int, bool, int, int]] = deque()  # for fcfs: sequence, is a read, bank, row
        self._sequence = 0
        self._draining = False  # works on writes
        self._forced = False  # because they were starved, not because no read was there
        self._left = 0  # of the run of starved writes
        self._issued = False, False, 0  # these three as of the last command
        self._write_since = 0  # when writes were last served, or began to wait
        self._read_since = 0

    def add(self, is_read: bool, bank: int, row: int, entry: Any, now: int) -> None:
        store = self.reads if is_read else self.writes
        rows = store.get(bank)
        if rows is None:
            rows = store[bank] = {}
        self._sequence += 1
        waiting = rows.get(row)
        if waiting is None:
            rows[row] = deque([(self._sequence, entry)])
        else:
            waiting.append((self._sequence, entry))
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
        self._draining, self._forced, self._left = self._issued  # how often one looks must not matter
        best = self._oldest(now) if self.fcfs else self._best(now)
        if best[0] >= self.next_refresh:
            return self.next_refresh, REFRESH, 0, 0
        return best

    def _best(self, now: int) -> Command:
        if self._draining:
            if self.writing:
                best = self._candidate(self.writes, False, now)
                if (
                    self._left
                    or not self.reading
                    or (
                        not self._forced
                        and self.reading < self.gather
                        and best[0] < self._read_since + self.patience
                    )
                ):
                    return best
            self._draining = False
        if not self.reading:
            self._draining, self._forced, self._left = True, False, 0
            return self._candidate(self.writes, False, now)
        best = self._candidate(self.reads, True, now)
        if self.writing:
            critical = self._write_since + self.starve
            if critical <= best[0]:
                self._draining, self._forced, self._left = True, True, self.run
                return self._candidate(self.writes, False, max(now, critical))
        return best

    def _candidate(self, store: Store, is_read: bool, now: int) -> Command:
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
            if len(rows) == 1:
                ((row, waiting),) = rows.items()
                first = waiting[0][0]
            else:
                first, row = min((queue[0][0], r) for r, queue in rows.items())
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
        """Issue what `decide` said; returns the entry served by a read or write, else None."""
        channel = self.channel
        left = self._left - 1 if command == WRITE and self._left else self._left
        self._issued = self._draining, self._forced, left
        if command == READ:
            channel.read(bank, at)
            self.reading -= 1
            self._read_since = at
            return self._take(self.reads, bank, row)
        if command == WRITE:
            channel.write(bank, at)
            self.writing -= 1
            self._write_since = at
            return self._take(self.writes, bank, row)
        if command == ACTIVATE:
            channel.activate(bank, row, at)
        elif command == PRECHARGE:
            channel.precharge(bank, at)
        else:
            channel.refresh(at)
            self.refreshes += 1
            self.next_refresh += channel.t_refi
        return None

    def _take(self, store: Store, bank: int, row: int) -> Any:
        rows = store[bank]
        waiting = rows[row]
        _, entry = waiting.popleft()
        if not waiting:
            del rows[row]
            if not rows:
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
