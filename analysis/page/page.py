"""A run as one page that needs nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from analysis.kept_run import KeptRun
from analysis.page.pictures import pictures
from analysis.page.tables import tables
from analysis.page.timeline_data import kinds, timeline

NAME = "report.html"
SHARES = {
    "compute": "busiest stages work",
    "memory": "calls wait for ports",
    "latency": "neither: filling, draining, dependent steps",
    "host": "no engine works",
}


def page(run: KeptRun) -> str:
    """The page's text: tables, timeline, plots, the platform, what made it."""
    told = run.report
    data, left_out = timeline(run)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_asset("page.html.j2"))
    return template.render(
        title=run.name,
        told=told,
        tiles=_tiles(told),
        parts=[(name, told["time"][name], what) for name, what in SHARES.items()],
        kinds=kinds(run),
        moves=bool(run.memories),
        shortened=left_out,
        tables=tables(told),
        pictures=pictures(run),
        values=list(_values(run)),
        command=run.provenance.get("command", ""),
        facts=list(_facts(run)),
        css=Markup(_asset("page.css")),
        timeline=Markup(data),
        timeline_js=Markup(_asset("timeline.js")),
        tables_js=Markup(_asset("tables.js")),
    )


def kept_files(run: KeptRun) -> dict[str, bytes]:
    """Content of every file that `run --out` keeps, by its name: the run's own and the page."""
    return run.files() | {NAME: page(run).encode()}


def _asset(name: str) -> str:
    return (files("analysis.page") / name).read_text(encoding="utf-8")


def _tiles(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    tiles = [(f"{told['latency_ms']:.3f} ms", "latency"), (f"{told['frames_per_s']:.2f}", "frames a second")]
    if told["energy_j"] is not None:
        tiles += [(f"{told['energy_j']:.4g} J", "energy"), (f"{told['power_w']:.2f} W", "power on average")]
    if told["cycles"] is not None:
        tiles.append((f"{told['cycles']:,}", f"cycles at {told['clock_hz'] / 1e6:g} MHz"))
    return [*tiles, (f"{told['macs'] / 1e9:.3f} G", "multiply-accumulates")]


def _values(run: KeptRun) -> Iterator[tuple[str, str, str]]:
    """Key, value and origin of everything in the platform."""
    origins = run.provenance.get("platform", {}).get("origins", {})

    def leaves(tree: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
        for name, value in tree.items():
            key = f"{path}{name}"
            if isinstance(value, dict) and value:
                yield from leaves(value, f"{key}.")
            else:
                yield key, value if isinstance(value, str) else json.dumps(value), origins.get(key, "")

    yield from leaves(run.platform.resolved(), "")


def _facts(run: KeptRun) -> Iterator[tuple[str, str]]:
    made, sim = run.provenance, run.report["sim"]
    for name, version in made.get("versions", {}).items():
        yield name, version or "not installed"
    for path, digest in made.get("platform", {}).get("files", {}).items():
        yield path, f"SHA-256 {digest}"
    seed = made.get("seed")
    yield "seed", "none: timing depends on no random numbers" if seed is None else str(seed)
    replayed = f", {sim['replayed_calls']:,} calls replayed" if sim["replayed_calls"] else ""
    yield "simulation", f"{sim['wall_s']:.2f} s, {sim['events']:,} events{replayed}"
