"""The host: starts one engine at a time and waits for it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any

from components.engine import Address, Engine
from tlm.component import Sequencer
from tlm.trace import CallRecord
from tlm.units import ClockName, Cycles, Doc, PositiveInt
from workloads.operations import Operation, Program
from workloads.placement import Placement

ENGINES = ("embed", "norm_sum", "linear", "conv", "smooth", "ssm", "patch_ops")


class UnsupportedError(Exception):
    """No engine of the platform runs an operation."""


@dataclass(frozen=True, kw_only=True)
class HostParams:
    """What a call costs beside the engine's own time, in cycles of the fabric."""

    clock: Annotated[ClockName, Doc("clock of the control ports")] = "fabric"
    reset: Annotated[Cycles, Doc("wait before the registers are written")] = 100
    registers: Annotated[int, Doc("register writes a call")] = 17
    register_write: Annotated[Cycles, Doc("cycles a register write")] = 12
    poll: Annotated[PositiveInt, Doc("cycles from one look at the status register to the next")] = 12


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
        """Run all operations in order, one at a time; `progress` is called after each."""
        clock, p = self.clock, self.params
        cycle = clock.next_cycle(int(self.env.now))
        for op in program.operations:
            cycle += self.setup
            yield self.env.timeout(clock.edge(cycle) - int(self.env.now))
            started = cycle
            record = yield from self.engine(op).call(op, placement.address)
            # the end is seen at the next look at the status register
            cycle = started + -(-record.cycles // p.poll) * p.poll
            yield self.env.timeout(clock.edge(cycle) - int(self.env.now))
            if progress is not None:
                progress()
