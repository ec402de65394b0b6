"""`run`: simulate a model on a platform and report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from analysis import inference, model_options
from analysis.baselines import load_baselines, run_baselines
from analysis.console import progress, simulated_log
from analysis.data import Data
from analysis.folder import check_folder, write_files
from analysis.kept_run import FILES, KeptRun
from analysis.platform_path import find_platform
from analysis.report import report
from analysis.simulate import Workload, simulate
from tlm.errors import InputError, Place, Problem
from tlm.platform import Platform, load_platform
from workloads.vim.errors import WorkloadError
from workloads.vim.quantized import load_quantized


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("platform", help="a platform file, or the name of one that comes with the package")
    model_options.add_arguments(parser, "tiny, or what --weights holds")
    parser.set_defaults(model=None)
    parser.add_argument("--resolution", type=int, metavar="N", help="pixels a side of the images")
    parser.add_argument("--batch", type=int, default=1, metavar="N", help="images, one after the other")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE",
                        help="change any key of the platform; may be repeated")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="keep the report, the calls, the trace with levels of FIFOs, the platform and a page to read there",
    )
    parser.add_argument("--no-baselines", action="store_true", help="compare with no other platform")
    parser.add_argument("--gauges", action="store_true",
                        help="report how full FIFOs and buffers are, and advice on depths (slower); --out keeps "
                        "their levels without it")  # fmt: skip
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="ports, and where energy goes; on standard error a log with simulated time",
    )
    inference.add_arguments(parser)


def main(options: argparse.Namespace) -> int:
    platform, baselines, work, data = _inputs(options)
    with _watched(options.verbose, len(work.program.operations)) as step:
        gauges = options.gauges or bool(options.out)  # a kept run has levels of FIFOs
        result = simulate(platform, work, progress=step, gauges=gauges, data=data)
    others, notes = run_baselines(baselines, work)
    told = report(result, others, notes, gauges=options.gauges)
    told["inference"] = inference.inference_report(result)
    if options.out:
        from analysis.page.page import NAME, kept_files  # the template engine takes its time

        files = kept_files(KeptRun.of(result, told, command=getattr(options, "command_line", "")))
        write_files(options.out, files)
    if options.json:
        print(json.dumps(told))
    else:
        from analysis.report_text import show  # rich takes its time

        show(told, options.verbose)
        if told["inference"]:
            print("\nClassified")
            print("\n".join(f"  {line}" for line in inference.inference_lines(told["inference"])))
        if options.out:
            print(f"Kept in {options.out}: {', '.join((*FILES, NAME))}")
    return 0


@contextmanager
def _watched(verbose: bool, total: int) -> Iterator[Callable[[], None] | None]:
    """A log or a bar: a log tells how far the run is."""
    if verbose:
        with simulated_log():
            yield None
    else:
        with progress("calls", total) as step:
            yield step


def _inputs(options: argparse.Namespace) -> tuple[Platform, dict[str, Platform], Workload, Data | None]:
    """Everything that is given, checked. Raises InputError with all problems at once."""
    problems: list[Problem] = []

    def attempt(make: Callable[[], Any]) -> Any:
        try:
            return make()
        except InputError as error:
            problems.extend(error.problems)
        except WorkloadError as error:
            problems.extend(
                Problem(Place(f"--model {options.model}" if options.model else "tlm run"), m)
                for m in error.messages
            )
        return None

    platform: Platform | None = attempt(lambda: load_platform(find_platform(options.platform), options.set))
    baselines: dict[str, Platform] = {}
    if platform is not None and not options.no_baselines:
        baselines = attempt(lambda: load_baselines(platform)) or {}
    if options.model is None and options.weights:
        quantized = attempt(lambda: load_quantized(options.weights))
        config = quantized and quantized.config
        if quantized and options.resolution is None:
            options.resolution = quantized.resolution
    else:
        options.model = options.model or "tiny"
        config = attempt(lambda: model_options.config_of(options))
    work: Workload | None = None
    if config is not None:
        work = attempt(lambda: Workload.of(config, options.resolution, options.batch))
    data: Data | None = None
    computes = platform is not None and any(
        getattr(c.cls, "computes", False) for c in platform.components.values()
    )
    if work is not None and (computes or options.weights or options.image):
        data = attempt(lambda: inference.data_of(options, work))
    if options.out:
        attempt(lambda: check_folder(options.out))
    if problems or platform is None or work is None:
        raise InputError(problems)
    return platform, baselines, work, data
