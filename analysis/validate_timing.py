"""Predicted against measured cycles, call by call."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.single_call import run_call
from analysis.timing_rows import TimingRow
from tlm.platform import load_platform
from tlm.simulation import Simulation

LONG = 1000  # cycles; shorter calls are left out of the largest error that counts


@dataclass(frozen=True)
class Prediction:
    row: TimingRow
    cycles: int

    @property
    def error(self) -> int:
        """Cycles, positive where the prediction is too long."""
        return self.cycles - self.row.cycles

    @property
    def percent(self) -> float:
        return 100 * abs(self.error) / self.row.cycles


@dataclass(frozen=True)
class Statistics:
    """`mean_abs_pct` and the two maxima are errors in percent of the measured cycles."""

    rows: int
    exact: int
    within_1: int
    mean_abs_pct: float
    max_abs_pct: float
    max_abs_pct_ge_1000: float

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> Statistics:
        percents = [p.percent for p in predictions]
        return cls(
            rows=len(predictions),
            exact=sum(p.error == 0 for p in predictions),
            within_1=sum(abs(p.error) <= 1 for p in predictions),
            mean_abs_pct=sum(percents) / len(percents) if percents else 0.0,
            max_abs_pct=max(percents, default=0.0),
            max_abs_pct_ge_1000=max((p.percent for p in predictions if p.row.cycles >= LONG), default=0.0),
        )


def predict(
    rows: Iterable[TimingRow], platform: str, memory: str, progress: Callable[[], None] | None = None
) -> list[Prediction]:
    """Run every row's call on a platform whose component `memory` takes the row's memory settings.

    Raises InputError for the platform and WorkloadError for a call that does not fit its engine.
    """
    simulations: dict[tuple[Any, ...], Simulation] = {}
    predictions = []
    for row in rows:
        settings = row.memory_settings
        key = tuple(settings.values())
        if key not in simulations:
            texts = {True: "true", False: "false"}
            overrides = [
                f"components.{memory}.{name}={texts.get(value, value) if isinstance(value, bool) else value}"
                for name, value in settings.items()
            ]
            simulations[key] = Simulation(load_platform(platform, overrides))
        predictions.append(Prediction(row, run_call(simulations[key], row.operation()).cycles))
        if progress is not None:
            progress()
    return predictions


def summarize(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """{"rows", "engines": {name: Statistics}, "memories": {"ideal", "other"}, "total": Statistics} as plain data."""
    ordered = sorted(predictions, key=lambda p: p.row.engine)
    engines = {
        engine: vars(Statistics.of(list(group)))
        for engine, group in itertools.groupby(ordered, key=lambda p: p.row.engine)
    }
    ideal = [p for p in predictions if p.row.memory == "ideal"]
    other = [p for p in predictions if p.row.memory != "ideal"]
    return {
        "rows": len(predictions),
        "engines": engines,
        "memories": {"ideal": vars(Statistics.of(ideal)), "other": vars(Statistics.of(other))},
        "total": vars(Statistics.of(predictions)),
    }
