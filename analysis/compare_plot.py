"""Timelines side by side: whole runs, and below one layer call by call, on the same scale."""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis import lanes, palette
from analysis.compare import Comparison
from analysis.output_file import write_file
from analysis.plots.style import ink
from analysis.subject import Bar

HATCHED = 0.01  # of the time axis: narrower bars have no room for a hatch
LANE = 0.22  # inch a lane
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "ooo", "---", "+++")  # tell engines apart in grey


def plot(comparison: Comparison, path: str, layer: int = 0) -> None:
    """Write a picture, whole or not at all, in the format that the suffix names. Raises InputError."""
    kind = os.path.splitext(path)[1][1:].lower()
    metadata: dict[str, Any] = {} if kind == "png" else {"CreationDate" if kind == "pdf" else "Date": None}
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "tlm", "hatch.linewidth": 0.5}):
        draw(comparison, layer).savefig(content, format=kind, dpi=150, metadata=metadata)
    write_file(path, content.getvalue(), "-o")


def draw(comparison: Comparison, layer: int = 0) -> Figure:
    """The figure; the layer's part is left out where a run has no such layer."""
    subjects = comparison.subjects
    names = lanes.engines(subjects)
    kinds = lanes.kinds(subjects)
    by_kind = palette.colours(kinds.values())
    colour = {name: by_kind[kinds[name]] for name in names}
    hatch = {name: HATCHES[at % len(HATCHES)] for at, name in enumerate(names)}
    windows = [lanes.layer(s, layer) for s in subjects]
    parts = [("Whole run", [s.bars for s in subjects])]
    if all(windows):
        parts.append((f"Layer {layer}", windows))
    rows = len(subjects)
    lane_inch = LANE * len(names)
    height = len(parts) * (rows * (lane_inch + 0.55) + 0.5) + 0.6 + 0.35 * len(comparison.summary[:4])
    figure = Figure(figsize=(12, height), layout="constrained")
    figure.suptitle(
        "\n".join(_wrap(line, 160) for line in comparison.summary[:4]), fontsize=9, ha="left", x=0.01
    )
    for at, (panel, (title, of)) in enumerate(
        zip(figure.subfigures(len(parts), 1, squeeze=False)[:, 0], parts, strict=True)
    ):
        begins = [0 if at == 0 else min(b.start for b in bars) for bars in of]
        longest = max(max(b.end for b in bars) - begin for bars, begin in zip(of, begins, strict=True))
        scale, unit = (1e-9, "ms") if longest >= 1e9 else (1e-6, "us")
        wide = {b.engine for bars in of for b in bars if b.end - b.start > HATCHED * longest}
        hatched = {name: hatch[name] if name in wide else "" for name in names}
        axes = panel.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        for axis, subject, bars, begin in zip(axes, subjects, of, begins, strict=True):
            _lanes(axis, bars, begin, scale, names, colour, hatched)
            took = (max(b.end for b in bars) - begin) * scale
            axis.set_title(f"{title} on {subject.label}: {took:,.3f} {unit}", fontsize=9, loc="left")
            axis.axvline(took, color="0.2", linewidth=0.8, linestyle=":")
        axes[-1].set_xlim(0, longest * scale * 1.01)
        axes[-1].set_xlabel(unit)
    patches = [Patch(facecolor=colour[n], hatch=hatch[n], edgecolor=ink(colour[n]), label=n) for n in names]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(names), fontsize=8, frameon=False)
    return figure


def _lanes(
    axis: Any, bars: Sequence[Bar], begin: int, scale: float, names: Sequence[str],
    colour: Mapping[str, str], hatch: Mapping[str, str],
) -> None:  # fmt: skip
    for lane, name in enumerate(names):
        spans = [((b.start - begin) * scale, (b.end - b.start) * scale) for b in bars if b.engine == name]
        axis.broken_barh(
            spans, (lane - 0.42, 0.84), facecolor=colour[name], hatch=hatch[name],
            edgecolor=ink(colour[name]) if hatch[name] else colour[name], linewidth=0.3,
        )  # fmt: skip
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=8)
    axis.grid(axis="x", color="0.9", linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _wrap(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width))
