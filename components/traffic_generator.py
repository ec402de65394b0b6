"""A traffic generator: bursts of one size at sequential addresses, as many in flight as allowed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from tlm.component import Component
from tlm.payload import AddressError, Command, GenericPayload, ResponseStatus
from tlm.units import SECOND, Address, Bits, Bytes, ClockName, Cycles, Doc, Picoseconds, PositiveInt


@dataclass(frozen=True, kw_only=True)
class TrafficGeneratorParams:
    clock: Annotated[ClockName, Doc("clock of its port")] = "fabric"
    command: Annotated[Literal["read", "write"], Doc("what it does")]
    burst: Annotated[Bytes, Doc("bytes of a burst")]
    width: Annotated[Bits, Doc("width of its port")] = 128
    base: Annotated[Address, Doc("first address of its region")]
    region: Annotated[Bytes, Doc("bytes of its region; addresses wrap")]
    start: Annotated[Picoseconds, Doc("when it begins")] = 0
    outstanding: Annotated[PositiveInt, Doc("bursts in flight")] = 48
    posted: Annotated[
        Cycles,
        Doc("a write is answered so long behind its first data, not before the last; 0: by its target"),
    ] = 0

    def __post_init__(self) -> None:
        if self.posted and self.command == "read":
            raise ValueError(f"posted must be 0 for reads, not {self.posted}")


class TrafficGenerator(Component):
    Params = TrafficGeneratorParams
    params: TrafficGeneratorParams

    def __init__(self, sim: Any, name: str, params: TrafficGeneratorParams):
        super().__init__(sim, name, params)
        self.out = self.initiator_socket("out")
        self.moved: list[tuple[int, int, int]] = []  # first, last (ps) and number of beats
        self._command = Command(params.command)
        self._beats = params.burst * 8 // params.width
        self._width = params.width // 8
        self._offset = 0
        self._places = deque([params.start] * params.outstanding)  # when each may send
        self._cycle = 0
        self._sending = False

    def start(self) -> None:
        """Begin, and never end: run the simulation until a time."""
        self._wait(self.params.start - int(self.env.now))

    def _wait(self, delay: int) -> None:
        wake = self.env.timeout(delay)
        wake.callbacks.append(self._send)

    def bandwidth(self, after: int) -> float:
        """Bytes a second of the data that moved between `after` ps and now."""
        now = int(self.env.now)
        beats = 0.0
        for first, last, n in self.moved:
            if last >= after and first <= now:
                inside = min(last, now) - max(first, after)
                beats += n * inside / (last - first) if last > first else n
        return beats * self._width * SECOND / (now - after)

    def _send(self, _: Any = None) -> None:
        """Send what may be in flight, each burst when it may go, as far ahead as nothing else can happen."""
        p = self.params
        self._sending = True
        while self._places:
            cycle = max(self.clock.next_cycle(self._places[0]), self._cycle)
            at = self.clock.edge(cycle)
            if not self.sim.quantum.may_act(at):
                self._wait(at - int(self.env.now))
                return  # still sending, for what ends until then
            self._places.popleft()
            self._cycle = cycle + 1
            payload = GenericPayload(
                self._command, p.base + self._offset, self._beats, self._width, self.name
            )
            self._offset = (self._offset + p.burst) % p.region
            payload.watcher = self._moved
            payload.listener = self._ended
            self.out.nb_transport(payload, at)
        self._sending = False

    def _moved(self, payload: GenericPayload) -> None:
        runs = payload.runs
        self.moved.append(runs[-1])
        if self.params.posted and sum(beats for *_, beats in runs) == self._beats:
            cycle = self.clock.next_cycle
            self._free(self.clock.edge(max(cycle(runs[0][0]) + self.params.posted, cycle(runs[-1][1]) + 1)))

    def _ended(self, payload: GenericPayload) -> None:
        if payload.status is not ResponseStatus.OK:
            raise AddressError(f"{self.name}: {payload!r}")
        if not self.params.posted:
            self._free(payload.response)

    def _free(self, at: int) -> None:
        """Another burst may go from `at` on."""
        self._places.append(at)
        if not self._sending:
            self._send()
