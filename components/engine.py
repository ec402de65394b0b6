"""What all engines share: a control port, memory ports, capacities, and the record of a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass, field
from math import ceil
from typing import Annotated, Any

import numpy as np

from components.axi import PAGE, WIDTH_RULE, WIDTHS
from components.dma import (
    Cycles,
    ReadPort,
    ReadPortParams,
    ReadStream,
    WritePort,
    WritePortParams,
    WriteStream,
)
from components.fabric import read_port, write_port
from components.pipeline import NEVER, LockstepPipeline
from tlm.component import Component
from tlm.errors import UnfitError
from tlm.gauge import Gauge
from tlm.payload import Command, GenericPayload
from tlm.resources import Part
from tlm.trace import CallRecord, PortActivity
from tlm.units import Bits, Check, ClockName, Doc
from workloads import execution
from workloads.operations import Operation, Tensor

Address = Callable[[Tensor], int]
VALUE = 32  # bits of an activation


@dataclass(frozen=True, kw_only=True)
class EngineParams:
    clock: Annotated[ClockName, Doc("clock of the engine and its ports")] = "fabric"
    bus: Annotated[Bits, Check(WIDTHS.__contains__, WIDTH_RULE), Doc("width of a memory port")] = 256
    read: Annotated[ReadPortParams, Doc("each read port")] = field(default_factory=ReadPortParams)
    write: Annotated[WritePortParams, Doc("the write port")] = field(default_factory=WritePortParams)
    finish: Annotated[int, Doc("cycles from the last write response to the end of the call")] = 4


class CapacityError(UnfitError):
    """An operation does not fit a buffer of the engine."""


class Engine(Component):
    """Executes one operation at a time.

    A subclass names the operation it `executes`, opens its ports, and describes in `timing` what happens
    between the start and the end of a call.
    """

    executes: tuple[type[Operation], ...]
    params: EngineParams

    def __init__(self, sim: Any, name: str, params: EngineParams):
        super().__init__(sim, name, params)
        self.control = self.target_socket("control", self._registers)
        self.reads: list[ReadPort] = []
        self.writes: list[WritePort] = []
        self.fetches: dict[str, ReadPort] = {}  # by operand
        self.produced_until = NEVER  # cycle of the last word handed to the write port
        self._at_work = False
        self.stalls: Counter[str] = Counter()  # of this call, by FIFO

    def read_port(self, name: str, *operands: str) -> ReadPort:
        """A port that fetches these operands, fields of the operation."""
        port = ReadPort(self, name, self.params.bus // 8, self.params.read)
        self.reads.append(port)
        self.fetches |= dict.fromkeys(operands, port)
        return port

    def write_port(self, name: str, burst: int | None = None) -> WritePort:
        params = self.params.write
        if burst is not None:
            params = WritePortParams(burst=burst, buffer=max(burst, params.buffer))
        port = WritePort(self, name, self.params.bus // 8, params)
        self.writes.append(port)
        return port

    @property
    def couples(self) -> bool:
        return False

    def beats(self, bits: int) -> int:
        """Bus words that hold so many bits."""
        return ceil(bits / self.params.bus)

    @property
    def per_beat(self) -> int:
        """Activations in a bus word."""
        return self.params.bus // VALUE

    def shortages(self, op: Any) -> list[str]:  # noqa: ARG002 most engines have a limit and look
        """Why the operation does not fit, one text a buffer: need, capacity and the parameter to change."""
        return []

    def short(self, op: Operation, buffer: str, need: int, unit: str) -> list[str]:
        """`shortages` of one buffer, the parameter `buffer`."""
        capacity = getattr(self.params, buffer)
        if need <= capacity:
            return []
        return [
            f"{op.name} needs {need} {unit} in {self.name}, which holds {capacity}: "
            f"raise components.{self.name}.{buffer}"
        ]

    def bill(self) -> list[Part]:
        """What the engine instantiates: its ports, and the `datapath` behind them."""
        width, parts = self.params.bus, self.datapath()
        for reader in self.reads:
            parts += read_port(reader.name, width, reader.params.buffer)
        for writer in self.writes:
            parts += write_port(writer.name, width, writer.params.buffer)
        return parts

    def datapath(self) -> list[Part]:
        """Multipliers, memories and FIFOs. Source: the published sources and RTL."""
        return []

    def compute(self, op: Any) -> int:
        """Cycles in which the engine's busiest stage works during a call."""
        raise NotImplementedError

    def timing(self, op: Any, address: Address, start: int) -> Generator[Any, Any, int]:
        """Run one call from cycle `start`; returns the cycle of its end."""
        raise NotImplementedError

    def shape(self, op: Operation) -> Hashable:
        """What of an operation its timing depends on: operations of equal shape take equal time."""
        mode = getattr(op, "mode", None)
        return type(op), mode, tuple(t.shape for t in (*op.inputs, *op.outputs))

    def call(self, op: Operation, address: Address) -> Generator[Any, Any, CallRecord]:
        """Execute an operation that starts now; ends when the call does.

        Raises CapacityError when it does not fit.
        """
        if problems := self.shortages(op):
            raise CapacityError("\n".join(problems))
        sim = self.sim
        began = int(self.env.now)
        start = self.clock.next_cycle(began - 1)
        sim.running += 1
        self._at_work = True
        sim.started += 1
        ticket = sim.started
        alone = sim.running == 1
        # who may meet others on the way to memory is worked out anew
        key = self._circumstances(op, address) if sim.independent or (alone and sim.exclusive) else None
        record = sim.records.get(key) if key is not None else None
        if record is None:
            before = sim.trace.counters.copy()
            for port in (*self.reads, *self.writes):
                port.reset()
            self.produced_until = NEVER
            self.stalls.clear()
            end = yield from self.timing(op, address, start)
            yield from self._until(end)
            alone = alone and ticket == sim.started
            record = self._record(op, start, end, self._counts(before, alone))
            if key is not None and (alone or sim.independent):
                sim.records[key] = record
        else:
            sim.trace.replayed += 1
            yield from self._until(start + record.cycles)
            sim.trace.counters.update(record.counts)
        if sim.data:
            self.compute_data(op, address)
        sim.running -= 1
        self._at_work = False
        sim.trace.span(self.name, op.name, type(op).__name__, began, int(self.env.now), record)
        return record

    def compute_data(self, op: Operation, address: Address) -> None:
        """Read the operands where the ports fetch them, run the operation's kernel, write the result back.

        Takes no time: `timing` says when this happens.
        """
        operands = {}
        for name, port in self.fetches.items():
            if (tensor := getattr(op, name, None)) is not None:
                operands[name] = execution.unpack(op, name, port.peek(address(tensor), tensor.nbytes))
        (out,) = self.writes
        result = execution.compute(op, operands)
        out.poke(address(op.y), execution.pack(op, "y", result))

    def through(
        self,
        pipe: LockstepPipeline,
        stream: ReadStream,
        out: WriteStream,
        other: ReadStream | None = None,
        gate: int = NEVER,
    ) -> Generator[Any, Any, int]:
        """Stream words through a pipeline, one out for each in; returns the cycle of the call's end.

        With `other`, a word enters when both streams have it. None enters before `gate`.
        """
        gate = max(gate, stream.start + 1)
        done = 0
        while done < stream.beats:
            # nobody outside can notice a word before it completes a write burst or makes room for a read burst
            wanted = max(done + 1, min(out.burst_end + pipe.depth, done + stream.ahead))
            known = yield from stream.until(wanted)
            if other is not None:
                known = min(known, (yield from other.until(wanted)))
            arrivals = stream.arrivals[done:known]
            if other is not None:
                arrivals = np.maximum(arrivals, other.arrivals[done:known])
            entries, outputs = pipe.feed(arrivals, gate)
            stream.take(entries)
            if other is not None:
                other.take(entries)
            yield from self.give(pipe, out, outputs)
            done = known
        stream.port.wait += pipe.waited
        yield from self.give(pipe, out, pipe.drain())
        return (yield from out.finished()) + self.params.finish

    def give(self, pipe: LockstepPipeline, out: WriteStream, outputs: Cycles) -> Generator[Any, Any, None]:
        """Hand outputs to the write port; what finds no room there holds the pipeline."""
        if len(outputs) and (late := (yield from out.push(outputs))):
            pipe.hold(int(outputs[-1]) + late)

    def _until(self, cycle: int) -> Generator[Any, Any, None]:
        yield self.env.timeout(self.clock.edge(cycle) - int(self.env.now))

    def _circumstances(self, op: Operation, address: Address) -> Hashable | None:
        phase = self.sim.phase() if self.sim.replay else None
        if phase is None:
            return None
        offsets = tuple(address(t) % PAGE for t in (*op.inputs, *op.outputs))
        return self.name, self.shape(op), offsets, phase

    def _counts(self, before: Counter[str], alone: bool) -> Counter[str]:
        """Actions of a call. Of calls that overlap only bytes in memories of their own can be told apart."""
        counts: Counter[str] = Counter()
        if alone:
            counts.update(self.trace.counters)
            counts.subtract(before)
        elif self.sim.independent:
            for ports, command in ((self.reads, Command.READ), (self.writes, Command.WRITE)):
                for port in ports:
                    if port.socket.target is not None:
                        memory = port.socket.target.owner.name
                        counts[f"{memory}.{command.value}_bytes"] += port.bytes
        return counts

    def _record(self, op: Operation, start: int, end: int, counts: Counter[str]) -> CallRecord:
        ports: list[PortActivity] = [p.activity(Command.READ, start) for p in self.reads]
        ports += [p.activity(Command.WRITE, start) for p in self.writes]
        kept = {name: n for name, n in counts.items() if n}
        stalls = {f"{self.name}.{fifo}": n for fifo, n in self.stalls.items() if n}
        gauges = tuple(self.gauges(start, end)) if self.sim.gauges else ()
        used = tuple(p for p in ports if p.beats)
        return CallRecord(end - start, self.compute(op), used, kept, stalls, gauges)

    def gauges(self, start: int, end: int) -> list[Gauge]:
        """How full the buffers of the ports were in the call that has just ended."""
        return [port.gauge(start, end) for port in (*self.reads, *self.writes) if port.streams]

    def occupancy(self) -> list[str]:
        return [p.streams[-1].occupancy for p in (*self.reads, *self.writes) if p.streams and self._at_work]

    @staticmethod
    def _registers(payload: GenericPayload, at: int) -> None:
        payload.complete(at)
