"""What a notebook uses: `tlm.run` and `tlm.compare`, results with tables and HTML."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from analysis.baselines import load_baselines, run_baselines
from analysis.compare import Comparison
from analysis.compare import compare as _compare
from analysis.folder import check_folder, write_files
from analysis.kept_run import KeptRun
from analysis.model_file import is_model_file, read_model
from analysis.platform_path import find_platform
from analysis.report import report as _report
from analysis.simulate import Workload, simulate
from analysis.subject import Subject
from analysis.variants import Variant, labels
from tlm.platform import load_platform
from workloads.lowering import workload

Table = list[dict[str, Any]]  # flat maps with the same keys: what pandas.DataFrame takes


@dataclass(frozen=True)
class Result:
    """A finished run. Tables are lists of flat maps; every figure is defined in docs/metrics.md."""

    kept: KeptRun
    overrides: tuple[str, ...] = ()

    @property
    def report(self) -> dict[str, Any]:
        """All of it, as `run --json` prints it."""
        return dict(self.kept.report)

    def to_dict(self) -> dict[str, Any]:
        return self.report

    @property
    def name(self) -> str:
        return Variant(self.kept.platform.path, self.overrides).name

    @property
    def latency_ms(self) -> float:
        return self.kept.report["latency_ms"]

    @property
    def cycles(self) -> int | None:
        return self.kept.report["cycles"]

    @property
    def frames_per_s(self) -> float:
        return self.kept.report["frames_per_s"]

    @property
    def energy_j(self) -> float | None:
        return self.kept.report["energy_j"]

    @property
    def power_w(self) -> float | None:
        return self.kept.report["power_w"]

    @property
    def bottleneck(self) -> str:
        return self.kept.report["bottleneck"]

    @cached_property
    def engines(self) -> Table:
        """A row per engine."""
        plain = ("calls", "busy_cycles", "share", "compute_utilization")
        return [
            {"engine": name, **{key: of[key] for key in plain}}
            for name, of in self.kept.report["engines"].items()
        ]

    @cached_property
    def ports(self) -> Table:
        """A row per memory port."""
        return [
            {"engine": engine, "port": name, **port}
            for engine, of in self.kept.report["engines"].items()
            for name, port in of["ports"].items()
        ]

    @cached_property
    def calls(self) -> Table:
        """A row per kind of call: cycles are sums over its calls, `waits_on` names the port waited for most."""
        rows = []
        for of in self.kept.report["calls"]:
            waits = of["waits"]
            rows.append({
                "engine": of["engine"], "kind": of["kind"], "calls": of["calls"], "cycles": of["cycles"],
                "share": of["share"], "compute_cycles": of["compute_cycles"], "wait_cycles": sum(waits.values()),
                "other_cycles": of["other_cycles"], "waits_on": max(waits, key=waits.get, default=None),
            })  # fmt: skip
        return rows

    @cached_property
    def spans(self) -> Table:
        """A row per single call in order of their ends; times in ms."""
        columns = self.kept.calls()
        rows = zip(*(columns[c] for c in _SPAN), strict=True)
        return [
            {"name": name, "kind": kind, "engine": engine, "layer": layer, "start_ms": start * 1e-9,
             "end_ms": end * 1e-9, "cycles": cycles, "compute_cycles": compute, "wait_cycles": wait}
            for name, kind, engine, layer, start, end, cycles, compute, wait in rows
        ]  # fmt: skip

    @cached_property
    def energy(self) -> Table:
        """A row per cause; none where the platform says nothing about energy."""
        told = self.kept.report["energy"]
        return [{"action": a, "energy_j": j} for a, j in told["by_action_j"].items()] if told else []

    @cached_property
    def resources(self) -> Table:
        """A row per part of programmable logic; none for a platform that has none. `fits` tells the whole."""
        told = self.kept.report.get("resources")
        return [{**part, "knobs": ", ".join(part["knobs"])} for part in told["parts"]] if told else []

    @property
    def fits(self) -> bool | None:
        """Whether the device holds it; None where the platform names no device."""
        told = self.kept.report.get("resources")
        return told["fits"] if told else None

    @cached_property
    def inputs(self) -> Table:
        """A row per input: key, value, where it comes from."""
        found = Subject.of(self.name, self.kept).inputs
        return [{"key": key, "value": i.value, "origin": i.origin} for key, i in found.items()]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Keep the run as `run --out` does. Raises InputError."""
        check_folder(os.fspath(folder))
        from analysis.page.page import kept_files  # the template engine takes its time

        write_files(os.fspath(folder), kept_files(self.kept))

    def __repr__(self) -> str:
        told = self.kept.report
        energy = "" if self.energy_j is None else f", {self.energy_j:.4g} J"
        return (
            f"<ViM {told['model']} at {told['resolution']}, batch {told['batch']}, on {self.name}: "
            f"{self.latency_ms:.3f} ms{energy}>"
        )

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(repr(self)[1:-1])}</b><br>{escape(self.bottleneck)}</p>" + html_table(
            [{**row, "share": f"{row['share']:.1%}"} for row in self.calls]
        )


