"""Timing of the stages inside an engine, exact and without events.

Two kinds of stages were found in the RTL. A *lockstep* pipeline advances only when its next item is there: while
it waits for input nothing leaves it, and behind the last item it drains at full rate. A *rigid* pipeline takes a
bubble where an item is missing and keeps it; it stops as a whole while its head cannot leave.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tlm.gauge import Gauge

Cycles = npt.NDArray[np.int64]
NEVER = -(1 << 60)


class LockstepPipeline:
    """Reader (`take` cycles an item) -> lockstep pipeline of `depth` items -> writer (`give` cycles an item).

    Item k enters at E(k) = max(arrival(k), E(k-1) + take). It leaves when item k + depth enters; behind the last
    item one leaves a cycle. The writer passes it on at W(k) = max(leave(k), W(k-1) + give) and `latency`
    cycles later it is out. A stream too short to
    fill the pipeline leaves it `flush` cycles behind its first entry at the earliest.
    """

    def __init__(self, depth: int, take: int = 1, give: int = 1, latency: int = 0, flush: int = 0):
        self.depth = depth
        self.take = take
        self.give = give
        self.latency = latency
        self.flush = flush
        self._first = NEVER
        self.entered = NEVER
        self.waited = 0  # cycles in which the reader was ready and no item there
        self._inside: Cycles = np.empty(0, dtype=np.int64)
        self._gave = NEVER

    def feed(self, arrivals: Cycles, gate: int = NEVER) -> tuple[Cycles, Cycles]:
        """The next items arrive; none enters before `gate`. Returns (entries of these, outputs by now)."""
        count = len(arrivals)
        steps = np.arange(count, dtype=np.int64) * self.take
        ready = max(gate, self.entered + self.take)
        entries = np.maximum.accumulate(np.maximum(arrivals, ready) - steps) + steps
        if count:
            start = ready if ready > NEVER // 2 else int(entries[0])
            self.waited += int(entries[-1]) - start - (count - 1) * self.take
            if self._first == NEVER:
                self._first = int(entries[0])
            self.entered = int(entries[-1])
        inside = np.concatenate((self._inside, entries))
        leaving = inside[self.depth :]
        self._inside = inside[max(0, len(inside) - self.depth) :] if self.depth else inside[:0]
        return entries, self._give(leaving)

    @property
    def inside(self) -> int:
        """Items that have entered and not left."""
        return len(self._inside)

    def drain(self) -> Cycles:
        """Outputs of the items still inside when no more come."""
        count = len(self._inside)
        # item i of these would leave with item i + depth, which would enter depth - (count - 1 - i) steps later
        leaving = self.entered + self.depth - count + 1 + np.arange(count, dtype=np.int64)
        if count:
            leaving[-1] = max(int(leaving[-1]), self._first + self.flush)
        return self._give(leaving)

    def hold(self, until: int) -> None:
        """The last output had to wait until `until`; everything behind it does."""
        late = until - (self._gave + self.latency)
        if late > 0:
            self._gave += late
            self.entered = max(self.entered, self._gave - self.depth * self.take)

    def _give(self, leaving: Cycles) -> Cycles:
        if not len(leaving):
            return leaving
        steps = np.arange(len(leaving), dtype=np.int64) * self.give
        out = np.maximum.accumulate(np.maximum(leaving, self._gave + self.give) - steps) + steps
        self._gave = int(out[-1])
        return out + self.latency


class Fifo:
    """Times of a FIFO between two stages: an item pushed at t is there at t + `visible`; a place freed by a pop at
    t takes the next push at t + `turnaround`."""

    __slots__ = ("capacity", "name", "pop_times", "pops", "push_times", "repeated", "turnaround", "visible")

    def __init__(self, capacity: int, visible: int = 1, turnaround: int = 1, name: str = ""):
        self.name = name
        self.capacity = capacity
        self.visible = visible
        self.turnaround = turnaround
        self.pops: deque[int] = deque(maxlen=capacity)
        self.push_times: list[int] = []
        self.pop_times: list[int] = []
        self.repeated: list[tuple[Cycles, Cycles]] = []  # pushes and pops that are in neither list

    def push(self, at: int) -> None:
        """An item comes in at a cycle that `space` allows."""
        self.push_times.append(at)

    def pop(self, at: int) -> None:
        self.pop_times.append(at)
        self.pops.append(at)

    def space(self) -> int:
        """Earliest cycle of the next push. Items are pushed and popped in turn, each pop known when needed."""
        return self.pops[0] + self.turnaround if len(self.push_times) >= self.capacity else NEVER

    @property
    def level(self) -> int:
        """Items inside, once everything so far has happened."""
        return len(self.push_times) - len(self.pop_times)

    def state(self, base: int) -> tuple[object, ...]:
        """All that what comes next depends on, with times since `base`."""
        return min(len(self.push_times), self.capacity), tuple(t - base for t in self.pops)

    def shift(self, cycles: int) -> None:
        """What comes next depends on everything so far as if it had happened so much later."""
        self.pops = deque((t + cycles for t in self.pops), maxlen=self.capacity)

    def repeat(self, pushes: int, pops: int, cycles: int, repeats: int) -> None:
        """So many of the last pushes and pops happen again and again, each time `cycles` later."""
        later = np.arange(1, repeats + 1, dtype=np.int64)[:, None] * cycles
        again = [
            np.array(times[len(times) - count :], dtype=np.int64) + later
            for times, count in ((self.push_times, pushes), (self.pop_times, pops))
        ]
        self.repeated.append((again[0][:-1].ravel(), again[1][:-1].ravel()))
        # the last of them is what may be repeated next
        self.push_times += again[0][-1].tolist()
        self.pop_times += again[1][-1].tolist()

    def gauge(self, start: int, end: int) -> Gauge:
        """A place is taken from the push until the next push can have it."""
        pushed, popped = zip((self.push_times, self.pop_times), *self.repeated, strict=True)
        freed = np.concatenate(popped) + self.turnaround
        return Gauge.of(self.name, self.capacity, np.concatenate(pushed), freed, start, end)


class RigidStage:
    """A pipeline `depth` cycles deep, one item every `interval` cycles, its output into `fifo` of `follow`."""

    __slots__ = ("depth", "fifo", "follow", "interval", "last", "stalls")

    def __init__(self, depth: int, interval: int, fifo: Fifo | None, follow: Callable[[int], None]):
        self.depth = depth
        self.interval = interval
        self.fifo = fifo
        self.follow = follow
        self.last = NEVER
        self.stalls: deque[tuple[int, int]] = deque()  # [begin, end) of cycles in which nothing moves

    def enter(self, ready: int, emits: bool = True) -> int:
        """An item that is there at `ready` enters; returns the cycle. Its output is worked out at once."""
        at = max(ready, self.last + self.interval)
        if self.stalls:
            at = self._unstalled(at)
        self.last = at
        if emits:
            self.emit(at)
        return at

    def enter_run(self, count: int) -> int:
        """`count` more items enter as fast as they may, the last of them emits; returns its cycle."""
        if not self.stalls:
            self.last += (count - 1) * self.interval
        else:
            for _ in range(count - 1):
                self.last = self._unstalled(self.last + self.interval)
        return self.enter(NEVER)

    def state(self, base: int) -> tuple[object, ...]:
        """All that what comes next depends on, with times since `base`."""
        return self.interval, self.last - base, tuple((a - base, b - base) for a, b in self.stalls)

    def shift(self, cycles: int) -> None:
        """Everything so far happened so much later."""
        self.last += cycles
        self.stalls = deque((a + cycles, b + cycles) for a, b in self.stalls)

    def _unstalled(self, at: int) -> int:
        stalls = self.stalls
        while stalls and stalls[0][0] <= at:
            if stalls[0][1] > at:
                at = stalls[0][1]
            stalls.popleft()
        return at

    def emit(self, at: int) -> None:
        """Work out when the item that entered at `at` leaves, and what follows."""
        out = at + self.depth
        for begin, end in self.stalls:
            if at <= begin <= out:
                out += end - begin
        fifo = self.fifo
        if fifo is not None:
            pushed = max(out, fifo.space())
            fifo.push(pushed)
            if pushed > out:
                self.stalls.append((out, pushed))
                out = pushed
        self.follow(out)
