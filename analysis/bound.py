"""What bounds calls of a kind, from a report's entry: its largest part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bound:
    """The largest part of the cycles: "compute", "latency", or the port that is waited for."""

    part: str
    share: float

    def __str__(self) -> str:
        what = self.part if self.part in ("compute", "latency") else f"waits on {self.part}"
        return f"{what} {self.share:.0%}"


def parts(calls: Mapping[str, Any]) -> dict[str, float]:
    """Cycles a call of each part: compute, a port each, latency. All of them make the call."""
    n = calls["calls"]
    return {
        "compute": calls["compute_cycles"] / n,
        **{port: wait / n for port, wait in calls["waits"].items()},
        "latency": calls["other_cycles"] / n,
    }


def bound(calls: Mapping[str, Any]) -> Bound | None:
    """None where the engine counts no cycles."""
    found = parts(calls)
    cycles = calls["cycles"] / calls["calls"]
    if not cycles:
        return None
    part = max(found, key=lambda name: found[name])
    return Bound(part, min(1.0, found[part] / cycles))


def words(calls: Mapping[str, Any], port: str) -> str:
    """How a port moves its words: "single-beat reads", "reads in bursts of 121 words"."""
    moved = calls.get("ports", {}).get(port)
    if moved is None:
        return "words"
    plural = {"read": "reads", "write": "writes"}[moved["command"]]
    each = moved["beats"] / moved["bursts"]
    return f"single-beat {plural}" if each == 1 else f"{plural} in bursts of {each:.0f} words"
