"""An ideal memory: every port has a channel of its own, with latency and pace as the only properties.

The properties are those of the memory in which the RTL's cycles were measured.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from annotated_types import Ge

from components.storage import Storage
from tlm.component import Component
from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.units import Address, Bytes, ClockName, Cycles, Doc, PositiveInt


@dataclass(frozen=True, kw_only=True)
class IdealMemoryParams:
    clock: Annotated[ClockName, Doc("clock of its ports")] = "fabric"
    base: Annotated[Address, Doc("first address")] = 0
    size: Annotated[Bytes, Ge(1), Doc("addresses behind the base")]
    ports: Annotated[PositiveInt, Doc("sockets port0, port1, ...")] = 1
    rlat: Annotated[
        Cycles, Doc("read latency: an address taken at t gives its first beat at t + 1 + rlat")
    ] = 0
    overlap: Annotated[
        bool, Doc("latencies of queued bursts overlap; else each counts from the end of the one before")
    ] = True
    one_outstanding: Annotated[bool, Doc("an address is taken only when the burst before has ended")] = False
    rint: Annotated[PositiveInt, Doc("cycles a read beat")] = 1
    wint: Annotated[PositiveInt, Doc("cycles a write beat")] = 1
    wlat: Annotated[Cycles, Doc("cycles from the last write beat to its response, beyond 1")] = 0
    shared: Annotated[bool, Doc("all ports share one bus: one read beat a cycle, round robin")] = False


class IdealMemory(Component):
    Params = IdealMemoryParams
    params: IdealMemoryParams

    def __init__(self, sim: Any, name: str, params: IdealMemoryParams):
        super().__init__(sim, name, params)
        self.storage = Storage(params.base, params.size)
        wait = 2 + params.rlat if params.one_outstanding else 0 if params.overlap else 1 + params.rlat
        self._channels = [_Channel(max(wait, params.rint)) for _ in range(params.ports)]
        for i in range(params.ports):
            self.target_socket(f"port{i}", partial(self._transport, i), self.storage.transport_dbg)
        self._counted = {c: f"{name}.{c.value}_bytes" for c in Command}
        self._turn = 0
        self._bus_free = 0
        self._wake: Any = None
        if params.shared:
            self.env.process(self._arbitrate())

    @property
    def couples(self) -> bool:
        return self.params.shared

    @property
    def peak_bandwidth(self) -> float | None:
        """No limit of its own."""
        return None

    @property
    def addresses(self) -> range:
        return range(self.storage.base, self.storage.base + self.storage.size)

    def describe(self) -> str:
        """The assumption in words, for the head of a report."""
        p = self.params
        parts = [
            "one ideal memory that all masters share" if p.shared else "ideal memory per master",
            f"read latency {p.rlat}" + ("" if p.overlap else " for each burst anew"),
        ]
        parts += ["one burst outstanding"] if p.one_outstanding else []
        parts += [f"{p.rint} cycles a read word"] if p.rint > 1 else []
        parts += [f"{p.wint} cycles a written word"] if p.wint > 1 else []
        parts += [f"write latency {p.wlat}"] if p.wlat else []
        return ", ".join(parts)

    def phase(self) -> Hashable | None:
        # all its times are cycles of the engines' clock, and between calls it is at rest
        return None if any(c.queue for c in self._channels) else ()

    def _transport(self, port: int, payload: GenericPayload, at: int) -> None:
        p = self.params
        if not p.base <= payload.address <= p.base + p.size - payload.length:
            payload.complete(at, ResponseStatus.ADDRESS_ERROR)
            return
        clock = self.clock
        cycle = clock.cycles(at)
        channel = self._channels[port]
        self.trace.counters[self._counted[payload.command]] += payload.length
        if payload.command is Command.WRITE:
            first = max(cycle, channel.write_free)
            last = first + (payload.beats - 1) * p.wint
            channel.write_free = last + p.wint
            payload.move(clock.edge(first), clock.edge(last), payload.beats)
            payload.complete(clock.edge(last + 1 + p.wlat))
            return
        if p.shared:
            channel.queue.append(_Pending(payload, cycle + 1 + p.rlat))
            if self._wake is not None:
                event, self._wake = self._wake, None
                event.succeed()
            return
        first = max(cycle + 1 + p.rlat, channel.last + channel.gap)
        channel.last = first + (payload.beats - 1) * p.rint
        payload.move(clock.edge(first), clock.edge(channel.last), payload.beats)
        payload.complete(clock.edge(channel.last))

    def _arbitrate(self) -> Generator[Any, Any, None]:
        """One beat a cycle to the port whose turn it is, as far ahead as nobody can ask for more."""
        clock, p = self.clock, self.params
        channels = self._channels
        while True:
            waiting = [c for c in channels if c.queue]
            if not waiting:
                self._wake = self.env.event()
                yield self._wake
                continue
            cycle = max(self._bus_free, min(c.next_beat(p.rint) for c in waiting))
            at = clock.edge(cycle)
            if not self.sim.quantum.may_act(at):
                yield self.env.timeout(at - int(self.env.now))
                continue
            if at <= self.env.now and self.env.peek() <= self.env.now:
                yield self.env.timeout(0)  # who acts now asks first
                continue
            for step in range(len(channels)):
                i = (self._turn + step) % len(channels)
                channel = channels[i]
                if channel.queue and channel.next_beat(p.rint) <= cycle:
                    self._turn = i + 1
                    channel.serve(cycle, clock.edge(cycle))
                    break
            self._bus_free = cycle + 1


class _Pending:
    """A read that waits for its beats, the first of them ready at cycle `ready`."""

    def __init__(self, payload: GenericPayload, ready: int):
        self.payload = payload
        self.ready = ready
        self.served = 0


class _Channel:
    """State of one port."""

    def __init__(self, gap: int) -> None:
        self.gap = gap  # cycles from a burst's last read beat to the first of the next, at least
        self.last = -(1 << 40)  # cycle of the last read beat
        self.write_free = 0
        self.queue: deque[_Pending] = deque()

    def next_beat(self, interval: int) -> int:
        pending = self.queue[0]
        return max(pending.ready, self.last + (interval if pending.served else self.gap))

    def serve(self, cycle: int, at: int) -> None:
        """One beat of the oldest read."""
        pending = self.queue[0]
        pending.payload.move(at, at, 1)
        pending.served += 1
        self.last = cycle
        if pending.served == pending.payload.beats:
            self.queue.popleft()
            pending.payload.complete(at)
