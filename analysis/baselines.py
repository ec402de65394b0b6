"""The platforms that a report compares with: loaded before the simulation, run with the same workload."""

from __future__ import annotations

import os
from collections.abc import Mapping

from analysis.platform_path import find_platform
from analysis.report import ReportParams
from analysis.simulate import Result, Workload, simulate
from tlm.errors import InputError, Place, Problem
from tlm.platform import Platform, load_platform
from workloads.vim.errors import WorkloadError


def load_baselines(platform: Platform) -> dict[str, Platform]:
    """The platforms of `report.baselines` by name, paths relative to the file that lists them.

    A bare name that is no file there is one of those that come with the program.

    Raises InputError with the problems of all of them.
    """
    params = platform.sections.get("report")
    if not isinstance(params, ReportParams):
        return {}
    origin = platform.origins["report.baselines"]
    listed = origin.kind in ("file", "delta")
    folder = os.path.dirname(origin.file if listed else platform.path)
    found: dict[str, Platform] = {}
    problems: list[Problem] = []
    for file in params.baselines:
        path = os.path.join(folder, file)
        if not os.path.isfile(path) and os.path.isfile(shipped := find_platform(file)):
            path = shipped
        if not os.path.isfile(path):
            place = Place(origin.file, origin.line, 1) if listed else Place(str(origin))
            problems.append(
                Problem(place, f"report.baselines must name platform files that can be read, not '{path}'")
            )
            continue
        try:
            baseline = load_platform(path)
        except InputError as error:
            problems += error.problems
        else:
            found[baseline.name] = baseline
    if problems:
        raise InputError(problems)
    return found


def run_baselines(
    platforms: Mapping[str, Platform], workload: Workload
) -> tuple[dict[str, Result], list[str]]:
    """Results by name, and for each platform that cannot hold the workload a note that says why."""
    results, notes = {}, []
    for name, platform in platforms.items():
        try:
            results[name] = simulate(platform, workload)
        except WorkloadError as error:
            notes += [f"No comparison with {name}: {message}" for message in error.messages]
    return results, notes
