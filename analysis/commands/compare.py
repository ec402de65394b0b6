"""`tlm compare`: what differs between platforms or runs, and what follows from it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from analysis import model_options
from analysis.compare import compare
from analysis.compare_runs import Runs, check, needed
from analysis.console import progress
from analysis.kept_run import KeptRun
from analysis.output_file import file_problems
from analysis.simulate import Workload
from analysis.subject import Subject
from analysis.variants import Variant, labels, parse, split
from tlm.errors import InputError, Place, Problem
from tlm.platform import Platform
from workloads.lowering import workload
from workloads.vim.errors import WorkloadError

PICTURES = (".png", ".svg", ".pdf")
SYNTAX = """\
what can be compared (the first one is what all others are compared with):
  platforms/zcu102.yaml          a platform file
  zcu102                         one that comes with the package
  'zcu102@components.linear.tile=32,clocks.fabric=400 MHz'
                                 a platform with keys changed
  out/                           a folder that `run --out` kept
with --set KEY=VALUE[,KEY=VALUE] the first platform, so changed, is one more; each --set makes one:
  compare zcu102 --set components.linear.tile=32 --set clocks.fabric='400 MHz'     compares three
Commas between brackets or quotes belong to a value.
"""


@dataclass
class _Inputs:
    variants: list[Variant]
    labels: list[str]
    platforms: dict[Variant, Platform]
    kept: dict[Variant, KeptRun]
    work: Workload


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = SYNTAX
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a platform or a kept run, see below")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="the first platform with keys changed is one more; may be repeated")  # fmt: skip
    model_options.add_arguments(parser)
    parser.add_argument("--resolution", type=int, metavar="N", help="pixels a side of the images")
    parser.add_argument("--batch", type=int, metavar="N", help="images, one after the other (default: 1)")
    parser.add_argument("--layer", type=int, default=0, metavar="N", help="the layer to draw (default: 0)")
    parser.add_argument("-o", "--output", metavar="FILE.png", help="draw the timelines (png, svg or pdf)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def main(options: argparse.Namespace) -> int:
    given = _inputs(options)
    runs_needed = needed(given.variants)
    with progress("calls", len(runs_needed) * len(given.work.program.operations)) as step:
        runs = Runs(given.work, step)
        subjects = [
            Subject.of(label, given.kept.get(variant) or runs.run(variant, given.platforms[variant]))
            for label, variant in zip(given.labels, given.variants, strict=True)
        ]
        pairs = zip(given.labels, given.variants, strict=True)
        knobs = [knob for label, variant in pairs for knob in runs.knobs(label, variant)]
    comparison = compare(subjects, knobs)
    if options.output:
        from analysis.compare_plot import plot  # matplotlib takes its time

        plot(comparison, options.output, options.layer)
    if options.json:
        print(json.dumps(comparison.to_dict()))
        return 0
    from analysis.compare_text import show  # rich takes its time

    show(comparison, options.layer)
    if options.output:
        print(f"Timelines in {options.output}")
    return 0


def _inputs(options: argparse.Namespace) -> _Inputs:
    """Everything that is given, checked. Raises InputError with all problems at once."""
    problems: list[Problem] = []

    def attempt(make: Callable[[], Any], place: str) -> Any:
        try:
            return make()
        except InputError as error:
            problems.extend(error.problems)
        except WorkloadError as error:
            problems.extend(Problem(Place(place), m) for m in error.messages)
        return None

    variants = [parse(text) for text in options.runs]
    first = variants[0]
    variants += [Variant(first.path, (*first.overrides, *split(s)), first.kept) for s in options.set]
    named = labels(variants)
    platforms: dict[Variant, Platform] = {}
    kept: dict[Variant, KeptRun] = {}
    if len(variants) < 2:
        problems.append(Problem(Place("compare"), "must have two runs or more, or a --set, not one run"))
    for variant in variants:
        if variant in platforms or variant in kept:
            continue
        if problem := variant.problem():
            problems.append(problem)
        elif variant.kept:
            kept[variant] = attempt(partial(KeptRun.load, variant.path), variant.path)
        else:
            platforms[variant] = attempt(partial(check, variant), variant.path)
    work = attempt(lambda: _workload(options, list(kept.values())), f"--model {options.model or 'tiny'}")
    if options.output:
        problems += file_problems(options.output, "-o", PICTURES)
    if options.layer < 0:
        problems.append(Problem(Place("--layer"), f"must be 0 or more, not {options.layer}"))
    if problems or work is None:
        raise InputError(dict.fromkeys(problems))
    return _Inputs(variants, named, platforms, kept, work)


def _workload(options: argparse.Namespace, kept: Sequence[KeptRun | None]) -> Workload:
    """What is not given is as in the first kept run, else tiny and a batch of 1.

    Raises WorkloadError, or InputError for a file of sizes.
    """
    told = next((run.report for run in kept if run), None)
    resolution, batch = options.resolution, options.batch
    if told is not None and options.model is None:
        sizes = {size: getattr(options, size) for size in model_options.SIZES}
        config = workload(told["sizes"], **sizes)
        resolution = resolution or (None if options.image_size else told["resolution"])
        return Workload.of(config, resolution, told["batch"] if batch is None else batch)
    options.model = options.model or "tiny"
    return Workload.of(model_options.config_of(options), resolution, 1 if batch is None else batch)
