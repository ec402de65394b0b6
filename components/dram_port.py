"""An AXI port of a DRAM's controller: bursts that have come, reads whose data have not gone yet."""

from __future__ import annotations

from collections import deque

from components.address_mapping import Location
from components.dram_scheduler import FAR
from tlm.payload import GenericPayload


class Burst:
    """A payload at a port, and how far the arbiter has got with it."""

    __slots__ = ("address", "arrival", "base", "begin", "end", "payload", "place", "port")

    def __init__(self, payload: GenericPayload, port: DramPort, arrival: int, base: int, atom: int):
        self.payload = payload
        self.port = port
        self.arrival = arrival  # cycle from which the arbiter could take it
        self.base = base  # offset in the memory
        self.end = base + payload.length
        self.address = base - base % atom  # of the next atom for the arbiter
        self.begin = -1  # cycle of the first data
        self.place: Location | None = None  # of the next atom

    def __lt__(self, other: Burst) -> bool:
        return self.arrival < other.arrival


class Atom:
    """A read of the DRAM."""

    __slots__ = ("address", "burst", "ready")

    def __init__(self, burst: Burst, address: int):
        self.burst = burst
        self.address = address
        self.ready = FAR  # cycle from which its data can go out


class DramPort:
    def __init__(self) -> None:
        self.reads: deque[Burst] = deque()
        self.writes: deque[Burst] = deque()
        self.order: deque[Atom] = deque()  # data go out as reads went in
        self.pending = 0  # reads between the arbiter and the last of their data
        self.left: deque[int] = deque()  # cycles at which they cease to be
        self.read_free = 0  # cycle from which the data channel is free
        self.write_free = 0

    def read_at(self, burst: Burst, now: int, limit: int) -> int:
        """Cycle at which the next atom of the first read can go to the store, as far as the port is concerned.

        FAR while that depends on data that have not come.
        """
        left = self.left
        while left and left[0] <= now:
            left.popleft()
            self.pending -= 1
        if self.pending < limit:
            return burst.arrival
        return max(burst.arrival, left[0]) if left else FAR
