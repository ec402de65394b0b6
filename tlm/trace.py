"""The record of a run: every report is a query over it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tlm.gauge import Gauge

LOG = logging.getLogger(__name__)  # a line a span at INFO, with simulated time, the host's left out
# kinds of a host's spans, named after the call
SETUP = "setup"  # the host prepares a call and starts it
POLL = "poll"  # the call has ended, and the host has not seen it yet


@dataclass(frozen=True)
class PortActivity:
    """What one memory port did during one call. Times in cycles of the engine's clock since the call's start.

    `bursts` has a row a burst: address accepted, first beat, last beat, beats. `wait` counts the cycles in
    which the engine could have gone on but for this port.
    """

    port: str
    command: str
    beats: int
    bytes: int
    bursts: npt.NDArray[np.int64]
    wait: int


@dataclass(frozen=True)
class CallRecord:
    """What a call did, relative to its start; equal calls in equal circumstances share one record."""

    cycles: int
    compute: int  # cycles in which the busiest stage worked
    ports: tuple[PortActivity, ...]
    counts: Mapping[str, int]  # actions by dotted name, for energy and checks
    stalls: Mapping[str, int] = field(default_factory=dict)  # cycles in which a full FIFO stopped its source
    gauges: tuple[Gauge, ...] = ()


@dataclass(frozen=True)
class Span:
    """Something that lasted from `start` to `end` (ps) on a track."""

    track: str
    name: str
    kind: str
    start: int
    end: int
    record: CallRecord | None = None
    args: Mapping[str, Any] = field(default_factory=dict)


class Trace:
    """Spans in order of their end, counters by dotted name, and how many events the kernel scheduled."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.counters: Counter[str] = Counter()
        self.replayed = 0

    def span(self, track: str, name: str, kind: str, start: int, end: int,
             record: CallRecord | None = None, **args: Any) -> None:  # fmt: skip
        self.spans.append(Span(track, name, kind, start, end, record, args))
        if LOG.isEnabledFor(logging.INFO) and kind not in (SETUP, POLL):
            took = f"{(end - start) * 1e-6:,.3f} us" if record is None else f"{record.cycles:,} cycles"
            LOG.info("[%9.3f ms] %s %s %s", end * 1e-9, track, name, took)

    def count(self, name: str, n: int = 1) -> None:
        self.counters[name] += n

    @property
    def calls(self) -> list[Span]:
        """The spans of engine calls."""
        return [span for span in self.spans if span.record is not None]
