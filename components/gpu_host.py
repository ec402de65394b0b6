"""PyTorch in eager mode: a host that launches kernels without waiting for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Gt

from components.gpu import Gpu, Launched
from components.gpu_kernels import Execution, kernels
from components.gpu_steps import UnsupportedError, steps_of, works
from components.gpu_work import Work
from tlm.component import Sequencer
from tlm.errors import InputError, Problem
from tlm.trace import CallRecord
from tlm.units import Doc, Picoseconds
from workloads.operations import Operation, Program
from workloads.placement import Placement


@dataclass(frozen=True, kw_only=True)
class GpuHostParams:
    execution: Annotated[
        Execution,
        Doc("activations quantized before every product and convolution, weights cast to 16 bits; or float"),
    ]
    launch: Annotated[Picoseconds, Gt(0), Doc("host time an operation, launches and synchronizations alike")]
    layer: Annotated[Picoseconds, Doc("host time a layer beside its operations")]


class GpuHost(Sequencer):
    """Runs the images of a batch together, in the steps of components.gpu_steps.

    An operation takes `launch` of the host, after which its kernel is in the device's queue. A synchronization
    takes as long, its copy of a flag included, and until the device has nothing left to do. The run ends
    when the device is done.
    """

    Params = GpuHostParams
    params: GpuHostParams

    def __init__(self, sim: Any, name: str, params: GpuHostParams):
        super().__init__(sim, name, params)
        self._queue = self.initiator_socket("queue")

    def elaborated(self) -> None:
        device = self._queue.target.owner if self._queue.target else None
        if not isinstance(device, Gpu):
            place = self.sim.platform.components[self.name].place
            leads = self._queue.target.path if self._queue.target else "nowhere"
            rule = f"bindings.{self._queue.path} must lead to a components.gpu:Gpu, not {leads}"
            raise InputError([Problem(place, rule)])
        self.gpu = device

    def shortages(self, program: Program) -> list[str]:
        """What keeps the program from the device: images that differ, memory for weights and a step's data."""
        try:
            found = works(program)
        except UnsupportedError as error:
            return [str(error)]
        weights = sum(work.weights_bytes for work in found)
        need = weights + max((work.activations_bytes for work in found), default=0)
        if need <= self.gpu.params.memory:
            return []
        name = self.gpu.name
        return [
            f"{program.name} needs {need} bytes in {name}, which holds {self.gpu.params.memory}: "
            f"raise components.{name}.memory"
        ]

    def execute(
        self, program: Program, placement: Placement | None = None, progress: Callable[[], None] | None = None
    ) -> Generator[Any, Any, None]:
        """Run a program; `progress` is called once for each of its operations. Addresses do not matter.

        Raises UnsupportedError for what PyTorch would not run as one batch.
        """
        del placement
        layer = None
        for work in works(program):
            if work.layer not in (None, layer):
                layer = work.layer
                yield from self._layer(work)
            yield from self._run(work)
            for _ in range(work.stands_for if progress is not None else 0):
                progress()  # type: ignore[misc]
        yield from self._wait()

    def call(self, operation: Operation, address: Any = None) -> Generator[Any, Any, CallRecord]:
        """Run one operation, launches included, to the end; the record counts cycles of the device's clock.

        Raises UnsupportedError.
        """
        del address
        began, compute = int(self.env.now), 0
        counts: Counter[str] = Counter()
        for work in steps_of([operation]):
            for record in (yield from self._run(work)):
                compute += record.compute
                counts.update(record.counts)
        yield from self._wait()
        return CallRecord(self.gpu.clock.cycles(int(self.env.now) - began), compute, (), counts)

    def _layer(self, work: Work) -> Generator[Any, Any, None]:
        began = int(self.env.now)
        yield self.env.timeout(self.params.layer)
        self._record(str(work.layer), "Layer", began, self.params.layer, 0)

    def _run(self, work: Work) -> Generator[Any, Any, Sequence[CallRecord]]:
        """Launch all kernels of a work; returns the device's record of it, none if nothing was launched."""
        launched: list[Launched] = []
        operations = 0
        began = int(self.env.now)
        kind = "+".join(work.steps)
        for kernel in kernels(work, self.params.execution):
            yield self.env.timeout(self.params.launch)
            operations += 1
            if kernel is None:
                self.trace.count(f"{self.name}.synchronizations")
                yield from self._wait()
            else:
                launched.append(self.gpu.launch(kernel))
        self.trace.count(f"{self.name}.operations", operations)
        if operations:
            self._record(work.name, kind, began, operations * self.params.launch, operations)
        return [self.gpu.record(work.name, kind, launched)] if launched else []

    def _wait(self) -> Generator[Any, Any, None]:
        """Until the device is idle."""
        wait = self.gpu.free - int(self.env.now)
        if wait > 0:
            self.trace.count(f"{self.name}.wait_ps", wait)
            yield self.env.timeout(wait)

    def _record(self, name: str, kind: str, began: int, worked: int, operations: int) -> None:
        clock, now = self.gpu.clock, int(self.env.now)
        counts = {f"{self.name}.operations": operations}
        record = CallRecord(clock.cycles(now - began), clock.cycles(worked), (), counts)
        self.trace.span(self.name, name, kind, began, now, record)
