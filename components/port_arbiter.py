"""The arbiter between the ports and the stores of one DRAM channel.

Reads and writes have a way of their own each, an atom (the shortest access of the DRAM) at a time; the port that has
waited longest goes first. A read that has waited for long in its store is urgent. (UG1085, "Port Arbiter" and
"Read/Write Arbitration"; reads of the HP ports are of variable priority there.)
"""

from __future__ import annotations

from collections import deque

from components.address_mapping import AddressMapping
from components.dram_port import Atom, Burst, DramPort
from components.dram_scheduler import FAR, DramScheduler


class PortArbiter:
    """Times are cycles. `done` lists the writes that are all in the store, until the controller takes them off."""

    def __init__(
        self,
        ports: list[DramPort],
        mapping: AddressMapping,
        channel: int,
        scheduler: DramScheduler,
        *,
        atom: int,
        beat: int,
        reads: int,
        writes: int,
        bursts: int,
        store_timeout: int,
        write_pace: int,
        front: int,
    ):
        self.ports = ports
        self.mapping = mapping
        self.channel = channel
        self.scheduler = scheduler
        self.done: list[Burst] = []
        self.read_credits: deque[int] = deque()  # cycles at which entries of the stores become free
        self.write_credits: deque[int] = deque()
        self.combining: set[int] = set()  # atoms that wait to be written
        self.reads = reads  # entries of the stores
        self.writes = writes
        self.bursts = bursts
        self.store_timeout = store_timeout
        self.write_pace = write_pace
        self.front = front
        self._atom = atom
        self._beat = beat
        self._reading = 0  # entries in use
        self._writing = 0
        self._read_turn = 0
        self._write_turn = 0
        self._read_next = 0
        self._write_next = 0

    def step(self, now: int) -> int:
        """Let in what goes in cycle `now`; the next cycle at which something may, FAR when that is not known yet."""
        reads = self._read_next if self._read_next > now else self._read(now)
        return min(reads, self._write_next if self._write_next > now else self._write(now))

    def _read(self, now: int) -> int:
        """When the next read may go."""
        ports, credits = self.ports, self.read_credits
        while credits and credits[0] <= now:
            credits.popleft()
            self._reading -= 1
        coming, chosen, since = FAR, -1, FAR
        count = len(ports)
        turn = self._read_turn
        for _ in range(count):
            port = ports[turn]
            if port.reads and self._here(burst := port.reads[0]):
                at = port.read_at(burst, now, self.bursts)
                if at > now:
                    if at < coming:
                        coming = at
                elif burst.arrival < since:
                    chosen, since = turn, burst.arrival
            turn = turn + 1 if turn + 1 < count else 0
        if chosen < 0:
            return coming
        if self._reading >= self.reads:
            return min(coming, credits[0]) if credits else coming
        self._reading += 1
        self._read_turn = chosen + 1 if chosen + 1 < count else 0
        self._read_next = now + 1
        port = ports[chosen]
        burst = port.reads[0]
        atom = Atom(burst, burst.address)
        port.enter(atom)
        _, bank, row = burst.place  # type: ignore[misc]
        self.scheduler.add(True, bank, row, atom, now, now + self.store_timeout)
        self._step_on(burst, port.reads)
        return now + 1

    def _write(self, now: int) -> int:
        """When the next write may go."""
        ports, credits = self.ports, self.write_credits
        while credits and credits[0] <= now:
            credits.popleft()
            self._writing -= 1
        self.scheduler.full = self._writing >= self.writes
        if self.scheduler.full:
            return credits[0] if credits else FAR
        coming, chosen, since = FAR, -1, now + 1
        count = len(ports)
        turn = self._write_turn
        for _ in range(count):
            port = ports[turn]
            if port.writes and self._here(burst := port.writes[0]):
                upto = min(burst.address + self._atom, burst.end) - burst.base
                at = burst.begin + -(-upto // self._beat) - 1 + self.front
                if at > now:
                    if at < coming:
                        coming = at
                elif at < since:
                    chosen, since = turn, at
            turn = turn + 1 if turn + 1 < count else 0
        if chosen < 0:
            return coming
        self._write_turn = chosen + 1 if chosen + 1 < count else 0
        self._write_next = now + self.write_pace
        port = ports[chosen]
        burst = port.writes[0]
        if burst.address not in self.combining:
            self._writing += 1
            self.scheduler.full = self._writing >= self.writes
            self.combining.add(burst.address)
            _, bank, row = burst.place  # type: ignore[misc]
            self.scheduler.add(False, bank, row, burst.address, now)
        if self._step_on(burst, port.writes):
            self.done.append(burst)
        port.stored(now)
        return self._write_next

    def _here(self, burst: Burst) -> bool:
        place = burst.place
        if place is None:
            place = burst.place = self.mapping.locate(burst.address)
        return place.channel == self.channel

    def _step_on(self, burst: Burst, queue: deque[Burst]) -> bool:
        """On to the next atom; whether there was none left."""
        burst.address += self._atom
        burst.place = None
        if burst.address < burst.end:
            return False
        queue.popleft()
        return True
