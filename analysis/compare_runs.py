"""Runs what a comparison needs, each variant once, and what every knob does on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.compare import Knob
from analysis.compare_resources import changes
from analysis.kept_run import KeptRun
from analysis.report import report
from analysis.simulate import Workload, simulate
from analysis.subject import Subject
from analysis.variants import Variant
from tlm.errors import InputError
from tlm.platform import Platform, load_platform
from tlm.simulation import Simulation
from workloads.vim.errors import WorkloadError


class Runs:
    """Variants of platform files, run with one workload."""

    def __init__(self, workload: Workload, step: Callable[[], None] | None = None):
        self.workload = workload
        self.step = step
        self._runs: dict[Variant, KeptRun] = {}

    def run(self, variant: Variant, platform: Platform | None = None) -> KeptRun:
        """Raises InputError for the platform, WorkloadError for what does not fit it, with its name."""
        if variant not in self._runs:
            platform = platform or load_platform(variant.path, variant.overrides)
            try:
                result = simulate(platform, self.workload, progress=self.step)
            except WorkloadError as error:
                raise WorkloadError([f"{variant.name}: {message}" for message in error.messages]) from None
            self._runs[variant] = KeptRun.of(result, report(result))
        return self._runs[variant]

    def knobs(self, label: str, variant: Variant) -> list[Knob]:
        """What each override of a variant does on its own to the file that it changes."""
        if variant.kept or not variant.overrides:
            return []
        before = Subject.of("", self.run(variant.base))
        ms = before.report["latency_ms"]
        found = []
        for override in variant.overrides:
            try:
                after = Subject.of("", self.run(variant.alone(override)))
            except (InputError, WorkloadError) as error:
                found.append(Knob(label, override, ms, None, False, str(error)))
                continue
            same = after.outcome == before.outcome
            totals = [s.resources and s.resources["total"] for s in (before, after)]
            takes = changes(totals[0], totals[1]) if totals[0] and totals[1] else None
            found.append(Knob(label, override, ms, after.report["latency_ms"], same, resources=takes))
        return found


def needed(variants: Sequence[Variant]) -> list[Variant]:
    """All that have to run for a comparison with its knobs, each once."""
    found: dict[Variant, None] = {}
    for variant in variants:
        if not variant.kept:
            found[variant] = None
            if variant.overrides:
                found[variant.base] = None
                found |= dict.fromkeys(map(variant.alone, variant.overrides))
    return list(found)


def check(variant: Variant) -> Platform:
    """The platform, bindings checked too. Raises InputError."""
    platform = load_platform(variant.path, variant.overrides)
    Simulation(platform)
    return platform
