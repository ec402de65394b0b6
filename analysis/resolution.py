"""Latency and energy against resolution, beside the baselines (the paper's Fig. 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analysis.baselines import run_baselines
from analysis.energy import energy
from analysis.simulate import Result, Workload, simulate
from tlm.platform import Platform
from workloads.vim.config import VimConfig

SIDES = (96, 112, 160, 224, 256)  # pixels; arXiv 2605.01935, Fig. 11


@dataclass(frozen=True)
class Sample:
    """A run at `side` pixels: seconds and joules an image, None without energy."""

    side: int
    latency_s: float
    energy_j: float | None

    @classmethod
    def of(cls, result: Result) -> Sample:
        spent = energy(result)
        return cls(result.workload.resolution, result.latency_s, spent.total if spent else None)


@dataclass(frozen=True)
class Scaling:
    """A platform's samples by side, and those of each baseline that can hold the model."""

    model: str
    platform: str
    samples: tuple[Sample, ...]
    baselines: Mapping[str, tuple[Sample, ...]]
    notes: tuple[str, ...]

    def speedups(self, baseline: str) -> list[float]:
        """The baseline's latency over the platform's, a resolution each."""
        pairs = zip(self.samples, self.baselines[baseline], strict=True)
        return [theirs.latency_s / ours.latency_s for ours, theirs in pairs]

    def energy_ratios(self, baseline: str) -> list[float] | None:
        """The baseline's energy over the platform's; None where one of them has none."""
        pairs = [
            (a.energy_j, b.energy_j) for a, b in zip(self.samples, self.baselines[baseline], strict=True)
        ]
        return [b / a for a, b in pairs if a and b] if all(a and b for a, b in pairs) else None


def scale(
    platform: Platform,
    baselines: Mapping[str, Platform],
    config: VimConfig,
    sides: Sequence[int] = SIDES,
    progress: Callable[[], None] = lambda: None,
) -> Scaling:
    """Simulate one image at each resolution. Raises WorkloadError for what the platform cannot hold."""
    works = [Workload.of(config, side) for side in sides]
    samples, others, notes = [], {name: [] for name in baselines}, []  # type: ignore[var-annotated]
    for work in works:
        samples.append(Sample.of(simulate(platform, work)))
        found, told = run_baselines(baselines, work)
        notes += [note for note in told if note not in notes]
        for name, result in found.items():
            others[name].append(Sample.of(result))
        progress()
    whole = {name: tuple(kept) for name, kept in others.items() if len(kept) == len(works)}
    return Scaling(config.name, platform.name, tuple(samples), whole, tuple(notes))
