"""A workload simulated on a platform, and what there is to know about it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from analysis.data import Data, Int32, load, read_logits
from analysis.host import host_of
from tlm.component import Sequencer
from tlm.platform import Platform, load_platform
from tlm.runner import Run, run
from tlm.simulation import Simulation
from workloads.lowering import lower
from workloads.operations import Program
from workloads.placement import Placement, place
from workloads.vim.config import VimConfig
from workloads.vim.errors import WorkloadError


@dataclass(frozen=True)
class Workload:
    """What is run: a model size, pixels a side, images."""

    config: VimConfig
    resolution: int
    batch: int
    program: Program

    @classmethod
    def of(cls, config: VimConfig, resolution: int | None = None, batch: int = 1) -> Workload:
        """Raises WorkloadError for a resolution that the patches do not fill or a batch below 1."""
        side = config.image_size if resolution is None else resolution
        return cls(config, side, batch, lower(config, side, batch))


@dataclass(frozen=True)
class Result:
    """A finished run of a workload."""

    workload: Workload
    run: Run
    placement: Placement
    data: Data | None = None  # the tensors that were computed with; None: timing only
    logits: Int32 | None = None  # [images, classes], 18 fraction bits, read from memory at the end

    @property
    def platform(self) -> Platform:
        return self.run.platform

    @property
    def simulation(self) -> Simulation:
        return self.run.simulation

    @property
    def latency_s(self) -> float:
        """Simulated seconds from the first call's set-up to the last result."""
        return self.run.elapsed * 1e-12


def simulate(
    platform: Platform | str,
    workload: Workload,
    overrides: Sequence[str] = (),
    progress: Callable[[], None] | None = None,
    quantum: int | None = None,
    replay: bool = True,
    gauges: bool = False,
    data: Data | None = None,
) -> Result:
    """Place the workload's tensors in the platform's first region and run its program.

    With `data` the tensors are real, if the platform has a memory and engines to compute them; times are the
    same without. `gauges`: how full FIFOs and buffers are is recorded over the time of each call.
    Raises InputError for the platform, WorkloadError for what does not fit it, UnfitError for one without a host.
    """
    if isinstance(platform, str):
        platform = load_platform(platform, overrides)
    program = workload.program
    regions = platform.memory_map
    base, size = (regions[0].base, regions[0].size) if regions else (0, 1 << 62)
    host = host_of(platform)
    placement = place(program, base, size, order=host.cls.order(host.params, program))
    if not regions:
        data = None

    def start(simulation: Simulation):
        (sequencer,) = simulation.find(Sequencer)
        if shortages := sequencer.shortages(program):
            raise WorkloadError(shortages)
        if data is not None and sequencer.computes:
            load(simulation, program, placement, data)
        return sequencer.execute(program, placement, progress)

    # products this small are slower on several threads than on one, by far where cores are busy
    with threadpool_limits(1) if data is not None else nullcontext():
        finished = run(platform, start, quantum=quantum, replay=replay, gauges=gauges)
    if data is None or not finished.simulation.data:
        return Result(workload, finished, placement)
    logits = read_logits(finished.simulation, program, placement, data)
    return Result(workload, finished, placement, data, logits)