_SPAN = ("name", "label", "engine", "layer", "start_ps", "end_ps", "cycles", "compute_cycles", "wait_cycles")


@dataclass(frozen=True)
class Compared(Comparison):
    """A comparison that a notebook shows."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        lines = "<br>".join(map(escape, self.summary))
        parts = [f"<p>{lines}</p>", html_table(self.inputs), html_table(self.outcome)]
        return "".join([*parts, html_table(self.movers)])


def run(
    platform: str | os.PathLike[str],
    *,
    model: str | Mapping[str, Any] = "tiny",
    resolution: int | None = None,
    batch: int = 1,
    overrides: Sequence[str] = (),
    baselines: bool = False,
    progress: Callable[[], None] | None = None,
) -> Result:
    """Simulate a model on a platform, timing only.

    `platform`: a file, or the name of one that comes with the package. `model`: tiny, small, base (with + for
    stride 8), a YAML file of sizes, or a map of sizes such as {"d_model": 64, "layers": 2}. `resolution`:
    pixels a side, as the model is made for if left out. `overrides`: "components.ssm.lanes=16" and the like.
    `baselines`: also run what the platform is compared with. `progress` is called after each operation.
    Raises InputError, WorkloadError.
    """
    checked = load_platform(find_platform(os.fspath(platform)), overrides)
    work = Workload.of(_config(model), resolution, batch)
    others = load_baselines(checked) if baselines else {}
    result = simulate(checked, work, progress=progress, gauges=True)
    told = _report(result, *run_baselines(others, work), gauges=False)
    return Result(KeptRun.of(result, told), tuple(overrides))


def compare(*results: Result | str | os.PathLike[str]) -> Compared:
    """Two or more results, or folders of kept runs; the first is what the others are compared with.

    Raises InputError for a folder, ValueError for fewer than two.
    """
    runs = [r if isinstance(r, Result) else Result(KeptRun.load(os.fspath(r))) for r in results]
    variants = [
        Variant(r.kept.folder or r.kept.platform.path, r.overrides, kept=r.kept.folder is not None)
        for r in runs
    ]
    subjects = [Subject.of(label, r.kept) for label, r in zip(labels(variants), runs, strict=True)]
    found = _compare(subjects)
    return Compared(found.subjects, found.inputs, found.outcome, found.differences)


def html_table(rows: Table) -> str:
    """An HTML table of flat maps; "" for none."""
    if not rows:
        return ""
    head = "".join(f"<th>{escape(str(key))}</th>" for key in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(_cell(v))}</td>' for v in row.values())}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.3f}" if abs(value) >= 1 else f"{value:.4g}"
    return str(value)


def _config(model: str | Mapping[str, Any]) -> Any:
    if isinstance(model, str) and is_model_file(model):
        return read_model(model, {})
    return workload(dict(model) if isinstance(model, Mapping) else model)
