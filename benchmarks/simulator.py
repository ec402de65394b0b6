"""How fast the simulator is: simulated cycles and events per second, wall time, peak memory.

    python benchmarks/simulator.py

Each case runs in a process of its own; wall time is that of the simulation, without imports and elaboration, the
best of three. "Keeping" is what it takes longer to note levels of FIFOs and to pack the trace for `run --out`.
"Replay off" works every call out anew instead of taking equal calls in equal circumstances from the record.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CASES = [
    ("zcu102-rtl", "tiny", True),
    ("zcu102-rtl", "tiny", False),
    ("zcu102", "tiny", True),
    ("zcu102", "tiny", False),
    ("zcu102-rtl", "base", True),
]


def measure(platform: str, model: str, replay: bool) -> None:
    from analysis.simulate import Workload, simulate
    from analysis.trace_file import to_bytes
    from workloads.lowering import workload

    path, work = str(ROOT / f"platforms/{platform}.yaml"), Workload.of(workload(model))
    plain, kept = [], []
    for _ in range(3):
        result = simulate(path, work, replay=replay)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        plain.append(result.run.wall_s)
        gauged = simulate(path, work, replay=replay, gauges=True)
        began = time.perf_counter()
        trace = to_bytes(gauged.simulation.trace, gauged.run.elapsed)
        kept.append(gauged.run.wall_s + time.perf_counter() - began)
    clock = result.simulation.clocks["fabric"]
    print(
        json.dumps(
            {
                "cycles": clock.cycles(result.run.elapsed),
                "events": result.simulation.env.events,
                "wall_s": min(plain),
                "kept_s": min(kept),
                "trace_mb": len(trace) / 1e6,
                "peak_mib": peak,
            }
        )
    )


def main() -> None:
    print(
        f"{'platform':12}{'model':7}{'replay':8}{'wall s':>8}{'Mcycles/s':>11}{'kevents/s':>11}{'peak MiB':>10}"
        f"{'keeping':>9}{'trace MB':>10}"
    )
    for platform, model, replay in CASES:
        arguments = [sys.executable, __file__, platform, model, str(int(replay))]
        out = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=ROOT).stdout
        m = json.loads(out)
        rates = m["cycles"] / m["wall_s"] / 1e6, m["events"] / m["wall_s"] / 1e3
        print(
            f"{platform:12}{model:7}{'on' if replay else 'off':8}{m['wall_s']:8.2f}{rates[0]:11.1f}{rates[1]:11.1f}"
            f"{m['peak_mib']:10.0f}{m['kept_s'] / m['wall_s'] - 1:9.0%}{m['trace_mb']:10.2f}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], sys.argv[2], bool(int(sys.argv[3])))
    else:
        main()
