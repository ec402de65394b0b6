"""`run`: simulate a model on a platform and report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from analysis.baselines import load_baselines, run_baselines
from analysis.console import progress
from analysis.keep import check_folder, keep
from analysis.model_file import is_model_file, read_model
from analysis.platform_path import find_platform
from analysis.report import report
from analysis.simulate import Workload, simulate
from tlm.errors import InputError, Place, Problem
from tlm.platform import Platform, load_platform
from workloads.lowering import workload
from workloads.vim.errors import WorkloadError

SIZES = {"d_model": "features of a token", "layers": "encoder layers", "stride": "pixels between patches",
         "image_size": "pixels a side the model is made for", "classes": "outputs of the head"}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("platform", help="a platform file, or the name of one that comes with the package")
    parser.add_argument("--model", default="tiny",
                        help="tiny, small or base, with + for stride 8, or a YAML file of sizes")  # fmt: skip
    for size, what in SIZES.items():
        parser.add_argument(f"--{size.replace('_', '-')}", type=int, metavar="N", help=what)
    parser.add_argument("--resolution", type=int, metavar="N", help="pixels a side of the images")
    parser.add_argument("--batch", type=int, default=1, metavar="N", help="images, one after the other")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE",
                        help="change any key of the platform; may be repeated")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--out", metavar="DIR", help="keep report.json and calls.csv there")
    parser.add_argument("--no-data", action="store_true", help="timing only, no tensors")
    parser.add_argument("--no-baselines", action="store_true", help="compare with no other platform")
    parser.add_argument("--gauges", action="store_true",
                        help="how full FIFOs and buffers are, and advice on depths (slower)")  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true", help="ports, and where energy goes")


def main(options: argparse.Namespace) -> int:
    platform, baselines, work = _inputs(options)
    with progress("calls", len(work.program.operations)) as step:
        result = simulate(platform, work, progress=step, gauges=options.gauges)
    others, notes = run_baselines(baselines, work)
    told = report(result, others, notes)
    if options.out:
        keep(options.out, told, result)
    if options.json:
        print(json.dumps(told))
    else:
        from analysis.report_text import show  # rich takes its time

        show(told, options.verbose)
        if options.out:
            print(f"Kept in {options.out}: report.json, calls.csv")
    return 0


def _inputs(options: argparse.Namespace) -> tuple[Platform, dict[str, Platform], Workload]:
    """Everything that is given, checked. Raises InputError with all problems at once."""
    problems: list[Problem] = []

    def attempt(make: Callable[[], Any]) -> Any:
        try:
            return make()
        except InputError as error:
            problems.extend(error.problems)
        except WorkloadError as error:
            problems.extend(Problem(Place(f"--model {options.model}"), m) for m in error.messages)
        return None

    platform: Platform | None = attempt(lambda: load_platform(find_platform(options.platform), options.set))
    baselines: dict[str, Platform] = {}
    if platform is not None and not options.no_baselines:
        baselines = attempt(lambda: load_baselines(platform)) or {}
    sizes = {size: getattr(options, size) for size in SIZES}
    read = read_model if is_model_file(options.model) else lambda name, given: workload(name, **given)
    config = attempt(lambda: read(options.model, sizes))
    work: Workload | None = None
    if config is not None:
        work = attempt(lambda: Workload.of(config, options.resolution, options.batch))
    if options.out:
        attempt(lambda: check_folder(options.out))
    if problems or platform is None or work is None:
        raise InputError(problems)
    return platform, baselines, work
