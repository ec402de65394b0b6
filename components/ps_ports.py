"""The PL's AXI ports into the processing system of a Zynq UltraScale+, and the paths behind them.

Each port is an AXI FIFO interface (UG1085): it splits bursts at 16 beats of 128 bit, as AXI3 has them, keeps at
most 16 of those in flight and has data FIFOs of 128 beats. HP1 and HP2 share one path into the memory controller;
HPC0 and HPC1 go through the cache-coherent interconnect.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from annotated_types import Le, MultipleOf

from tlm.component import Component
from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.sockets import InitiatorSocket, TargetSocket
from tlm.units import Bits, Clock, ClockName, Cycles, Doc, Picoseconds, PositiveInt

PATHS = {"hp0": "path3", "hp1": "path4", "hp2": "path4", "hp3": "path5", "hpc0": "path1", "hpc1": "path2"}
PAGE = 4096  # bytes; no AXI burst crosses such a boundary


@dataclass(frozen=True, kw_only=True)
class PsPortsParams:
    """What UG1085 leaves open is calibrated with bandwidth measured on a ZCU102 (300 MHz, FPT 2019).

    There one port's reads of 16, 32 and 64 bytes come every 4.13, 4.19 and 4.28 cycles of its clock: 16 in flight
    that take 66 cycles, and a cycle more for each beat (1/16 = 0.06). With longer bursts a port loses about 1 % to
    refresh, the rest its read FIFO covers. The memory controller's share of these times is its own. How much of the
    66 cycles (220 ns) is the PL's, whatever its clock, only other clocks can tell: one cycle, by 16-byte reads that
    took 68.48 cycles, where they take 196 of 300 MHz (issue 1 of ZynqUSp-AXI-Speedtest, 2023, another ZCU102; its
    clock is not told, 100 MHz fits, docs/bandwidth.md). A `read_interval` of 13.3 ns leaves one port's bandwidth as
    it is, but has two ports' streams part as on the board; platforms/zcu102-axi-hp.yaml sets it, with a
    `read_tolerance` that lets a port of 100 MHz send two reads in two cycles.
    """

    clock: Annotated[ClockName, Doc("clock of the ports on the side of the PL; at most 333 MHz, DS925")] = (
        "fabric"
    )
    width: Annotated[Bits, MultipleOf(8), Doc("data of a port, each direction, a cycle")] = 128
    burst: Annotated[PositiveInt, Doc("beats of the longest burst behind the port")] = 16
    reads: Annotated[PositiveInt, Le(16), Doc("read bursts in flight of a port, until the PL has them")] = 16
    writes: Annotated[PositiveInt, Le(16), Doc("write bursts in flight of a port")] = 15
    read_interval: Annotated[
        Picoseconds,
        Doc(
            "a port's read bursts come no faster than one in that time; a cycle of the clock they always take"
        ),
    ] = 0
    read_tolerance: Annotated[
        Picoseconds, Doc("but one may be so much too early: limit of the generic cell rate algorithm")
    ] = 0
    read_fifo: Annotated[PositiveInt, Doc("beats of the read data FIFO that count")] = 32
    write_fifo: Annotated[PositiveInt, Doc("beats of the write data FIFO")] = 128
    read_request: Annotated[Picoseconds, Doc("a read's way to the memory controller")] = 91_650
    read_return: Annotated[Picoseconds, Doc("its data's way back to the FIFO")] = 44_167
    write_request: Annotated[Picoseconds, Doc("a write's way to the memory controller")] = 45_800
    write_return: Annotated[Picoseconds, Doc("its response's way back")] = 7_967
    crossing: Annotated[
        Cycles, Doc("of the PL's clock, data and responses into it, beside the wait for its edge")
    ] = 1
    coherent: Annotated[
        Picoseconds, Doc("more latency each way of HPC ports; an estimate, no measurement found")
    ] = 30_000

    def __post_init__(self) -> None:
        if self.write_fifo < self.burst:
            raise ValueError(f"write_fifo must hold a burst of {self.burst} beats, not {self.write_fifo}")


class PsPorts(Component):
    """Sockets hp0 to hp3, hpc0 and hpc1; path1 to path5 lead to the ports of the memory controller."""

    Params = PsPortsParams
    params: PsPortsParams

    def __init__(self, sim: Any, name: str, params: PsPortsParams):
        super().__init__(sim, name, params)
        paths = {path: self.initiator_socket(path) for path in sorted(set(PATHS.values()))}
        self._channels: list[_Channel] = []
        for port, path in PATHS.items():
            more = params.coherent if port.startswith("hpc") else 0
            reads = _ReadChannel(params, self.clock, f"{name}.{port}", paths[path], more)
            writes = _WriteChannel(params, self.clock, f"{name}.{port}", paths[path], more)
            self._channels += [reads, writes]
            transport = partial(self._transport, reads, writes)
            self.target_socket(port, transport, paths[path].transport_dbg)

    @property
    def links(self) -> dict[str, float]:
        """Bytes a second of each direction of the ports in use, by the name under which bytes are counted."""
        rate = self.params.width / 8 * self.clock.hz
        sockets = (self.sockets[name] for name in PATHS)
        return {s.path: rate for s in sockets if isinstance(s, TargetSocket) and s.initiators}

    def phase(self) -> Hashable | None:
        return None if any(channel.open for channel in self._channels) else ()

    def occupancy(self) -> list[str]:
        held = (
            f"{channel.name}: {channel.open} bursts under way" for channel in self._channels if channel.open
        )
        return list(held)

    def _transport(
        self, reads: _ReadChannel, writes: _WriteChannel, payload: GenericPayload, at: int
    ) -> None:
        channel = reads if payload.command is Command.READ else writes
        self.trace.counters[f"{channel.name}.{payload.command.value}_bytes"] += payload.length
        channel.accept(payload, at)


class _Whole:
    """A burst as the PL sent it, and how many of its bytes are still under way."""

    __slots__ = ("left", "payload", "status")

    def __init__(self, payload: GenericPayload):
        self.payload = payload
        self.left = payload.beats * payload.width
        self.status = ResponseStatus.OK

    def move(self, clock: Clock, begin: int, beats: int, end: int, length: int) -> int:
        """`length` bytes move in `beats` cycles of the port from `begin` to `end`; returns the end in ps."""
        payload = self.payload
        words = max(1, length // payload.width)
        first = begin + max(1, beats // words) - 1  # a wider word is there with its last beat
        last = clock.edge(end)
        if payload.watcher is not None:
            payload.move(clock.edge(min(first, end)), last, words)
            return last
        runs = payload.runs
        if runs and end - begin == beats - 1:
            start, until, before = runs[-1]
            step = max(1, beats // words)
            if until == clock.edge(first - step) and start == clock.edge(first - step * before):
                runs[-1] = start, last, before + words
                return last
        runs.append((clock.edge(min(first, end)), last, words))
        return last


class _Channel:
    def __init__(self, p: PsPortsParams, clock: Clock, name: str, path: InitiatorSocket, limit: int):
        self.clock = clock
        self.path = path
        self.name = name
        self.beat = p.width // 8
        self.longest = p.burst * self.beat
        self.queue: deque[tuple[_Whole, int, int, int]] = (
            deque()
        )  # burst, address, bytes and time of each part
        self.open = 0  # bursts under way
        self.limit = limit  # parts in flight
        self.freed: deque[int] = deque()  # when places in flight became free
        self.cycle = 0  # of the PL's clock: the data channel is free

    def split(self, payload: GenericPayload, at: int) -> None:
        self.open += 1
        whole = _Whole(payload)
        address, length = payload.address, whole.left
        while length:
            n = min(self.longest, length, PAGE - address % PAGE)
            self.queue.append((whole, address, n, at))
            address += n
            length -= n

    def place(self, flight: int, at: int) -> int:
        """When, from `at` on, a part has a place beside `flight` < `limit` others: the one that became free first."""
        return max(at, self.freed.popleft()) if flight + len(self.freed) >= self.limit else at

    def part(self, command: Command, address: int, length: int) -> GenericPayload:
        width = min(self.beat, length)
        return GenericPayload(command, address, length // width, width, self.name)

    def close(self, whole: _Whole, length: int, status: ResponseStatus, at: int) -> None:
        """`length` bytes are done at `at`; with the last of them the burst is."""
        if status is not ResponseStatus.OK:
            whole.status = status
        whole.left -= length
        if not whole.left:
            self.open -= 1
            whole.payload.complete(at, whole.status)


class _ReadPart:
    __slots__ = ("begin", "length", "payload", "whole")

    def __init__(self, payload: GenericPayload, whole: _Whole, length: int):
        self.payload = payload
        self.whole = whole
        self.length = length
        self.begin = -1  # cycle of the PL in which the first beat leaves the FIFO


class _ReadChannel(_Channel):
    def __init__(self, p: PsPortsParams, clock: Clock, name: str, path: InitiatorSocket, more: int):
        super().__init__(p, clock, name, path, p.reads)
        self.there = p.read_request + more
        self.back = p.read_return + more + clock.edge(p.crossing)
        self.flight: deque[_ReadPart] = deque()
        self.drained: deque[int] = deque(maxlen=p.read_fifo)  # when beats leave the FIFO
        self.interval = p.read_interval
        self.tolerance = p.read_tolerance
        self.earliest = 0  # time from which another part can go
        self.due = 0  # time from which it would go at the interval's pace
        self.sent = -1  # cycle of the memory controller in which it has sent the last beat

    def accept(self, payload: GenericPayload, at: int) -> None:
        self.split(payload, at)
        self._issue()

    def _issue(self) -> None:
        """Send the parts that may be in flight, each when it may."""
        while self.queue and len(self.flight) < self.limit:
            whole, address, length, at = self.queue.popleft()
            at = max(self.place(len(self.flight), at), self.earliest, self.due - self.tolerance)
            self.earliest = self.clock.edge(self.clock.next_cycle(at) + 1)
            self.due = max(self.due, at) + self.interval
            part = self.part(Command.READ, address, length)
            entry = _ReadPart(part, whole, length)
            part.take = partial(self._take, entry)
            part.listener = self._received
            self.flight.append(entry)
            self.path.nb_transport(part, at + self.there)

    def _take(self, entry: _ReadPart, target: Clock, first: int, beats: int, length: int) -> int:
        """`length` bytes that the target has from its cycle `first` on: the cycle in which it can send the last."""
        clock, drained, cycle, free = self.clock, self.drained, self.sent, self.cycle
        edge, full = target.edge, drained.maxlen
        words = -(-length // (beats * self.beat))  # cycles of the port for a beat of the target
        for _ in range(beats):
            cycle = cycle + 1 if cycle >= first else first
            at = edge(cycle)
            if len(drained) == full and drained[0] > at:
                cycle = target.next_cycle(drained[0])
                at = edge(cycle)
            out = clock.next_cycle(at + self.back)
            if out < free:
                out = free
            free = out + words
            drained.append(clock.edge(free - 1))
            if entry.begin < 0:
                entry.begin = out
        self.sent, self.cycle = cycle, free
        return cycle

    def _received(self, _: GenericPayload) -> None:
        """Data go to the PL in the order of the addresses."""
        flight, clock = self.flight, self.clock
        while flight and flight[0].payload.status is not ResponseStatus.INCOMPLETE:
            entry = flight.popleft()
            part, whole, length = entry.payload, entry.whole, entry.length
            end = part.response + self.back
            if part.runs:
                beats = -(-length // self.beat)
                if entry.begin < 0:  # the target did not ask
                    entry.begin = max(clock.next_cycle(part.runs[0][0] + self.back), self.cycle)
                    last = max(clock.next_cycle(part.runs[-1][1] + self.back), entry.begin + beats - 1)
                    self.cycle = last + 1
                end = whole.move(clock, entry.begin, beats, self.cycle - 1, length)
            self.freed.append(end)
            self.close(whole, length, part.status, end)
        self._issue()


class _WritePart:
    __slots__ = ("left", "length", "whole")

    def __init__(self, whole: _Whole, length: int):
        self.whole = whole
        self.length = length
        self.left = length  # bytes in the FIFO


class _WriteChannel(_Channel):
    def __init__(self, p: PsPortsParams, clock: Clock, name: str, path: InitiatorSocket, more: int):
        super().__init__(p, clock, name, path, p.writes)
        self.there = p.write_request + more
        self.back = p.write_return + more + clock.edge(p.crossing)
        self.flight = 0
        self.last = 0  # when the last part was sent
        self.fifo = p.write_fifo * self.beat
        self.stored = 0  # bytes of the FIFO
        self.sent: deque[tuple[int, int]] = deque()  # when bytes leave the FIFO
        self.full: deque[tuple[_Whole, int, int, int]] = deque()  # parts with all their data in the FIFO
        self.advancing = False

    def accept(self, payload: GenericPayload, at: int) -> None:
        self.split(payload, at)
        self._advance()

    def _advance(self) -> None:
        """Send what has all its data and take more from the PL, as far as either goes.

        Who hears of it may come back here at once; what that makes possible is done in its turn, not before it.
        """
        if self.advancing:
            return
        self.advancing = True
        while self._send() or self._fill():
            pass
        self.advancing = False

    def _fill(self) -> bool:
        """Take a part's data from the PL if the FIFO has room for it; whether it had."""
        if not self.queue:
            return False
        whole, address, length, at = self.queue[0]
        while self.stored + length > self.fifo and self.sent:
            room, n = self.sent.popleft()
            self.stored -= n
            at = max(at, room)
        if self.stored + length > self.fifo:
            self.queue[0] = (whole, address, length, at)
            return False
        self.queue.popleft()
        self.stored += length
        beats = -(-length // self.beat)
        begin = max(self.clock.next_cycle(at), self.cycle)
        self.cycle = begin + beats
        self.full.append((whole, address, length, self.clock.edge(self.cycle)))
        whole.move(self.clock, begin, beats, begin + beats - 1, length)
        return True

    def _send(self) -> bool:
        """Send a part to memory if it may be in flight; whether there was one."""
        if not self.full or self.flight >= self.limit:
            return False
        whole, address, length, at = self.full.popleft()
        self.last = max(self.last, self.place(self.flight, at))
        self.flight += 1
        part = self.part(Command.WRITE, address, length)
        entry = _WritePart(whole, length)
        part.watcher = partial(self._moved, entry)
        part.listener = partial(self._responded, entry)
        self.path.nb_transport(part, self.last + self.there)
        return True

    def _moved(self, entry: _WritePart, part: GenericPayload) -> None:
        """Data have left the FIFO: the PL can hear of the room before it is there."""
        _, last, beats = part.runs[-1]
        entry.left -= beats * part.width
        self.sent.append((last, beats * part.width))
        self._advance()

    def _responded(self, entry: _WritePart, part: GenericPayload) -> None:
        self.flight -= 1
        if entry.left:  # the target did not say when they moved
            self.sent.append((part.response, entry.left))
        at = part.response + self.back
        self.freed.append(at)
        self.close(entry.whole, entry.length, part.status, at)
        self._advance()
