"""`tlm op`: the cycles of one call."""

from __future__ import annotations

import argparse
import json

from analysis import console
from analysis.platform_path import SHIPPED, find_platform
from analysis.single_call import FLAGS, KINDS, make_call, run_call
from tlm.platform import load_platform
from tlm.simulation import Simulation
from workloads.operations import Operation
from workloads.vim.errors import WorkloadError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--tokens", type=int, default=197, help="default: 197")
    parser.add_argument(
        "--in", dest="inputs", type=int, default=192, metavar="N", help="features read (default: 192)"
    )
    parser.add_argument(
        "--out", type=int, metavar="N", help="features written, linear only (default: as --in)"
    )
    parser.add_argument("--flags", default="", metavar="A,B", help=f"of a linear: {', '.join(FLAGS)}")
    parser.add_argument("--platform", default=str(SHIPPED / "zcu102-rtl.yaml"), help="default: zcu102-rtl")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the platform")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def main(options: argparse.Namespace) -> int:
    operation = _operation(options)
    simulation = Simulation(load_platform(find_platform(options.platform), options.set))
    record = run_call(simulation, operation)
    elapsed = int(simulation.env.now) * 1e-6
    ports = {
        p.port: {"command": p.command, "beats": p.beats, "bursts": len(p.bursts), "wait_cycles": p.wait}
        for p in record.ports
    }
    if options.json:
        print(
            json.dumps(
                {
                    "cycles": record.cycles,
                    "compute_cycles": record.compute,
                    "time_us": elapsed,
                    "ports": ports,
                }
            )
        )
        return 0
    print(f"{record.cycles} cycles, {elapsed:.3f} us; its busiest stage works in {record.compute} of them")
    rows = [(name, *values.values()) for name, values in ports.items()]
    console.table(
        "Ports; waits are the cycles the call ended later because of one",
        ("<port", "<", "beats", "bursts", "waits"),
        rows,
    )
    return 0


def _operation(options: argparse.Namespace) -> Operation:
    """Raises WorkloadError, all problems at once."""
    flags = [flag for flag in options.flags.split(",") if flag]
    problems = [f"--flags must be of {', '.join(FLAGS)}, not {flag!r}" for flag in flags if flag not in FLAGS]
    if flags and options.kind != "linear":
        problems.append(f"--flags must be left out for {options.kind}: a linear has flags")
    if options.out is not None and options.kind != "linear":
        problems.append(f"--out must be left out for {options.kind}: it writes as many features as it reads")
    out = options.inputs if options.out is None else options.out
    sizes = (("--tokens", options.tokens), ("--in", options.inputs), ("--out", out))
    problems += [f"{name} must be positive, not {n}" for name, n in sizes if n < 1]
    if options.inputs % 16 and options.kind in ("linear", "conv", "smooth", "scan", "embed"):
        problems.append(f"--in must be a multiple of 16, not {options.inputs}")
    if options.inputs % 8:
        problems.append(f"--in must be a multiple of 8, a bus word, not {options.inputs}")
    if out % 16 and options.kind == "linear":
        problems.append(f"--out must be a multiple of 16, not {out}")
    if problems:
        raise WorkloadError(dict.fromkeys(problems))
    return make_call("op", options.kind, options.tokens, options.inputs, out, flags)
