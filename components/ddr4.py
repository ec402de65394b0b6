"""DRAM with its controller: ports, a port arbiter, a scheduler a channel.

A port takes bursts; one atom (the shortest access of the DRAM) after the other goes through the port arbiter into
the stores of its channel's scheduler. UG1085 describes the controller of the Zynq UltraScale+ so.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import MultipleOf

from components.address_mapping import AddressMapping
from components.dram_channel import DramChannel
from components.dram_scheduler import ACTIVATE, FAR, PRECHARGE, READ, WRITE, DramScheduler
from components.dram_scheduler import Command as Decision
from components.dram_timing import DramDevice, load_device, presets
from components.storage import Storage
from tlm.component import Component
from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.units import SECOND, Address, Bits, Check, Clock, Cycles, Doc, PositiveInt


@dataclass(frozen=True, kw_only=True)
class Ddr4Params:
    """Cycles are those of the controller.

    Stores and turns are the registers of the ZCU102's boot loader. What they leave open is calibrated with the
    bandwidth measured on the board (300 MHz, FPT 2019) when ports read and write at once: `port_reads` and
    `starve` with bursts of 192 bytes and more, `gather` and `patience` with smaller ones at one port.
    """

    base: Annotated[Address, Doc("first address")] = 0
    device: Annotated[
        str, Check(presets().__contains__, f"one of {', '.join(presets())}"), Doc("the DRAM")
    ] = "ddr4-2133"
    mapping: Annotated[str | None, Doc("fields of an address from its top; the device's own by default")] = (
        None
    )
    ports: Annotated[PositiveInt, Doc("sockets port0, port1, ...")] = 1
    port_width: Annotated[Bits, MultipleOf(8), Doc("data of a port, each direction, a cycle")] = 128
    policy: Annotated[Literal["fr-fcfs", "fcfs"], Doc("order of service")] = "fr-fcfs"
    reads: Annotated[PositiveInt, Doc("entries of the read store")] = 33
    writes: Annotated[PositiveInt, Doc("entries of the write store")] = 64
    port_reads: Annotated[PositiveInt, Doc("reads of a port in the store")] = 12
    starve: Annotated[Cycles, Doc("writes left waiting so long get a run")] = 128
    run: Annotated[PositiveInt, Doc("writes of such a run")] = 8
    patience: Annotated[Cycles, Doc("reads left waiting so long end the work on writes")] = 64
    gather: Annotated[PositiveInt, Doc("so many waiting reads end the work on writes too")] = 3
    front: Annotated[Cycles, Doc("from the arrival at a port to the store; an estimate")] = 8
    data_path: Annotated[Cycles, Doc("from the data on the DRAM's bus to the port; an estimate")] = 10
    credit: Annotated[Cycles, Doc("from a read command to the next use of its entry")] = 20
    write_pace: Annotated[Cycles, Doc("cycles a write into the store: 256 bit a cycle")] = 2
    every_call: Annotated[
        bool,
        Doc(
            "work out every call of an engine; else equal calls take the time of the first, with its refreshes"
        ),
    ] = False

    def __post_init__(self) -> None:
        _mapping(self.mapping, load_device(self.device))


def _mapping(order: str | None, device: DramDevice) -> AddressMapping:
    sizes = {
        "channel": device.channels,
        "row": device.rows,
        "bank": device.banks,
        "group": device.groups,
        "column": device.page // device.atom,
    }
    return AddressMapping(order or device.mapping, sizes, device.atom)


class _Port:
    def __init__(self) -> None:
        self.reads: deque[_Burst] = deque()
        self.writes: deque[_Burst] = deque()
        self.read_free = 0  # cycle from which the data channel is free
        self.write_free = 0
        self.in_store = 0  # reads


class _Burst:
    """A payload on its way through the controller."""

    __slots__ = ("address", "arrival", "base", "end", "first", "last", "left", "payload", "port")

    def __init__(self, payload: GenericPayload, port: _Port, arrival: int, base: int, atom: int):
        self.payload = payload
        self.port = port
        self.arrival = arrival  # cycle from which the arbiter sees it
        self.base = base  # offset in the memory
        self.end = base + payload.beats * payload.width
        self.address = base - base % atom  # of the next atom for the arbiter
        self.left = -(-(self.end - self.address) // atom)  # atoms not served yet
        self.first = FAR
        self.last = 0

    def __lt__(self, other: _Burst) -> bool:
        return self.arrival < other.arrival


class Ddr4(Component):
    Params = Ddr4Params
    params: Ddr4Params

    def __init__(self, sim: Any, name: str, params: Ddr4Params):
        super().__init__(sim, name, params)
        self.device = device = load_device(params.device)
        self.mapping = _mapping(params.mapping, device)
        self.storage = Storage(params.base, device.size)
        self.memory_clock = Clock(name, device.clock_hz)
        self.schedulers = [
            DramScheduler(
                DramChannel(device),
                policy=params.policy,
                starve=params.starve,
                run=params.run,
                patience=params.patience,
                gather=params.gather,
            )
            for _ in range(device.channels)
        ]
        self._ports = [_Port() for _ in range(params.ports)]
        for i, port in enumerate(self._ports):
            self.target_socket(f"port{i}", partial(self._transport, port), self.storage.transport_dbg)
        self._counted = {c: f"{name}.{c.value}_bytes" for c in Command}
        self._device_bytes = f"{name}.device_bytes"
        self._commanded = {ACTIVATE: f"{name}.activates", PRECHARGE: f"{name}.precharges"}
        self._turned = {READ: f"{name}.turns_to_read", WRITE: f"{name}.turns_to_write"}
        self._atom = device.atom
        self._beat = params.port_width // 8
        self._read_delay = device.cl + device.burst + params.data_path
        self._now = 0  # cycle up to which all is decided
        self._read_turn = 0
        self._write_turn = 0
        self._reading = 0  # entries of the read stores in use
        self._writing = 0
        self._credits: deque[tuple[int, _Port]] = deque()  # when entries of the read stores become free
        self._write_free = 0  # cycle from which a write may enter
        self._combined: set[int] = set()  # atoms that wait to be written
        self._running = False
        self._wake_at = FAR

    @property
    def peak_bandwidth(self) -> float:
        """Bytes a second."""
        return self.device.peak_bandwidth

    @property
    def addresses(self) -> range:
        return range(self.storage.base, self.storage.base + self.storage.size)

    def describe(self) -> str:
        """The assumption in words, for the head of a report."""
        d = self.device
        channels = "one shared DRAM channel" if d.channels == 1 else f"{d.channels} shared DRAM channels"
        return f"{channels}, {self.params.device}, {self.peak_bandwidth / 1e9:.2f} GB/s peak, {self.params.policy}"

    def statistics(self, elapsed: int) -> dict[str, float]:
        """What the DRAM did in the first `elapsed` ps. Shares of rows are of column commands, others of the time."""
        d, counters = self.device, self.trace.counters
        moved = counters[self._device_bytes]
        columns = max(1, moved // d.atom)
        opened, closed = counters[self._commanded[ACTIVATE]], counters[self._commanded[PRECHARGE]]
        to_read, to_write = counters[self._turned[READ]], counters[self._turned[WRITE]]
        lost = to_read * (d.write_to_read - d.t_ccd_s) + to_write * (d.read_to_write - d.t_ccd_s)
        return {
            "row_hits": 1 - opened / columns,
            "row_misses": (opened - closed) / columns,
            "row_conflicts": closed / columns,
            "refresh": elapsed // d.t_refi * d.t_rfc / elapsed,
            "turns": to_read + to_write,
            "turnaround": self.memory_clock.edge(lost) / d.channels / elapsed,
            "data_bus": moved * SECOND / d.peak_bandwidth / elapsed,
            "wanted": sum(counters[name] for name in self._counted.values()) / max(1, moved),
        }

    def occupancy(self) -> list[str]:
        waiting = sum(len(port.reads) + len(port.writes) for port in self._ports)
        stored = sum(scheduler.reading + scheduler.writing for scheduler in self.schedulers)
        if not waiting + stored:
            return []
        return [f"{self.name}: {waiting} bursts at its ports, {stored} accesses in its stores"]

    def phase(self) -> Hashable | None:
        busy = any(scheduler.reading or scheduler.writing for scheduler in self.schedulers)
        if busy or any(port.reads or port.writes for port in self._ports):
            return None
        # open rows and the time to the next refresh are hardly ever the same twice
        return None if self.params.every_call else ()

    def _transport(self, port: _Port, payload: GenericPayload, at: int) -> None:
        base = payload.address - self.params.base
        length = payload.beats * payload.width
        if not 0 <= base <= self.device.size - length:
            payload.complete(at, ResponseStatus.ADDRESS_ERROR)
            return
        self.trace.counters[self._counted[payload.command]] += length
        clock = self.memory_clock
        arrival = clock.next_cycle(at)
        if payload.command is Command.READ:
            queue = port.reads
        else:
            queue = port.writes
            begin = max(arrival, port.write_free)
            port.write_free = arrival = begin + -(-length // self._beat)
            payload.runs.append((clock.edge(begin), clock.edge(arrival - 1), payload.beats))
        burst = _Burst(payload, port, arrival + self.params.front, base, self._atom)
        if queue and queue[-1].arrival > burst.arrival:
            insort(queue, burst)
        else:
            queue.append(burst)
        if not self._running:
            self._sleep(clock.edge(burst.arrival))

    def _sleep(self, time: int) -> None:
        if time < self._wake_at:
            self._wake_at = time
            wake = self.env.timeout(max(0, time - int(self.env.now)))
            wake.callbacks.append(self._woken)

    def _woken(self, _: Any) -> None:
        if self.env.now >= self._wake_at:
            self._wake_at = FAR
            self._advance()

    def _advance(self) -> None:
        """Decide as far ahead as nobody can ask for anything before."""
        self._running = True
        may_act, edge = self.sim.quantum.may_act, self.memory_clock.edge
        while True:
            coming = self._admit()
            scheduler, decision = self._decide()
            at = coming if decision is None or coming <= decision[0] else decision[0]
            if at == FAR:
                break
            if not may_act(time := edge(at)):
                self._sleep(time)
                break
            self._now = max(self._now, at)  # a refresh may be due since before anything came
            if decision is not None and at < coming:
                self._count(scheduler, decision[1])
                entry = scheduler.commit(*decision)
                if entry is not None:
                    self._serve(entry, decision[1], at)
        self._running = False

    def _count(self, scheduler: DramScheduler, command: int) -> None:
        counters = self.trace.counters
        if command in self._commanded:
            counters[self._commanded[command]] += 1
        elif command in self._turned and command != scheduler.direction:
            scheduler.direction = command
            counters[self._turned[command]] += 1

    def _decide(self) -> tuple[DramScheduler, Decision | None]:
        """The channel that acts first, and what it does."""
        chosen, *others = self.schedulers
        best = chosen.decide(self._now)
        for scheduler in others:
            decision = scheduler.decide(self._now)
            if decision is not None and (best is None or decision[0] < best[0]):
                best, chosen = decision, scheduler
        return chosen, best

    def _admit(self) -> int:
        """The port arbiter: atoms that have come go into the stores, port by port in turn, reads first.

        A write enters only when no read waits to: with reads of three ports in line, hardly any write was measured.
        Returns the cycle at which it can do more, FAR when that depends on what is still to come.
        """
        p, ports, now = self.params, self._ports, self._now
        count = len(ports)
        credits = self._credits
        while credits and credits[0][0] <= now:
            credits.popleft()[1].in_store -= 1
            self._reading -= 1
        coming = FAR
        held = False  # a read has come and finds no room
        step = self._read_turn
        seen = 0  # ports in a row with nothing to enter
        while seen < count:
            port = ports[step]
            step = step + 1 if step + 1 < count else 0
            seen += 1
            if not port.reads:
                continue
            burst = port.reads[0]
            if burst.arrival > now:
                if burst.arrival < coming:
                    coming = burst.arrival
            elif self._reading >= p.reads or port.in_store >= p.port_reads:
                held = True
            else:
                seen = 0
                self._reading += 1
                port.in_store += 1
                self._enter(burst, port.reads, True)
                self._read_turn = step
        if held:
            return min(coming, credits[0][0]) if credits else coming
        step = self._write_turn
        seen = 0
        while seen < count:
            port = ports[step]
            step = step + 1 if step + 1 < count else 0
            seen += 1
            if not port.writes:
                continue
            burst = port.writes[0]
            if burst.arrival > now:
                if burst.arrival < coming:
                    coming = burst.arrival
            elif self._write_free > now:
                return min(coming, self._write_free)
            elif burst.address in self._combined:
                seen = 0
                burst.left -= 1
                self._write_free = now + p.write_pace
                self._next(burst, port.writes, False)
                self._write_turn = step
            elif self._writing < p.writes:
                seen = 0
                self._writing += 1
                self._write_free = now + p.write_pace
                self._combined.add(burst.address)
                self._enter(burst, port.writes, False)
                self._write_turn = step
        return coming

    def _enter(self, burst: _Burst, queue: deque[_Burst], is_read: bool) -> None:
        address = burst.address
        channel, bank, row = self.mapping.locate(address)
        self.schedulers[channel].add(is_read, bank, row, (burst, address), self._now)
        self._next(burst, queue, is_read)

    def _next(self, burst: _Burst, queue: deque[_Burst], is_read: bool) -> None:
        """The arbiter goes on to the next atom. A write is answered when all of it is in the store."""
        burst.address += self._atom
        if burst.address >= burst.end:
            queue.popleft()
            if not is_read:
                burst.payload.complete(self.memory_clock.edge(self._now))

    def _serve(self, entry: tuple[_Burst, int], command: int, at: int) -> None:
        """A read or write command has gone out at cycle `at`."""
        burst, address = entry
        self.trace.counters[self._device_bytes] += self._atom
        if command != READ:
            self._writing -= 1
            self._combined.discard(address)
            return
        port = burst.port
        self._credits.append((at + self.params.credit, port))
        size = min(address + self._atom, burst.end) - max(address, burst.base)
        begin = max(at + self._read_delay, port.read_free)
        port.read_free = end = begin + -(-size // self._beat)
        if begin < burst.first:
            burst.first = begin
        if end - 1 > burst.last:
            burst.last = end - 1
        burst.left -= 1
        if not burst.left:
            payload, edge = burst.payload, self.memory_clock.edge
            payload.runs.append((edge(burst.first), edge(burst.last), payload.beats))
            payload.complete(edge(burst.last))
