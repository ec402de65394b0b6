"""An AXI interconnect as AMD's SmartConnect is one: many masters, one port, taking turns burst by burst.

Round robin for reads and for writes, an address a cycle (PG247). Each direction has a data channel of the port's
width, over which bursts go whole and in the order of their grants. A word wider than the port takes several of its
cycles; a burst that becomes longer than AXI's 256 beats goes as several in a row, which takes no other time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from components.axi import PAGE, WIDTH_RULE, WIDTHS
from tlm.component import Component
from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.units import Bits, Check, ClockName, Cycles, Doc, PositiveInt

NEVER = 1 << 62


@dataclass(frozen=True, kw_only=True)
class InterconnectParams:
    clock: Annotated[ClockName, Doc("clock of the interconnect and its ports")] = "fabric"
    inputs: Annotated[PositiveInt, Doc("sockets in0, in1, ...")]
    width: Annotated[Bits, Check(WIDTHS.__contains__, WIDTH_RULE), Doc("width of the port behind it")] = 128
    latency: Annotated[Cycles, Doc("cycles each way")]
    outstanding: Annotated[PositiveInt, Doc("bursts behind the port, each direction")] = 16


class Interconnect(Component):
    """Sockets in0, in1, ...; `out` leads on.

    A burst across a 4 KiB boundary is answered with BURST_ERROR.
    """

    Params = InterconnectParams
    params: InterconnectParams

    def __init__(self, sim: Any, name: str, params: InterconnectParams):
        super().__init__(sim, name, params)
        self.out = self.initiator_socket("out")
        self._reads = _Reads(self, Command.READ)
        self._writes = _Writes(self, Command.WRITE)
        for i in range(params.inputs):
            self.target_socket(f"in{i}", partial(self._transport, i), self.out.transport_dbg)

    @property
    def links(self) -> dict[str, float]:
        """Bytes a second of each direction, by the name under which bytes are counted."""
        return {self.name: self.params.width / 8 * self.clock.hz}

    def phase(self) -> Hashable | None:
        cycle = self.clock.next_cycle(int(self.env.now))
        return () if self._reads.rests(cycle) and self._writes.rests(cycle) else None

    def occupancy(self) -> list[str]:
        return [text for way in (self._reads, self._writes) if (text := way.occupancy())]

    def _transport(self, source: int, payload: GenericPayload, at: int) -> None:
        if payload.address % PAGE + payload.length > PAGE:
            payload.complete(at, ResponseStatus.BURST_ERROR)
            return
        way = self._reads if payload.command is Command.READ else self._writes
        way.request(source, payload, at)


class _Passing:
    """A burst behind the port: what a master sent, and what goes on in its place."""

    __slots__ = ("down", "end", "moved", "ratio", "seen", "up")

    def __init__(self, up: GenericPayload, port_width: int):
        self.up = up
        self.ratio = max(1, up.width // port_width)  # beats of the port a word
        self.down = GenericPayload(
            up.command, up.address, up.beats * self.ratio, up.width // self.ratio, up.initiator
        )
        self.seen = 0  # runs
        self.moved = 0  # beats of the port
        self.end = 0  # cycle of the last of them


class _Way:
    """One direction. Times are cycles of the interconnect's clock, at the side of the masters."""

    def __init__(self, owner: Interconnect, command: Command):
        p = owner.params
        self.owner = owner
        self.clock = owner.clock
        self.command = command
        self.latency = p.latency
        self.limit = p.outstanding
        self.width = p.width // 8
        self.queues: list[deque[tuple[int, GenericPayload]]] = [deque() for _ in range(p.inputs)]
        self.waiting = 0  # in the queues
        self.turn = 0  # the input that is asked first
        self.free = 0  # from when on the next can be granted
        self.data_free = 0  # of the data channel
        self.flight: deque[_Passing] = deque()  # bursts whose end is not known yet
        self.ended: deque[int] = deque()  # when places behind the port become free again
        self._wake_at = NEVER
        self._bytes = f"{owner.name}.{command.value}_bytes"
        self._bursts = f"{owner.name}.{command.value}_bursts"
        self._waited = f"{owner.name}.{command.value}_wait_cycles"

    def rests(self, cycle: int) -> bool:
        if self.waiting or self.flight or self.free > cycle or self.data_free > cycle:
            return False
        return not self.ended or self.ended[-1] <= cycle

    def occupancy(self) -> str:
        if not (self.waiting or self.flight):
            return ""
        return (
            f"{self.owner.name}: {self.waiting} {self.command.value} bursts waiting for their turn, "
            f"{len(self.flight)} of {self.limit} behind {self.owner.out.path}"
        )

    def request(self, source: int, payload: GenericPayload, at: int) -> None:
        cycle = self.clock.next_cycle(at - 1)
        if self.rests(cycle):
            self.turn = 0  # so that equal calls of an engine go alike, whatever was before
        ready = None if self.waiting else self.ready()
        if ready is not None and ready <= cycle:
            self._grant(source, payload, cycle, cycle)
            return
        self.queues[source].append((cycle, payload))
        self.waiting += 1
        self._plan()

    def ready(self) -> int | None:
        """From when on a burst can be granted; None while that depends on what has not come back yet."""
        if len(self.flight) + len(self.ended) < self.limit:
            return self.free
        return max(self.free, self.ended[0]) if self.ended else None

    def _plan(self) -> None:
        """Wake up for the next grant."""
        if not self.waiting or (ready := self.ready()) is None:
            return
        now = int(self.owner.env.now)
        asked = min(queue[0][0] for queue in self.queues if queue)
        cycle = max(ready, asked, self.clock.next_cycle(now - 1))
        if cycle < self._wake_at:
            self._wake_at = cycle
            wake = self.owner.env.timeout(max(0, self.clock.edge(cycle) - now))
            wake.callbacks.append(partial(self._woken, cycle))

    def _woken(self, cycle: int, _: Any) -> None:
        if cycle != self._wake_at:
            return  # woken earlier meanwhile
        self._wake_at = NEVER
        while self.waiting and (ready := self.ready()) is not None and ready <= cycle:
            source = self._choose(cycle)
            if source is None:
                break
            asked, payload = self.queues[source].popleft()
            self.waiting -= 1
            self._grant(source, payload, cycle, asked)
        self._plan()

    def _choose(self, cycle: int) -> int | None:
        """The first input that asks, from whose turn it is on."""
        count = len(self.queues)
        for i in range(self.turn, self.turn + count):
            queue = self.queues[i % count]
            if queue and queue[0][0] <= cycle:
                return i % count
        return None

    def _grant(self, source: int, payload: GenericPayload, cycle: int, asked: int) -> None:
        if len(self.flight) + len(self.ended) >= self.limit:
            self.ended.popleft()
        self.turn = (source + 1) % len(self.queues)
        counters = self.owner.trace.counters
        counters[self._bytes] += payload.length
        counters[self._bursts] += 1
        counters[self._waited] += cycle - asked
        passing = _Passing(payload, self.width)
        self.flight.append(passing)
        self._take(cycle)
        passing.down.watcher = passing.down.listener = partial(self._told, passing)
        self.owner.out.nb_transport(passing.down, self.clock.edge(cycle + self.latency))

    @abstractmethod
    def _take(self, cycle: int) -> None:
        """A burst is granted at `cycle`."""

    @abstractmethod
    def _told(self, passing: _Passing, down: GenericPayload) -> None:
        """More is known of a burst."""

    def _pass(self, passing: _Passing, shift: int, offset: int) -> None:
        """Tell the master what is new, `shift` cycles later. A word moves with beat `offset` of those it takes."""
        runs, next_cycle, edge = passing.down.runs, self.clock.next_cycle, self.clock.edge
        ratio = passing.ratio
        while passing.seen < len(runs):
            first, last, beats = runs[passing.seen]  # ends are edges of this clock, or lie between two
            passing.seen += 1
            begin = max(next_cycle(first - 1) + shift, self.data_free)
            steps = beats - 1
            end = max(next_cycle(last - 1) + shift, begin + steps)
            passing.end = end
            self.data_free = end + 1
            low = passing.moved
            passing.moved = high = low + beats
            low_word = low + (offset - low) % ratio
            high_word = high - 1 - (high - 1 - offset) % ratio
            if low_word > high_word:
                continue
            lasts, steps = end - begin, max(1, steps)
            passing.up.move(
                edge(begin - (low - low_word) * lasts // steps),
                edge(begin - (low - high_word) * lasts // steps),
                (high_word - low_word) // ratio + 1,
            )


class _Reads(_Way):
    def _take(self, cycle: int) -> None:
        self.free = cycle + 1

    def _told(self, _: _Passing, __: GenericPayload) -> None:
        """Data go back in the order of the grants."""
        flight, clock = self.flight, self.clock
        while flight:
            passing = flight[0]
            self._pass(passing, self.latency, passing.ratio - 1)
            down = passing.down
            if down.status is ResponseStatus.INCOMPLETE:
                break
            flight.popleft()
            end = max(passing.end, clock.next_cycle(down.response - 1) + self.latency)
            self.ended.append(end + 1)
            passing.up.complete(clock.edge(end), down.status)
        self._plan()


class _Writes(_Way):
    def __init__(self, owner: Interconnect, command: Command):
        super().__init__(owner, command)
        self.sending = False  # a burst whose data's end is not known yet

    def ready(self) -> int | None:
        return None if self.sending else super().ready()

    def _take(self, cycle: int) -> None:
        self.sending = True
        self.data_free = max(self.data_free, cycle)

    def _told(self, passing: _Passing, down: GenericPayload) -> None:
        """A master's words are taken as the port takes them; the next burst follows the last of them."""
        over = down.status is not ResponseStatus.INCOMPLETE
        before = passing.moved
        self._pass(passing, -self.latency, 0)
        if before < down.beats and (passing.moved == down.beats or over):
            self.sending = False
            self.free = self.data_free
        if over:
            self.flight.remove(passing)
            response = max(self.clock.next_cycle(down.response - 1), passing.end + self.latency)
            self.ended.append(response + self.latency)
            passing.up.complete(self.clock.edge(response + self.latency), down.status)
        self._plan()
