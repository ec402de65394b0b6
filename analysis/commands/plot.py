"""`plot`: pictures of a kept run, or of a platform over resolutions."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from analysis.baselines import load_baselines
from analysis.console import progress
from analysis.folder import check_folder, write_files
from analysis.kept_run import KeptRun, Window
from analysis.model_file import is_model_file, read_model
from analysis.platform_path import find_platform
from analysis.window import given, window_arguments, window_of
from tlm.errors import InputError, Place, Problem, one_of
from tlm.platform import load_platform
from workloads.lowering import workload

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WINDOWED = ("timeline", "fifo")  # show a part of the run
RUN_KINDS = ("timeline", "fifo", "utilization", "latency", "energy", "roofline")
KINDS = (*RUN_KINDS, "resolution")
FORMS = ("png", "svg")
NEEDS = {
    "energy": "must be of a run whose platform has a section energy",
    "fifo": "must be of a run that has kept levels of FIFOs, as `tlm run --out` does of engines with FIFOs",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="DIR", help="a folder kept by `run --out`; for resolution also a platform file"
    )
    parser.add_argument("--kind", choices=KINDS, help="one picture; without it all but resolution, into DIR")
    window_arguments(parser, " and ".join(WINDOWED))
    parser.add_argument(
        "--model", metavar="NAME", help="of resolution: tiny, small or base, or a YAML file of sizes"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="a .png or .svg; without it both, into DIR")


def main(options: argparse.Namespace) -> int:
    problems = _conflicts(options)
    if options.kind == "resolution":
        _refuse(problems)
        return _resolution(options)
    run: KeptRun | None = None
    try:
        run = KeptRun.load(options.run)
    except InputError as error:
        problems += error.problems
    window: Window | None = None
    if run is not None and given(options):
        try:
            window = window_of(run, options)
        except InputError as error:
            problems += error.problems
    _refuse(problems)
    assert run is not None
    pictures: dict[str, Callable[[], Figure]] = _pictures(run, window, _what(options))
    if options.kind and options.kind not in pictures:
        raise InputError([Problem(Place(f"--kind {options.kind}"), NEEDS[options.kind])])
    wanted = [options.kind] if options.kind else list(pictures)
    files: dict[str, bytes] = {}
    forms = _forms(options)
    with progress("pictures", len(wanted)) as step:
        for kind in wanted:
            files |= _drawn(pictures[kind], _name(options, kind), forms)
            step()
    _write(options, options.run, files)
    return 0


def _pictures(run: KeptRun, window: Window | None, what: str) -> dict[str, Callable[[], Any]]:
    from analysis.plots.breakdown import energy, latency, utilization
    from analysis.plots.fifo import fifo
    from analysis.plots.roofline import roofline
    from analysis.plots.timeline import timeline

    found = {
        "timeline": lambda: timeline(run, window, what),
        "fifo": lambda: fifo(run, window, what),
        "utilization": lambda: utilization(run),
        "latency": lambda: latency(run),
        "energy": lambda: energy(run),
        "roofline": lambda: roofline(run),
    }
    if run.report["energy"] is None:
        del found["energy"]
    if not run.fifos:
        del found["fifo"]
    return found


def _resolution(options: argparse.Namespace) -> int:
    from analysis.plots.resolution import resolution
    from analysis.resolution import SIDES, scale

    if os.path.isdir(options.run):
        run = KeptRun.load(options.run)
        platform, config, folder = run.platform, run.workload.config, options.run
    else:
        platform, config, folder = load_platform(find_platform(options.run)), workload("tiny"), "."
    if options.model:
        read = read_model if is_model_file(options.model) else lambda name, given: workload(name, **given)
        config = read(options.model, {})
    baselines = load_baselines(platform)
    with progress("resolutions", len(SIDES)) as step:
        scaling = scale(platform, baselines, config, progress=step)
    for note in scaling.notes:
        print(f"Note  {note}")
    files = _drawn(lambda: resolution(scaling), _name(options, "resolution"), _forms(options))
    _write(options, folder, files)
    return 0


def _drawn(draw: Callable[[], Any], name: str, forms: tuple[str, ...]) -> dict[str, bytes]:
    from analysis.plots.style import render, style

    with style():
        figure = draw()
    return {f"{name}.{form}": render(figure, form) for form in forms}


def _name(options: argparse.Namespace, kind: str) -> str:
    if options.output:
        return os.path.splitext(os.path.basename(options.output))[0]
    return kind if options.layer is None or kind not in WINDOWED else f"{kind}-layer{options.layer}"


def _forms(options: argparse.Namespace) -> tuple[str, ...]:
    return (os.path.splitext(options.output)[1][1:],) if options.output else FORMS


def _write(options: argparse.Namespace, folder: str, files: dict[str, bytes]) -> None:
    target = os.path.dirname(options.output) or "." if options.output else folder
    write_files(target, files, "-o" if options.output else "into")
    print(f"Drawn in {target}: {', '.join(files)}")


def _what(options: argparse.Namespace) -> str:
    return "" if options.layer is None else f"layer {options.layer}"


def _conflicts(options: argparse.Namespace) -> list[Problem]:
    """Options that do not go together."""
    problems: list[Problem] = []
    windowed = given(options)
    if windowed and options.kind not in (None, *WINDOWED):
        place = Place(f"--kind {options.kind}")
        rule = f"must be {one_of(WINDOWED)} where {one_of(windowed)} is given"
        problems.append(Problem(place, rule))
    if options.model is not None and options.kind != "resolution":
        problems.append(
            Problem(Place(f"--model {options.model}"), "must be given with --kind resolution only")
        )
    if options.output:
        place = Place(f"-o {options.output}")
        if os.path.splitext(options.output)[1][1:] not in FORMS:
            problems.append(Problem(place, "must end in .png or .svg"))
        if options.kind is None:
            problems.append(Problem(place, f"must be given with --kind {one_of(KINDS)}"))
        try:
            check_folder(os.path.dirname(options.output) or ".", "-o")
        except InputError as error:
            problems += error.problems
    return problems


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InputError(problems)
