"""The arbiter between the ports and the stores of one DRAM channel.

Reads and writes have a way of their own each, an atom (the shortest access of the DRAM) at a time. For reads
initiators take turns, for writes ports. A read's time begins at its port. (UG1085, "Port Arbiter" and "Traffic
Classes"; why reads and writes grow old here as its video traffic does is in docs/bandwidth.md.)
"""

from __future__ import annotations

from collections import Counter, deque

from components.address_mapping import AddressMapping
from components.dram_port import Atom, Burst, DramPort, ReadQueue
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
        initiator_writes: int,
        read_timeout: int,
        store_timeout: int,
        write_timeout: int,
        write_pace: int,
        write_front: int,
    ):
        self.ports = ports
        self.mapping = mapping
        self.channel = channel
        self.scheduler = scheduler
        self.done: list[Burst] = []
        self.stuck = False  # what waits can go on only behind a command, with its credit or data
        self.queues: list[ReadQueue] = []  # of all ports, in their order
        self._read_bursts: list[deque[Burst]] = []  # those of the queues
        self._write_bursts = [port.writes for port in ports]
        self.read_credits: deque[int] = deque()  # cycles at which entries of the stores become free
        self.write_credits: deque[tuple[int, str]] = deque()  # and whose they were
        self.combining: set[int] = set()  # atoms that wait to be written
        self.reads = reads  # entries of the stores
        self.writes = writes
        self.initiator_writes = initiator_writes
        self.read_timeout = read_timeout
        self.store_timeout = store_timeout
        self.write_timeout = write_timeout
        self.write_pace = write_pace
        self.write_front = write_front
        self._atom = atom
        self._beat = beat
        self._reading = 0  # entries in use
        self._writing = 0
        self._writing_of: Counter[str] = Counter()  # by initiator
        self._read_turn = 0
        self._write_turn = 0
        self._read_next = 0  # cycle from which the ways are free
        self._write_next = 0

    def attend(self, queue: ReadQueue) -> None:
        """Take an initiator that has not read before into the turn."""
        self.queues.append(queue)
        self.queues.sort(key=lambda q: (self.ports.index(q.port), q.initiator))
        self._read_bursts = [q.bursts for q in self.queues]

    def step(self, now: int) -> int:
        """Let in what goes in cycle `now`; the next cycle at which something may, FAR when that is not known yet."""
        self._free(now)
        self.stuck = False
        coming = FAR
        if any(self._read_bursts):
            reader, coming = self._reader(now)
            if reader is not None:
                self._read(reader, now)
                coming = self._read_next if any(self._read_bursts) else FAR
        if any(self._write_bursts):
            writer, writes_at = self._writer(now)
            if writer is not None:
                self._write(writer, now)
                writes_at = self._write_next if any(self._write_bursts) else FAR
            if writes_at < coming:
                coming = writes_at
        return coming

    def _free(self, now: int) -> None:
        """Entries whose credits are back."""
        credits = self.read_credits
        while credits and credits[0] <= now:
            credits.popleft()
            self._reading -= 1
        returns = self.write_credits
        while returns and returns[0][0] <= now:
            self._writing_of[returns.popleft()[1]] -= 1
            self._writing -= 1

    def _reader(self, now: int) -> tuple[int | None, int]:
        """The queue whose read goes, and if there is none, the cycle at which there may be one."""
        if self._read_next > now:
            return None, self._read_next
        credits = self.read_credits
        if self._reading >= self.reads:
            self.stuck |= not credits
            return None, credits[0] if credits else FAR
        queues, coming = self.queues, FAR
        count = len(queues)
        for step in range(count):
            turn = (self._read_turn + step) % count
            queue = queues[turn]
            if not queue.bursts or not self._here(queue.bursts[0]):
                continue
            at = queue.port.read_at(queue, now)
            if at <= now:
                return turn, now
            if at < coming:
                coming = at
            elif at == FAR:
                self.stuck = True
        return None, coming

    def _writer(self, now: int) -> tuple[int | None, int]:
        """The same for writes."""
        if self._write_next > now:
            return None, self._write_next
        returns = self.write_credits
        back = returns[0][0] if returns else FAR
        if self._writing >= self.writes:
            self.stuck |= not returns
            return None, back
        ports, coming = self.ports, FAR
        count = len(ports)
        for step in range(count):
            turn = (self._write_turn + step) % count
            port = ports[turn]
            if port.writes and self._here(burst := port.writes[0]):
                upto = min(burst.address + self._atom, burst.end) - burst.base
                at = burst.begin + -(-upto // self._beat) - 1 + self.write_front
                if at > now:
                    coming = min(coming, at)
                elif self._writing_of[burst.payload.initiator] < self.initiator_writes:
                    return turn, now
                else:
                    self.stuck |= not returns
                    coming = min(coming, back)
        return None, coming

    def _read(self, turn: int, now: int) -> None:
        queue = self.queues[turn]
        port = queue.port
        self._reading += 1
        self._read_turn = (turn + 1) % len(self.queues)
        self._read_next = now + 1
        burst = queue.bursts[0]
        atom = Atom(queue, burst, burst.address)
        port.enter(atom)
        _, bank, row = burst.place  # type: ignore[misc]
        deadline = min(burst.first + self.read_timeout, now + self.store_timeout)
        self.scheduler.add(True, bank, row, atom, now, deadline, since=burst.arrival)
        if self._step_on(burst, queue.bursts):
            port.begun = None

    def _write(self, turn: int, now: int) -> None:
        self._write_turn = (turn + 1) % len(self.ports)
        self._write_next = now + self.write_pace
        port = self.ports[turn]
        burst = port.writes[0]
        if burst.address not in self.combining:
            self._writing += 1
            self._writing_of[burst.payload.initiator] += 1
            self.combining.add(burst.address)
            _, bank, row = burst.place  # type: ignore[misc]
            entry = burst.address, burst.payload.initiator
            self.scheduler.add(False, bank, row, entry, now, now + self.write_timeout)
        size = min(burst.address + self._atom, burst.end) - max(burst.address, burst.base)
        if self._step_on(burst, port.writes):
            self.done.append(burst)
        port.stored(now, size)

    def _here(self, burst: Burst) -> bool:
        place = burst.place
        if place is None:
            place = burst.place = self.mapping.locate(burst.address)
        return place.channel == self.channel

    def _step_on(self, burst: Burst, queue: deque[Burst]) -> bool:
        """On to the next atom; whether there was none left."""
        burst.address += self._atom
        if not burst.address % self.mapping.span:
            burst.place = None
        if burst.address < burst.end:
            return False
        queue.popleft()
        return True
