"""`tlm compare`: what differs between platforms or runs, and what follows from it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analysis import model_options
from analysis.compare import compare
from analysis.compare_runs import Runs, check, needed
from analysis.console import progress
from analysis.kept_subject import kept_subject, kept_workload
from analysis.simulate import Workload
from analysis.subject import Subject
from analysis.variants import Variant, labels, parse, split
from tlm.errors import InputError, Place, Problem
from tlm.platform import Platform
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
    kept: dict[Variant, Subject]
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
            given.kept[variant] if variant.kept
            else Subject.of(label, runs.result(variant, given.platforms[variant]))
            for label, variant in zip(given.labels, given.variants, strict=True)
        ]  # fmt: skip
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
    kept: dict[Variant, Subject] = {}
    if len(variants) < 2:
        problems.append(Problem(Place("compare"), "must have two runs or more, or a --set, not one run"))
    for label, variant in zip(named, variants, strict=True):
        if variant in platforms or variant in kept:
            continue
        if problem := variant.problem():
            problems.append(problem)
        elif variant.kept:
            kept[variant] = attempt(lambda v=variant, n=label: kept_subject(n, v.path), variant.path)
        else:
            platforms[variant] = attempt(lambda v=variant: check(v), variant.path)
    work = attempt(lambda: _workload(options, list(kept.values())), f"--model {options.model or 'tiny'}")
    if options.output:
        problems += _picture(options.output)
    if options.layer < 0:
        problems.append(Problem(Place("--layer"), f"must be 0 or more, not {options.layer}"))
    if problems or work is None:
        raise InputError(dict.fromkeys(problems))
    return _Inputs(variants, named, platforms, kept, work)


def _workload(options: argparse.Namespace, kept: list[Subject | None]) -> Workload:
    """What is not given is as in the first kept run, else tiny and a batch of 1. Raises WorkloadError."""
    told = next((subject.report for subject in kept if subject), None)
    resolution, batch = options.resolution, options.batch
    if told is not None and options.model is None:
        config, side, images = kept_workload(told, {s: getattr(options, s) for s in model_options.SIZES})
        return Workload.of(config, resolution or side, images if batch is None else batch)
    options.model = options.model or "tiny"
    return Workload.of(model_options.config_of(options), resolution, 1 if batch is None else batch)


def _picture(path: str) -> list[Problem]:
    place = Place(f"-o {path}")
    if os.path.splitext(path)[1].lower() not in PICTURES:
        return [Problem(place, f"must end in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")]
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        return [Problem(place, "must be a file to write, in a folder that is there and may be written to")]
    return []
