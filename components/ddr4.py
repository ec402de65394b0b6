"""DRAM with its controller: ports, a port arbiter, a scheduler a channel.

A port takes bursts; one atom (the shortest access of the DRAM) after the other goes through the port arbiter into
the stores of its channel's scheduler. UG1085 describes the controller of the Zynq UltraScale+ so.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import MultipleOf

from components.address_mapping import AddressMapping
from components.dram_channel import DramChannel
from components.dram_port import Burst, Departure, DramPort, ReadQueue
from components.dram_scheduler import ACTIVATE, FAR, PRECHARGE, READ, WRITE, DramScheduler
from components.dram_scheduler import Command as Decision
from components.dram_timing import DramDevice, load_device, presets
from components.port_arbiter import PortArbiter
from components.storage import Storage
from tlm.component import Component
from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.units import SECOND, Address, Bits, Bytes, Check, Clock, Cycles, Doc, PositiveInt


@dataclass(frozen=True, kw_only=True)
class Ddr4Params:
    """Cycles are those of the controller.

    `starve` and `write_timeout` are registers that the ZCU102's boot loader sets (PERFLPR1, PERFWR1, PCFGWQOS1; the
    timeouts are those of video traffic, docs/bandwidth.md); the write store is the controller's own size, the
    `read_turn` the DRAM's. What they leave open is calibrated with the bandwidth that was measured on the board
    (300 MHz, FPT 2019): the limits of an initiator and of a port, `store_timeout`, `fewest_writes`, `row_hold`,
    `read_front`, `write_front`, `data_path`, credits. So are four that have a register, since another figure fits
    better: 30 `reads` (33 in SCHED), a `run` of 12 (8 in PERFLPR1 and PERFWR1), an `idle_gap` of 14 (1 in SCHED)
    and a `read_timeout` of 190 (79 in PCFGQOS1).
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
    reads: Annotated[PositiveInt, Doc("entries of a channel's read store")] = 30
    writes: Annotated[PositiveInt, Doc("entries of a channel's write store")] = 64
    bursts: Annotated[
        PositiveInt, Doc("read bursts of an initiator from the arbiter to the last of their data")
    ] = 6
    initiator_writes: Annotated[PositiveInt, Doc("entries of the write store that an initiator may have")] = (
        22
    )
    write_buffer: Annotated[
        Bytes, Doc("write data of a port from their first beat to the store; a burst begins below it")
    ] = 192
    read_timeout: Annotated[
        Cycles, Doc("reads are critical once one in the store came to its port so long ago")
    ] = 190
    store_timeout: Annotated[Cycles, Doc("or into the store so long ago")] = 97
    write_timeout: Annotated[Cycles, Doc("writes are critical once one came into the store so long ago")] = 79
    starve: Annotated[
        Cycles, Doc("so are reads or writes that wait so long while none is served, for a run")
    ] = 64
    run: Annotated[PositiveInt, Doc("accesses of such a run")] = 12
    fewest_writes: Annotated[
        PositiveInt, Doc("writes that go, once it is their turn, before critical reads")
    ] = 3
    idle_gap: Annotated[Cycles, Doc("from the last read to the turn to writes that are not critical")] = 14
    row_hold: Annotated[Cycles, Doc("among reads a row stays open so long behind an access")] = 18
    read_turn: Annotated[Cycles, Doc("from the turn to reads to the first read")] = 14
    read_front: Annotated[Cycles, Doc("from a read's arrival at a port to the store")] = 11
    write_front: Annotated[Cycles, Doc("from a write's data at a port to the store")] = 3
    data_path: Annotated[Cycles, Doc("from the data on the DRAM's bus to the port")] = 15
    read_credit: Annotated[Cycles, Doc("from a read command to the next use of its entry")] = 60
    write_credit: Annotated[Cycles, Doc("from a write command to the next use of its entry")] = 60
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
                fewest_writes=params.fewest_writes,
                idle_gap=params.idle_gap,
                row_hold=params.row_hold,
                read_turn=params.read_turn,
            )
            for _ in range(device.channels)
        ]
        beat = params.port_width // 8
        self._ports = [
            DramPort(
                self.memory_clock,
                atom=device.atom,
                beat=beat,
                bursts=params.bursts,
                write_buffer=params.write_buffer,
            )
            for _ in range(params.ports)
        ]
        self.arbiters = [
            PortArbiter(
                self._ports,
                self.mapping,
                channel,
                scheduler,
                atom=device.atom,
                beat=beat,
                reads=params.reads,
                writes=params.writes,
                initiator_writes=params.initiator_writes,
                read_timeout=params.read_timeout,
                store_timeout=params.store_timeout,
                write_timeout=params.write_timeout,
                write_pace=params.write_pace,
                write_front=params.write_front,
            )
            for channel, scheduler in enumerate(self.schedulers)
        ]
        for i, port in enumerate(self._ports):
            self.target_socket(f"port{i}", partial(self._transport, port), self.storage.transport_dbg)
        self._counted = {c: f"{name}.{c.value}_bytes" for c in Command}
        self._device_bytes = f"{name}.device_bytes"
        self._commanded = {ACTIVATE: f"{name}.activates", PRECHARGE: f"{name}.precharges"}
        self._turned = {READ: f"{name}.turns_to_read", WRITE: f"{name}.turns_to_write"}
        self._atom = device.atom
        self._beat = beat
        self._read_delay = device.cl + device.burst + params.data_path
        self._now = 0  # cycle up to which all is decided
        self._running = False
        self._asked = True  # something has changed for the arbiters
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
        lost = to_read * (d.write_to_read_s - d.t_ccd_s) + to_write * (d.read_to_write - d.t_ccd_s)
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
        waiting = sum(port.reads + len(port.coming) + len(port.writes) for port in self._ports)
        stored = sum(scheduler.reading + scheduler.writing for scheduler in self.schedulers)
        if not waiting + stored:
            return []
        return [f"{self.name}: {waiting} bursts at its ports, {stored} accesses in its stores"]

    def phase(self) -> Hashable | None:
        busy = any(scheduler.reading or scheduler.writing for scheduler in self.schedulers)
        if busy or any(port.reads or port.coming or port.writes for port in self._ports):
            return None
        # open rows and the time to the next refresh are hardly ever the same twice
        return None if self.params.every_call else ()

    def _transport(self, port: DramPort, payload: GenericPayload, at: int) -> None:
        base = payload.address - self.params.base
        length = payload.beats * payload.width
        if not 0 <= base <= self.device.size - length:
            payload.complete(at, ResponseStatus.ADDRESS_ERROR)
            return
        self.trace.counters[self._counted[payload.command]] += length
        clock, params = self.memory_clock, self.params
        is_read = payload.command is Command.READ
        front = params.read_front if is_read else params.write_front
        burst = Burst(payload, clock.next_cycle(at), front, base, length, self._atom)
        port.accept(burst, self._queue(port, payload.initiator) if is_read else None)
        self._asked = True
        if not self._running:
            self._sleep(clock.edge(burst.arrival if is_read else burst.first))

    def _queue(self, port: DramPort, initiator: str) -> ReadQueue:
        """Of an initiator's reads at a port; the arbiters hear of a new one."""
        queue = port.queues.get(initiator)
        if queue is None:
            queue = port.queues[initiator] = ReadQueue(port, initiator)
            for arbiter in self.arbiters:
                arbiter.attend(queue)
        return queue

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
        self._running = self._asked = True
        may_act, edge = self.sim.quantum.may_act, self.memory_clock.edge
        coming = FAR
        while True:
            if self._asked or coming <= self._now:
                self._asked = False
                coming = self._admit()
            channel, decision = self._decide()
            at = coming if decision is None or coming <= decision[0] else decision[0]
            if at == FAR:
                break
            if not may_act(time := edge(at)):
                self._sleep(time)
                break
            self._now = max(self._now, at)  # a refresh may be due since before anything came
            if decision is not None and at < coming:
                self._do(channel, decision)
        self._running = False

    def _admit(self) -> int:
        """Let the arbiters work; the next cycle at which one can, FAR when that is not known yet."""
        now = self._now
        coming = FAR
        for port in self._ports:
            if port.coming:
                at = port.coming[0].first
                if at <= now:
                    at = port.take(now)
                if at < coming:
                    coming = at
        for arbiter in self.arbiters:
            coming = min(coming, arbiter.step(now))
            while arbiter.done:
                arbiter.done.pop().payload.complete(self.memory_clock.edge(now))
        return coming

    def _do(self, channel: int, decision: Decision) -> None:
        scheduler, counters = self.schedulers[channel], self.trace.counters
        at, command, _, _ = decision
        direction = scheduler.direction
        entry = scheduler.commit(*decision)
        if scheduler.direction != direction:
            counters[self._turned[scheduler.direction]] += 1
        if entry is None:
            if command in self._commanded:
                counters[self._commanded[command]] += 1
            return
        self._asked = self._asked or any(arbiter.stuck for arbiter in self.arbiters)
        counters[self._device_bytes] += self._atom
        arbiter = self.arbiters[channel]
        if command == READ:
            arbiter.read_credits.append(at + self.params.read_credit)
            entry.ready = at + self._read_delay
            self._return(entry.queue.port)
        else:
            address, initiator = entry
            arbiter.write_credits.append((at + self.params.write_credit, initiator))
            arbiter.combining.discard(address)

    def _decide(self) -> tuple[int, Decision | None]:
        """The channel that acts first, and what it does."""
        first, best = 0, self.schedulers[0].decide(self._now)
        for channel in range(1, len(self.schedulers)):
            decision = self.schedulers[channel].decide(self._now)
            if decision is not None and (best is None or decision[0] < best[0]):
                first, best = channel, decision
        return first, best

    def _return(self, port: DramPort) -> None:
        """Data go out in the order in which their reads went in, as the initiator takes them."""
        order, clock = port.order, self.memory_clock
        while order and order[0].ready < FAR:
            atom = order.popleft()
            burst = atom.burst
            payload = burst.payload
            upto = min(atom.address + self._atom, burst.end)
            size = upto - max(atom.address, burst.base)
            beats = -(-size // self._beat)
            begin = max(atom.ready, port.read_free)
            end = begin + beats - 1
            if payload.take is not None:
                end = payload.take(clock, begin, beats, size)
            port.read_free = end + 1
            if burst.begin < 0:
                burst.begin = begin
            if upto == burst.end:
                port.left.append(Departure(end + 1, atom.queue))
                payload.move(clock.edge(burst.begin), clock.edge(end), payload.beats)
                payload.complete(clock.edge(end))
