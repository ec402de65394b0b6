"""The host: sets up calls of engines, starts them and looks for their ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from components.engine import Address, Engine
from components.schedule import OverlappedSchedule
from tlm.component import Sequencer
from tlm.errors import UnfitError
from tlm.trace import POLL, SETUP, CallRecord
from tlm.units import ClockName, Cycles, Doc, PositiveInt
from workloads.dependencies import Dependencies
from workloads.operations import Operation, Program
from workloads.placement import Placement

ENGINES = ("embed", "norm_sum", "linear", "conv", "smooth", "ssm", "patch_ops")


class UnsupportedError(UnfitError):
    """No engine of the platform runs an operation."""


@dataclass(frozen=True, kw_only=True)
class HostParams:
    """What a call costs beside the engine's own time, in cycles of the fabric."""

    clock: Annotated[ClockName, Doc("clock of the control ports")] = "fabric"
    reset: Annotated[Cycles, Doc("wait before the registers are written")] = 100
    registers: Annotated[int, Doc("register writes a call")] = 17
    register_write: Annotated[Cycles, Doc("cycles a register write")] = 12
    poll: Annotated[PositiveInt, Doc("cycles from one look at the status register to the next")] = 12
    schedule: Annotated[
        Literal["sequential", "overlapped"],
        Doc("one call after the other, or every call as soon as its inputs exist and its engine is free"),
    ] = "sequential"
    in_flight: Annotated[
        PositiveInt, Doc("overlapped: an image starts when the one so many before has ended")
    ] = 2


class Host(Sequencer):
    Params = HostParams
    computes = True
    params: HostParams

    def __init__(self, sim: Any, name: str, params: HostParams):
        super().__init__(sim, name, params)
        self._controls = [self.initiator_socket(engine) for engine in ENGINES]
        self._engines: dict[type[Operation], Engine] = {}

    def elaborated(self) -> None:
        for control in self._controls:
            engine = control.target.owner if control.target else None
            if isinstance(engine, Engine):
                for operation in engine.executes:
                    self._engines.setdefault(operation, engine)

    @property
    def setup(self) -> int:
        """Cycles from one call's end, noticed, to the next call's start."""
        p = self.params
        return p.reset + p.registers * p.register_write

    def engine(self, op: Operation) -> Engine:
        """The engine that runs an operation. Raises UnsupportedError."""
        engine = self._engines.get(type(op))
        if engine is None:
            raise UnsupportedError(f"no engine bound to {self.name} runs {type(op).__name__}")
        return engine

    @classmethod
    def order(cls, params: HostParams, program: Program) -> Dependencies | None:
        if params.schedule == "sequential":
            return None
        return Dependencies.of(program, params.in_flight)

    def call(self, operation: Operation, address: Address) -> Generator[Any, Any, CallRecord]:
        return (yield from self.engine(operation).call(operation, address))

    def shortages(self, program: Program) -> list[str]:
        """Why a program does not fit the engines' buffers, one text an engine and buffer."""
        worst: dict[str, str] = {}
        for op in program.operations:
            for text in self.engine(op).shortages(op):
                worst.setdefault(text.rpartition(" ")[2], text)
        return list(worst.values())

    def execute(
        self, program: Program, placement: Placement, progress: Any = None
    ) -> Generator[Any, Any, None]:
        """Run all operations as the schedule says; `progress` is called after each."""
        order = self.order(self.params, program)
        self.sim.exclusive = order is None
        if order is not None:
            schedule = OverlappedSchedule(self, order.sharing(placement.address), placement.address)
            yield from schedule.run(progress)
            return
        clock, trace = self.clock, self.trace
        cycle = clock.next_cycle(int(self.env.now))
        for op in program.operations:
            began = int(self.env.now)
            cycle += self.setup
            yield self.env.timeout(clock.edge(cycle) - began)
            trace.span(self.name, op.name, SETUP, began, int(self.env.now))
            started = cycle
            self.sim.waiting[self.name] = f"the end of {op.name}"
            record = yield from self.engine(op).call(op, placement.address)
            self.sim.waiting.pop(self.name)
            ended = int(self.env.now)
            cycle = self.seen(started, record)
            yield self.env.timeout(clock.edge(cycle) - ended)
            trace.span(self.name, op.name, POLL, ended, int(self.env.now))
            if progress is not None:
                progress()

    def seen(self, started: int, record: CallRecord) -> int:
        """The cycle of the first look at the status register that finds a call ended."""
        return started + -(-record.cycles // self.params.poll) * self.params.poll
