"""Runs a workload on a platform."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tlm.platform import Platform, load_platform
from tlm.simulation import Simulation


@dataclass(frozen=True)
class Run:
    """A finished simulation: `elapsed` in ps of simulated time, `wall_s` in seconds of ours."""

    platform: Platform
    simulation: Simulation
    elapsed: int
    wall_s: float


def run(
    platform: Platform | str,
    process: Callable[[Simulation], Any],
    overrides: Sequence[str] = (),
    quantum: int | None = None,
    replay: bool = True,
    gauges: bool = False,
) -> Run:
    """Build the platform, run the process that `process` makes for it to its end.

    Raises InputError for a platform that cannot be built.
    """
    if isinstance(platform, str):
        platform = load_platform(platform, overrides)
    simulation = Simulation(platform, quantum, replay, gauges)
    began = time.perf_counter()
    simulation.run(process(simulation))
    return Run(platform, simulation, int(simulation.env.now), time.perf_counter() - began)
