"""An AXI port of a DRAM's controller: bursts that have come, reads whose data have not gone yet."""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import NamedTuple

from components.address_mapping import Location
from components.dram_scheduler import FAR
from tlm.payload import GenericPayload
from tlm.units import Clock


class Burst:
    """A payload at a port, and how far the arbiter has got with it."""

    __slots__ = ("address", "arrival", "base", "begin", "end", "first", "payload", "place")

    def __init__(
        self,
        payload: GenericPayload,
        first: int,
        front: int,
        base: int,
        length: int,
        atom: int,
    ):
        self.payload = payload
        self.first = first  # cycle in which it is at the port
        self.arrival = first + front  # cycle from which the arbiter could take it
        self.base = base  # offset in the memory
        self.end = base + length
        self.address = base - base % atom  # of the next atom for the arbiter
        self.begin = -1  # cycle of the first data
        self.place: Location | None = None  # of the next atom

    @property
    def begun(self) -> bool:
        """Whether its first atom has gone."""
        return self.address > self.base

    def __lt__(self, other: Burst) -> bool:
        return self.arrival < other.arrival


class Atom:
    """A read of the DRAM."""

    __slots__ = ("address", "burst", "queue", "ready")

    def __init__(self, queue: ReadQueue, burst: Burst, address: int):
        self.queue = queue
        self.burst = burst
        self.address = address
        self.ready = FAR  # cycle from which its data can go out


class ReadQueue:
    """The reads of one initiator at a port."""

    __slots__ = ("bursts", "initiator", "port", "reading")

    def __init__(self, port: DramPort, initiator: str):
        self.port = port
        self.initiator = initiator
        self.bursts: deque[Burst] = deque()
        self.reading = 0  # bursts from the arbiter to their last data


class Departure(NamedTuple):
    """Of the last data of a read burst from the port."""

    end: int  # cycle from which the arbiter knows
    queue: ReadQueue


class DramPort:
    """Times are cycles of `clock`; the data channels move `beat` bytes a cycle."""

    def __init__(self, clock: Clock, *, atom: int, beat: int, bursts: int, write_buffer: int):
        self.queues: dict[str, ReadQueue] = {}  # of reads, by initiator
        self.begun: ReadQueue | None = None  # whose first burst the arbiter is at
        self.coming: deque[Burst] = deque()  # write bursts whose data have not begun
        self.writes: deque[Burst] = deque()
        self.writing = 0  # bytes of writes from their first data to the store
        self.order: deque[Atom] = deque()  # data go out as reads went in
        self.left: deque[Departure] = deque()
        self.read_free = 0  # cycle from which the data channel is free
        self.write_free = 0
        self._clock = clock
        self._atom = atom
        self._beat = beat
        self._bursts = bursts  # limit of a queue's `reading`
        self._write_buffer = write_buffer  # limit of `writing`

    @property
    def reads(self) -> int:
        """Read bursts that wait, or have begun to go to the store."""
        return sum(len(queue.bursts) for queue in self.queues.values())

    def accept(self, burst: Burst, queue: ReadQueue | None) -> None:
        """Queue a burst by its arrival: a read in its initiator's queue, a write (None) with the others."""
        bursts = self.coming if queue is None else queue.bursts
        if bursts and bursts[-1].arrival > burst.arrival:
            insort(bursts, burst)
        else:
            bursts.append(burst)

    def stored(self, now: int, size: int) -> None:
        """`size` bytes have gone from the port to the store."""
        self.writing -= size
        self.take(now)

    def take(self, now: int) -> int:
        """Begin with the data of writes that are there at `now`, as far as there is room.

        Returns the cycle at which the next can begin, FAR while there is none or no room.
        """
        clock = self._clock
        while self.coming and self.writing < self._write_buffer:
            burst = self.coming[0]
            if burst.first > now:
                return burst.first
            self.coming.popleft()
            burst.begin = begin = max(now, self.write_free)
            self.write_free = end = begin + -(-(burst.end - burst.base) // self._beat)
            self.writing += burst.end - burst.base
            burst.payload.move(clock.edge(begin), clock.edge(end - 1), burst.payload.beats)
            self.writes.append(burst)
        return FAR

    def read_at(self, queue: ReadQueue, now: int) -> int:
        """Cycle at which the next atom of a queue may go to the store, as far as the port is concerned.

        FAR while that depends on data that have not come, or on another queue's burst.
        """
        left = self.left
        while left and left[0].end <= now:
            left.popleft().queue.reading -= 1
        burst = queue.bursts[0]
        if self.begun is not None:
            return burst.arrival if self.begun is queue else FAR
        if queue.reading < self._bursts:
            return burst.arrival
        return max(burst.arrival, left[0].end) if left else FAR

    def enter(self, atom: Atom) -> None:
        """A read has gone from the port to the store."""
        if not atom.burst.begun:
            atom.queue.reading += 1
            self.begun = atom.queue
        self.order.append(atom)
