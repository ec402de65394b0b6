"""The tables of docs/schedules.md: both platforms, schedules and flips.

    python docs/schedules.py            one image; minutes, as overlapped calls on the DRAM are all worked out
    python docs/schedules.py --batch 4  four images, two in flight; four times as long

Prints a table as it stands in docs/schedules.md; `--write` puts it there.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path

from analysis.platform_path import find_platform
from analysis.report import report
from analysis.simulate import Workload, simulate
from workloads.lowering import workload

PAGE = Path(__file__).with_name("schedules.md")
HEAD = (
    "| platform | schedule | flip reads | latency ms | frames/s | gain | memory GB/s | longest on the critical path "
    "| bound by |",
    "|---|---|---|---|---|---|---|---|---|",
)
TITLES = {1: "### One image", 4: "### Four images, two in flight"}


def rows(batch: int) -> list[str]:
    work = Workload.of(workload("tiny"), 224, batch)
    found, first = [], {}
    for platform, schedule, bursts in product(
        ("zcu102-rtl", "zcu102"), ("sequential", "overlapped"), (False, True)
    ):
        settings = [
            f"components.host.schedule={schedule}",
            f"components.patch_ops.burst_reads={str(bursts).lower()}",
        ]
        told = report(simulate(find_platform(platform), work, settings))
        longest = next(part for part in told["critical_path"] if part["engine"] in told["engines"])
        bound = next(calls["binding"] for calls in told["calls"] if calls["kind"] == longest["kind"])
        bound = f"compute of {longest['engine']}" if bound == "compute" else f"`{bound}`"
        latency = told["latency_ms"]
        moved = sum(memory["achieved_bytes_per_s"] for memory in told["traffic"]["memories"].values())
        found.append(
            f"| {platform} | {schedule} | {'bursts' if bursts else 'words'} | {latency:.2f} "
            f"| {told['frames_per_s']:.2f} | {first.setdefault(platform, latency) / latency:.2f}x "
            f"| {moved * 1e-9:.2f} | {longest['kind']} {longest['share']:.0%} | {bound} |"
        )
        print(found[-1], file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, choices=TITLES, default=1)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    table = "\n".join((*HEAD, *rows(options.batch)))
    print(table)
    if options.write:
        before, title, rest = PAGE.read_text().partition(TITLES[options.batch])
        behind = rest.lstrip("\n").partition("\n\n")[2]
        PAGE.write_text(f"{before}{title}\n\n{table}\n\n{behind}")


if __name__ == "__main__":
    main()
