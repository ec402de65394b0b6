"""Power over time: what each call takes while it lasts, and what is drawn whatever happens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.energy import EnergyParams, Hops, actions, clock_energy
from analysis.kept_run import KeptRun
from tlm.simulation import Simulation
from tlm.units import SECOND


@dataclass(frozen=True)
class Power:
    """Watts from `times[i]` to `times[i + 1]` (ps), the last value to the run's end.

    `calls` is what calls take, the energy of each spread evenly over it; `constant` registers' clock and
    leakage. Their integral is the energy of the report.
    """

    times: npt.NDArray[np.int64]
    calls: npt.NDArray[np.float64]
    constant: float

    def joules(self, elapsed: int) -> float:
        lasts = np.diff(np.append(self.times, elapsed)) / SECOND
        return float(lasts @ self.calls) + self.constant * elapsed / SECOND


def power(run: KeptRun) -> Power | None:
    """None where the platform says nothing about the energy of an action, as a GPU's does not."""
    params = run.platform.sections.get("energy")
    if not isinstance(params, EnergyParams):
        return None
    operations = {op.name: op for op in run.workload.program.operations}
    hops = Hops(run.platform)
    changes = {0: 0.0, run.elapsed: 0.0}
    for span in run.spans:
        op = operations.get(span.name)
        if op is None or span.record is None or span.end <= span.start:
            continue
        counts = actions(op, span.record, hops)
        joules = params.calibration * sum(n * getattr(params, action) for action, n in counts.items())
        watts = joules * SECOND / (span.end - span.start)
        changes[span.start] = changes.get(span.start, 0.0) + watts
        changes[span.end] = changes.get(span.end, 0.0) - watts
    times = np.array(sorted(changes), dtype=np.int64)
    calls = np.cumsum([changes[t] for t in times.tolist()])
    cycles = run.platform.clocks[params.clock].cycles(run.elapsed)
    clocked = clock_energy(params, Simulation(run.platform)) * cycles * SECOND / run.elapsed
    return Power(times, calls.clip(min=0), clocked + params.static_power)
