"""What a timeline shows: calls wide enough to be seen as bars, all others as how busy each column is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analysis.bins import spread
from analysis.kept_run import KeptRun, Window
from tlm.trace import Span

BETWEEN = "between calls"  # the kind of time in which no engine works
THIN = 2  # columns: narrower calls are added up


@dataclass
class Lane:
    """One track. `density` has, by kind, the share of each column that calls too thin for a bar take."""

    track: str
    bars: list[Span] = field(default_factory=list)
    density: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    calls: int = 0


def lanes(run: KeptRun, window: Window, columns: int) -> list[Lane]:
    """Lanes of the engines, then of the hosts; a host that records nothing works between the calls."""
    begin, end = window
    edges = np.linspace(begin, end, columns + 1)
    spans = run.spans_in(begin, end)
    found = [_lane(engine, [s for s in spans if s.track == engine], edges) for engine in run.engines]
    for host in run.hosts:
        own = [s for s in run.trace.spans if s.track == host and s.start < end and s.end > begin]
        found.append(_lane(host, own or _between(host, spans, window), edges))
    return found


def _lane(track: str, spans: Sequence[Span], edges: npt.NDArray[np.float64]) -> Lane:
    lane = Lane(track, calls=len(spans))
    width = (edges[-1] - edges[0]) / (len(edges) - 1)
    thin: dict[str, list[Span]] = {}
    for span in spans:
        if span.end - span.start >= THIN * width:
            lane.bars.append(span)
        elif span.end > span.start:
            thin.setdefault(span.kind, []).append(span)
    for kind, few in thin.items():
        start, end = (
            np.array(times, dtype=np.int64) for times in zip(*((s.start, s.end) for s in few), strict=True)
        )
        lane.density[kind] = spread(start, end, end - start, edges) / width
    return lane


def _between(host: str, spans: Sequence[Span], window: Window) -> list[Span]:
    gaps, at = [], window[0]
    for span in sorted(spans, key=lambda s: s.start):
        if span.start > at:
            gaps.append(Span(host, BETWEEN, BETWEEN, at, span.start))
        at = max(at, span.end)
    if at < window[1]:
        gaps.append(Span(host, BETWEEN, BETWEEN, at, window[1]))
    return gaps
