"""AXI masters of an engine: the DMA engines that split a transfer into bursts.

Times are cycles of the engine's clock, counted from time 0. What the ports do was measured at the RTL's pins:
bursts of at most 128 beats that keep within 4 KiB, one address a cycle, at most 16 bursts outstanding, data kept
in a buffer of 16 x 128 beats until the engine takes it. A write burst starts only when all its beats are
produced, one burst at a time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from components.axi import PAGE
from tlm.gauge import Gauge
from tlm.payload import AddressError, Command, GenericPayload, ResponseStatus
from tlm.sockets import InitiatorSocket
from tlm.trace import PortActivity
from tlm.units import Doc, PositiveInt

if TYPE_CHECKING:
    from components.engine import Engine

Cycles = npt.NDArray[np.int64]
FAR = 1 << 60  # a cycle that never comes


@dataclass(frozen=True, kw_only=True)
class ReadPortParams:
    """Source of the defaults: published RTL, measured at its pins."""

    burst: Annotated[PositiveInt, Doc("beats of the longest burst")] = 128
    outstanding: Annotated[PositiveInt, Doc("bursts in flight")] = 16
    buffer: Annotated[PositiveInt, Doc("beats kept until the engine takes them")] = 2048

    def __post_init__(self) -> None:
        if self.buffer < self.burst:
            raise ValueError(f"buffer must hold a burst of {self.burst} beats, not {self.buffer}")


@dataclass(frozen=True, kw_only=True)
class WritePortParams:
    """Source of the defaults: published RTL, measured at its pins; the buffer by its block RAM."""

    burst: Annotated[PositiveInt, Doc("beats of the longest burst")] = 128
    buffer: Annotated[PositiveInt, Doc("beats kept until they are written")] = 2048

    def __post_init__(self) -> None:
        if self.buffer < self.burst:
            raise ValueError(f"buffer must hold a burst of {self.burst} beats, not {self.buffer}")


class _Port:
    def __init__(self, engine: Engine, name: str, width: int, params: ReadPortParams | WritePortParams):
        self.engine = engine
        self.params = params
        self.sim = engine.sim
        self.clock = engine.clock
        self.name = name
        self.width = width  # bytes a beat
        self.socket: InitiatorSocket = engine.initiator_socket(name)
        self.path = self.socket.path
        self.bursts: list[tuple[int, int, int, int]] = []
        self.wait = 0
        self.streams: list[Any] = []  # of this call; only the last of them where no gauges are asked for

    def reset(self) -> None:
        """Before a call."""
        self.bursts.clear()
        self.streams.clear()
        self.wait = 0

    def opened(self, stream: Any) -> None:
        if not self.sim.gauges:
            self.streams.clear()
        self.streams.append(stream)

    def gauge(self, start: int, end: int) -> Gauge:
        """How full the buffer was."""
        comes, goes = zip(*(stream.passed for stream in self.streams), strict=True)
        name = f"{self.path} buffer"
        return Gauge.of(name, self.params.buffer, np.concatenate(comes), np.concatenate(goes), start, end)

    @property
    def leads_to(self) -> str:
        """The socket behind the port."""
        target = self.socket.target
        return target.path if target else "nobody"

    @property
    def bytes(self) -> int:
        """Moved in this call."""
        return sum(burst[3] for burst in self.bursts) * self.width

    def activity(self, command: Command, start: int) -> PortActivity:
        rows = np.array(self.bursts, dtype=np.int64).reshape(-1, 4)
        rows[:, :3] -= start
        beats = int(rows[:, 3].sum())
        return PortActivity(self.path, command.value, beats, beats * self.width, rows, self.wait)

    def peek(self, address: int, length: int) -> bytearray:
        """Bytes from the memory behind the port, in zero time."""
        return self._debug(Command.READ, address, bytearray(length))

    def poke(self, address: int, data: bytearray) -> None:
        """Bytes into the memory behind the port, in zero time."""
        self._debug(Command.WRITE, address, data)

    def _debug(self, command: Command, address: int, data: bytearray) -> bytearray:
        payload = GenericPayload(command, address, len(data), 1, self.path, data)
        self.socket.transport_dbg(payload)
        if payload.status is not ResponseStatus.OK:
            self.refuse(payload)
        return data

    def refuse(self, payload: GenericPayload) -> None:
        raise AddressError(
            f"{self.path}: {payload.command.value} of {payload.length} bytes at {payload.address:#x}: "
            f"{payload.status.value}"
        )

    def split(self, address: int, beats: int, longest: int) -> list[tuple[int, int]]:
        """(address, beats) of each burst."""
        if beats * self.width + address % PAGE <= PAGE and beats <= longest:
            return [(address, beats)]
        bursts = []
        while beats:
            n = min(longest, beats, max(1, (PAGE - address % PAGE) // self.width))
            bursts.append((address, n))
            address += n * self.width
            beats -= n
        return bursts


class ReadPort(_Port):
    """A read master. One stream at a time; its state starts afresh with each call."""

    def __init__(self, engine: Engine, name: str, width: int, params: ReadPortParams):
        super().__init__(engine, name, width, params)
        self.params: ReadPortParams = params
        self.reset()

    def reset(self) -> None:
        super().reset()
        self.address_at = -1  # cycle of the last address

    def read(self, address: int, beats: int, start: int) -> ReadStream:
        """Read `beats` consecutive beats; the first address goes out at cycle `start` or later."""
        return ReadStream(
            self, self.split(address, beats, self.params.burst), start, self.params.outstanding, 1
        )

    def read_rows(self, addresses: list[int], beats: int, start: int) -> ReadStream:
        """Read rows of `beats` consecutive beats each, in this order, as `read` would one after the other."""
        bursts = [burst for a in addresses for burst in self.split(a, beats, self.params.burst)]
        return ReadStream(self, bursts, start, self.params.outstanding, 1)

    def read_singles(self, addresses: list[int], start: int, in_flight: int, turnaround: int) -> ReadStream:
        """Read a beat per address; the next address waits `turnaround` cycles behind the beat `in_flight` before."""
        return ReadStream(self, [(a, 1) for a in addresses], start, in_flight, turnaround)


class ReadStream:
    """Beats of one transfer. `arrivals[:known]` are the cycles at which they can be taken.

    The first could come at `start` + 1 and one every cycle from then on.
    """

    def __init__(
        self, port: ReadPort, bursts: list[tuple[int, int]], start: int, outstanding: int, turnaround: int
    ):
        self.port = port
        self.beats = sum(n for _, n in bursts)
        self.arrivals: Cycles = np.empty(self.beats, dtype=np.int64)
        self.known = 0
        self._taken: Cycles = np.empty(self.beats, dtype=np.int64)
        self._taken_known = 0
        self.start = start
        self._bursts = bursts
        self._outstanding = outstanding
        self._turnaround = turnaround
        self._ends: list[int] = []  # cycle of the last beat of each burst that is in the buffer
        self._flight: deque[_Flying] = deque()
        self._wake: Any = None  # the event that _issue waits for
        self._more: Any = None  # the event that the engine waits for
        self._wanted = 0
        self._acting = False
        self._buffer = port.params.buffer
        self._next_cycle = port.clock.next_cycle
        port.opened(self)
        port.sim.env.process(self._issue())

    @property
    def ahead(self) -> int:
        """Beats that come for certain before the first of them is taken."""
        return self._buffer - self.port.params.burst + 1

    @property
    def passed(self) -> tuple[Cycles, Cycles]:
        """When beats came into the buffer and left it; a beat on its way through has its place for a cycle."""
        return self.arrivals[: self._taken_known], self._taken[: self._taken_known] + 1

    @property
    def occupancy(self) -> str:
        """What is in the buffer and on its way."""
        port, beats = self.port, sum(f.left for f in self._flight)
        text = f"{port.path} buffer: {self.known - self._taken_known} of {self._buffer} beats"
        if not beats:
            return text
        return f"{text}, {beats} more in {len(self._flight)} bursts from {port.leads_to}"

    def until(self, n: int) -> Generator[Any, Any, int]:
        """Wait until at least `n` beats are known; returns how many are."""
        n = min(n, self.beats)
        if self.known < n:
            sim, path = self.port.sim, self.port.path
            self._wanted = n
            self._more = sim.env.event()
            sim.waiting[self.port.engine.name] = f"beat {n} of {self.beats} on {path}"
            event = self._more
            if self._flight:
                self._settle()
            yield event
            del sim.waiting[self.port.engine.name]
        return self.known

    def all(self) -> Generator[Any, Any, Cycles]:
        """Wait for all beats, taking each as it comes; returns their arrivals."""
        done = 0
        while done < self.beats:
            known = yield from self.until(done + self.ahead)
            self.take(self.arrivals[done:known])
            done = known
        self.port.wait += int(self.arrivals[-1]) - self.start - self.beats
        return self.arrivals

    def take(self, at: Cycles) -> None:
        """The next beats leave the buffer at these cycles."""
        n = len(at)
        self._taken[self._taken_known : self._taken_known + n] = at
        self._taken_known += n
        if self._flight:
            self._settle()

    def _issue(self) -> Generator[Any, Any, None]:
        port = self.port
        env, clock, may_act = port.sim.env, port.clock, port.sim.quantum.may_act
        send = port.socket.nb_transport
        for k, (address, beats) in enumerate(self._bursts):
            cycle = max(self.start, port.address_at + 1)
            if k >= self._outstanding:
                while len(self._ends) <= k - self._outstanding:
                    self._tell()
                    self._wake = env.event()
                    port.sim.waiting[port.path] = f"room in its buffer of {port.params.buffer} beats"
                    yield self._wake
                    port.sim.waiting.pop(port.path, None)
                cycle = max(cycle, self._ends[k - self._outstanding] + self._turnaround)
            at = clock.edge(cycle)
            if self._more is not None and cycle > self._quiet():
                self._tell()
            if at < env.now:
                cycle = clock.next_cycle(int(env.now) - 1)
                at = clock.edge(cycle)
            elif not may_act(at):
                self._tell()
                yield env.timeout(at - int(env.now))
            port.address_at = cycle
            payload = GenericPayload(Command.READ, address, beats, port.width, port.path)
            payload.listener = self._received
            payload.watcher = self._moving
            self._flight.append(_Flying(payload, cycle))
            self._acting = True
            send(payload, at)
            self._acting = False
        self._tell()

    def _quiet(self) -> int:
        """Until this cycle nothing that the engine does with the beats it waits for can be seen outside."""
        if self.known < self._wanted:
            return FAR
        return max(int(self.arrivals[self._wanted - 1]), self.port.engine.produced_until)

    def _moving(self, payload: GenericPayload) -> None:
        """Some beats of a burst are known, not yet all."""
        for flying in self._flight:
            if flying.payload is payload:
                flying.runs = len(payload.runs)
                break
        if self._flight[0].payload is payload:
            self._settle()

    def _received(self, payload: GenericPayload) -> None:
        if payload.status is not ResponseStatus.OK:
            self.port.refuse(payload)
        self._settle()

    def _tell(self) -> None:
        """Wake the engine if what it waits for is known; put off while nothing it then does comes before
        the next address."""
        if self._more is not None and self.known >= self._wanted and not self._acting:
            event, self._more = self._more, None
            event.succeed()

    def _settle(self) -> None:
        """Put what has come into the buffer, in order, as far as the engine makes room."""
        flight = self._flight
        before = len(self._ends)
        while flight:
            flying = flight[0]
            payload = flying.payload
            runs = payload.runs
            if payload.status is not ResponseStatus.INCOMPLETE:
                flying.runs = len(runs)
            while flying.placed < flying.runs:
                run = runs[flying.placed]
                # an engine that waits for more than the buffer holds takes it as it comes
                if self.known + run[2] > self._taken_known + self._buffer and (
                    self._more is None or self.known >= self._wanted
                ):
                    break
                begin, flying.end = self._place(run)
                if not flying.placed:
                    flying.begin = begin
                flying.placed += 1
                flying.left -= run[2]
            if flying.left:
                break
            flight.popleft()
            self._ends.append(flying.end)
            self.port.bursts.append((flying.cycle, flying.begin, flying.end, payload.beats))
        if self._more is not None:
            self._tell()
        if self._wake is not None and len(self._ends) > before:
            event, self._wake = self._wake, None
            event.succeed()

    def _place(self, run: tuple[int, int, int]) -> tuple[int, int]:
        """Arrivals of beats from the times at which they came; returns the first and the last."""
        first, last, n = run
        low, high = self.known, self.known + n
        arrivals = self.arrivals
        # a run's ends are edges of a clock rounded to 1 ps
        begin = end = self._next_cycle(first - 1)
        if n == 1:
            arrivals[low] = begin
        else:
            end = max(self._next_cycle(last - 1), begin + n - 1)
            if end - begin == n - 1:
                arrivals[low:high] = np.arange(begin, end + 1)
            else:
                steps = np.arange(n, dtype=np.int64) * (begin - end)
                arrivals[low:high] = begin - steps // (n - 1)
        self.known = high
        # a beat needs the place of the one a buffer's length before
        held = max(low, self._buffer)
        until = min(high, self._buffer + self._taken_known)
        if held >= until:
            return begin, end
        places = self._taken[held - self._buffer : until - self._buffer] + 1
        np.maximum(arrivals[held:until], places, out=arrivals[held:until])
        return int(arrivals[low]), int(arrivals[high - 1])


class _Flying:
    """A burst on its way: the cycle of its address, its beats still to be placed, runs announced and placed."""

    __slots__ = ("begin", "cycle", "end", "left", "payload", "placed", "runs")

    def __init__(self, payload: GenericPayload, cycle: int):
        self.payload = payload
        self.cycle = cycle
        self.left = payload.beats
        self.runs = 0
        self.placed = 0
        self.begin = self.end = 0


class WritePort(_Port):
    """A write master. One stream at a time."""

    def __init__(self, engine: Engine, name: str, width: int, params: WritePortParams):
        super().__init__(engine, name, width, params)

    def write(self, address: int, beats: int) -> WriteStream:
        return WriteStream(self, self.split(address, beats, self.params.burst), beats)


class WriteStream:
    """Beats of one transfer on their way out."""

    def __init__(self, port: WritePort, bursts: list[tuple[int, int]], beats: int):
        self.port = port
        self.beats = beats
        self.produced: Cycles = np.empty(beats, dtype=np.int64)
        self.known = 0
        self.drained: Cycles = np.empty(beats, dtype=np.int64)  # cycle at which a beat leaves the buffer
        self.gone = 0
        self._bursts = bursts
        self._ends = list(accumulate(n for _, n in bursts))
        self._wake: Any = None
        self._moved: Any = None
        self._idle: Any = None
        self._taken: Any = None
        self._responses = 0
        self._last_response = 0
        self._done = port.sim.env.event()
        port.opened(self)
        port.sim.env.process(self._issue())

    @property
    def passed(self) -> tuple[Cycles, Cycles]:
        """When beats came into the buffer and left it."""
        return self.produced[: self.gone], self.drained[: self.gone] + 1

    @property
    def occupancy(self) -> str:
        """What is in the buffer."""
        return (
            f"{self.port.path} buffer: {self.known - self.gone} of {self.port.params.buffer} beats, "
            f"{self.gone} of {self.beats} written, {len(self._ends)} bursts, {self._responses} answered"
        )

    def push(self, at: Cycles) -> Generator[Any, Any, int]:
        """The next beats would be produced at these cycles; a full buffer delays them and all behind them.

        Returns the delay of the last in cycles, which is also added to the port's waits.
        """
        late = 0
        done = 0
        while done < len(at):
            # up to the end of a burst, so that what has to leave first is complete
            part = at[done : done + self._ends[bisect_right(self._ends, self.known)] - self.known] + late
            room = yield from self.room(len(part))
            if room is not None:
                delays = np.maximum.accumulate(room - part).clip(min=0)
                part = part + delays
                late += int(delays[-1])
            self.produce(part)
            done += len(part)
        self.port.wait += late
        return late

    @property
    def burst_end(self) -> int:
        """How many beats are produced when the burst that is being filled is complete."""
        return self._ends[min(bisect_right(self._ends, self.known), len(self._ends) - 1)]

    @property
    def foreseeable(self) -> int:
        """For how many of the next beats `room` can tell before more is produced."""
        at = bisect_right(self._ends, self.known)
        return (self._ends[at - 1] if at else 0) + self.port.params.buffer - self.known

    @property
    def roomy(self) -> int:
        """For how many of the next beats it is known when they find room."""
        return self.gone + self.port.params.buffer - self.known

    def known_room(self, n: int) -> Cycles | None:
        """Earliest cycles at which the next `n` beats, at most `roomy`, find room; None where that is at once."""
        first = self.known - self.port.params.buffer
        last = first + n
        if last <= 0:
            return None
        room = np.full(n, -1, dtype=np.int64)
        room[max(0, -first) :] = self.drained[max(0, first) : last] + 1
        return room

    def room(self, n: int) -> Generator[Any, Any, Cycles | None]:
        """`known_room`, waiting until it is known."""
        last = self.known - self.port.params.buffer + n
        sim = self.port.sim
        while self.gone < last:
            self._moved = sim.env.event()
            sim.waiting[self.port.engine.name] = f"room for beat {self.known + n} on {self.port.path}"
            yield self._moved
            del sim.waiting[self.port.engine.name]
        return self.known_room(n)

    def produce(self, at: Cycles | list[int]) -> None:
        """The next beats are produced at these cycles."""
        n = len(at)
        self.produced[self.known : self.known + n] = at
        self.known += n
        if n:
            self.port.engine.produced_until = int(at[-1])
        if self._wake is not None:
            event, self._wake = self._wake, None
            event.succeed()

    def caught_up(self) -> Generator[Any, Any, None]:
        """Wait until every burst whose beats are all produced is on its way."""
        if self.gone < self._ends[-1] and self._ends[bisect_right(self._ends, self.gone)] <= self.known:
            self._idle = self.port.sim.env.event()
            yield self._idle

    def finished(self) -> Generator[Any, Any, int]:
        """Wait for the response to the last burst; returns the cycle of the last response."""
        if not self._done.triggered:
            sim = self.port.sim
            sim.waiting[self.port.engine.name] = f"the last response on {self.port.path}"
            yield self._done
            del sim.waiting[self.port.engine.name]
        return self._last_response

    def _issue(self) -> Generator[Any, Any, None]:
        port = self.port
        env, clock, may_act = port.sim.env, port.clock, port.sim.quantum.may_act
        done = 0
        free = -1
        for address, beats in self._bursts:
            done += beats
            while self.known < done:
                if self._idle is not None:
                    event, self._idle = self._idle, None
                    event.succeed()
                self._wake = env.event()
                port.sim.waiting[port.path] = f"beat {done} of {self.beats} from {port.engine.name}"
                yield self._wake
                port.sim.waiting.pop(port.path, None)
            produced = int(self.produced[done - 1])
            cycle = max(free, produced)
            at = clock.edge(cycle)
            if at < env.now:
                cycle = clock.next_cycle(int(env.now) - 1)
                at = clock.edge(cycle)
            elif not may_act(at):
                yield env.timeout(at - int(env.now))
            payload = GenericPayload(Command.WRITE, address, beats, port.width, port.path)
            payload.listener = self._responded
            payload.watcher = self._taking
            port.socket.nb_transport(payload, at)
            while sum(run[2] for run in payload.runs) < beats:
                self._taken = env.event()
                port.sim.waiting[port.path] = f"{port.leads_to} to take {beats} beats"
                yield self._taken
                port.sim.waiting.pop(port.path, None)
            first, last = self._drain(payload.runs)
            port.bursts.append((cycle, first, last, beats))
            free = last + 1
            if self._moved is not None:
                event, self._moved = self._moved, None
                event.succeed()
        if self._idle is not None:
            self._idle.succeed()
        # what the last burst ends later than its production and length account for
        port.wait += free - produced - beats

    def _drain(self, runs: list[tuple[int, int, int]]) -> tuple[int, int]:
        """The beats of a burst leave the buffer; returns the cycles of the first and of the last."""
        next_cycle = self.port.clock.next_cycle
        first = last = -1
        for start, end, n in runs:
            begin = max(next_cycle(start - 1), last + 1)
            last = max(next_cycle(end - 1), begin + n - 1)
            steps = np.arange(n, dtype=np.int64) * (last - begin)
            self.drained[self.gone : self.gone + n] = begin + steps // max(1, n - 1)
            self.gone += n
            if first < 0:
                first = begin
        return first, last

    def _taking(self, _: GenericPayload) -> None:
        """Some beats of a burst are on their way, not yet all."""
        if self._taken is not None:
            event, self._taken = self._taken, None
            event.succeed()

    def _responded(self, payload: GenericPayload) -> None:
        if payload.status is not ResponseStatus.OK:
            self.port.refuse(payload)
        self._responses += 1
        self._last_response = max(self._last_response, self.port.clock.next_cycle(payload.response - 1))
        self._taking(payload)
        if self._responses == len(self._bursts):
            self._done.succeed()
