"""What takes most of the time and what bounds it, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.calls import CallGroup


def bottleneck(groups: Sequence[CallGroup], elapsed: int, host: int, of: str = "the time") -> str:
    """`groups` by engine and kind of call, the longest first; `elapsed`, which is all `of`, and `host` in ps."""
    if not groups or host > groups[0].time:
        return (
            f"The host takes {host / elapsed:.1%} of {of}, in which no engine works: it prepares calls and "
            f"notices their ends."
        )
    top = groups[0]
    head = f"{top.label} on {top.engine} takes {top.time / elapsed:.1%} of {of} ({_calls(top.calls)})"
    if not top.cycles:
        return f"{head}."
    each = f"of {round(top.cycles / top.calls):,} cycles a call"
    port, wait = max(top.waits.items(), key=lambda item: item[1], default=("", 0))
    if top.working >= max(wait, top.other):
        return (
            f"{head} and is bound by its compute, which works {round(top.working / top.calls):,} {each} "
            f"({top.working / top.cycles:.1%})."
        )
    if wait >= top.other:
        beats = top.beats[port] / top.bursts[port]
        reads = "single-word bursts" if beats == 1 else f"bursts of {beats:.1f} words on average"
        return (
            f"{head} and waits for memory: {round(wait / top.calls):,} {each} on {port}, in {reads}; "
            f"its compute works {top.working / top.cycles:.1%}."
        )
    return (
        f"{head} and is bound by its own latency: {round(top.other / top.calls):,} {each} are neither compute "
        f"nor waiting for memory, but loading, filling, draining and steps that depend on each other."
    )


def _calls(n: int) -> str:
    return "1 call" if n == 1 else f"{n:,} calls"
