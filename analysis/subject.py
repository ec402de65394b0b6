"""One side of a comparison: what went in, what came out, and when which engine was busy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.kept_run import KeptRun

WORKLOAD = ("model", "resolution", "batch")
FIGURES = ("latency_ms", "cycles", "clock_hz", "frames_per_s", "energy", "engines", "host", "time", "calls")
NO_INPUT = ("description", "report.")  # what a report says beside the figures


@dataclass(frozen=True)
class Input:
    """A key's value as text, and where it comes from."""

    value: str
    origin: str


@dataclass(frozen=True)
class Bar:
    """A call: its engine, its name in the program, its kind, ps from `start` to `end`."""

    engine: str
    name: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Subject:
    """A run to compare, with its report as in docs/metrics.md."""

    label: str
    report: Mapping[str, Any]
    inputs: Mapping[str, Input]
    bars: tuple[Bar, ...]

    @classmethod
    def of(cls, label: str, run: KeptRun) -> Subject:
        bars = tuple(Bar(s.track, s.name, run.label(s), s.start, s.end) for s in run.spans)
        return cls(label, run.report, {**_workload(run.report), **_platform(run)}, bars)

    @property
    def resources(self) -> Mapping[str, Any] | None:
        """Those of the report; None for a platform that has none and for runs kept by earlier versions."""
        return self.report.get("resources")

    @property
    def outcome(self) -> dict[str, Any]:
        """What an input can change: the report's figures without inputs and texts."""
        told: dict[str, Any] = {key: self.report[key] for key in FIGURES}
        told["resources"] = self.resources and [self.resources[key] for key in ("device", "by_component")]
        memories = self.report["traffic"]["memories"]
        told["traffic"] = {
            name: {key: value for key, value in memory.items() if key != "description"}
            for name, memory in memories.items()
        }
        return told


def leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, value as text) of a resolved platform; lists and empty maps are values."""
    for key, value in tree.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and value:
            yield from leaves(value, here)
        else:
            yield here, value if isinstance(value, str) else _plain(value)


def _plain(value: Any) -> str:
    match value:
        case None | True | False:
            return {None: "~", True: "true", False: "false"}[value]
        case list():
            return f"[{', '.join(map(_plain, value))}]"
        case dict():
            return "{}"
        case _:
            return str(value)


def _workload(told: Mapping[str, Any]) -> dict[str, Input]:
    given = {key: told[key] for key in WORKLOAD} | {
        key: value for key, value in told["sizes"].items() if key != "name"
    }
    return {f"workload.{key}": Input(str(value), "workload") for key, value in given.items()}


def _platform(run: KeptRun) -> dict[str, Input]:
    # a kept platform has all its values from one file: where they were written first is kept beside it
    origins = run.provenance.get("platform", {}).get("origins", {})
    return {
        key: Input(value, origins.get(key, ""))
        for key, value in leaves(run.platform.resolved())
        if not key.startswith(NO_INPUT)
    }
