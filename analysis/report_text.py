"""A report for people: tables on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.resources import KINDS, amount, verdict

Report = Mapping[str, Any]


def show(told: Report, verbose: bool = False, console: Console | None = None) -> None:
    """Print a report; `verbose` adds ports and the energy by engine."""
    # a pipe has no width of its own: wide enough that no cell is cut
    out = console or Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    memory = told["memory"] or "no memory model"
    head = f"ViM {told['model']}, {told['resolution']} x {told['resolution']}, batch {told['batch']}"
    schedule = told["schedule"] or ""
    schedule = f"; calls {schedule}" if schedule.startswith("overlapped") else ""
    out.print(Text(f"{head}, on {told['platform']}: {memory}{schedule}", style="bold"))
    out.print(Text(told["description"], style="dim"))
    out.print()
    out.print(_headline(told))
    out.print(_labelled("Bottleneck", told["bottleneck"]))
    _engines(told, out)
    _calls(told, out)
    if told["critical_path"]:
        _critical_path(told, out)
    if told["gauges"]:
        _gauges(told, verbose, out)
    if verbose:
        _ports(told, out)
    out.print()
    _traffic(told, out)
    _energy(told, verbose, out)
    _resources(told, verbose, out)
    if told["baselines"]:
        _baselines(told, out)
    out.print()
    for note in told["notes"]:
        out.print(Text(f"Note  {note}", style="dim"))
    sim = told["sim"]
    replayed = f", {sim['replayed_calls']:,} calls replayed" if sim["replayed_calls"] else ""
    out.print(
        Text(f"Simulated in {sim['wall_s']:.2f} s with {sim['events']:,} events{replayed}.", style="dim")
    )


def _headline(told: Report) -> Text:
    cycles = f" ({told['cycles']:,} cycles at {told['clock_hz'] / 1e6:g} MHz)" if told["cycles"] else ""
    text = Text(f"Latency {told['latency_ms']:.3f} ms", style="bold")
    text.append(f"{cycles}, {told['frames_per_s']:.2f} frames/s", style="not bold")
    if told["energy_j"] is not None:
        text.append(f", {told['energy_j']:.4g} J, {told['power_w']:.2f} W", style="not bold")
    return text


def _labelled(label: str, text: str) -> Text:
    return Text(f"{label}  ", style="bold").append(text, style="not bold")


def _table(left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    return table


def _print(out: Console, title: str, table: Table, definitions: str) -> None:
    out.print()
    out.print(Text(title, style="bold"))
    out.print(table)
    out.print(Text(definitions, style="dim"))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _engines(told: Report, out: Console) -> None:
    table = _table(("engine",), ("calls", "busy cycles", "share", "compute", "reads", "writes"))
    for name, engine in told["engines"].items():
        ports = engine["ports"]
        busiest = {
            what: max((p["utilization"] for p in ports.values() if p["command"] == what), default=None)
            for what in ("read", "write")
        }
        table.add_row(
            name, f"{engine['calls']:,}", f"{engine['busy_cycles']:,}", _percent(engine["share"]),
            _percent(engine["compute_utilization"]), _percent(busiest["read"]), _percent(busiest["write"]),
        )  # fmt: skip
    host = told["host"]
    cycles = "-" if host["cycles"] is None else f"{host['cycles']:,}"
    table.add_row("host, between calls", "", cycles, _percent(host["share"]), "", "", "")
    definitions = (
        "share of the latency; compute: cycles in which the busiest stage works, reads and writes: beats of the "
        "busiest port, both of busy cycles"
    )
    _print(out, "Engines", table, definitions)


def _calls(told: Report, out: Console) -> None:
    table = _table(
        ("call", "engine"),
        ("calls", "cycles a call", "share", "compute", "other", "waits for memory on", "bound by"),
    )
    for calls in told["calls"]:
        n = calls["calls"]
        waits = sorted(calls["waits"].items(), key=lambda item: -item[1])
        worst = [f"{port.partition('.')[2]} {wait / n:,.0f}" for port, wait in waits if wait / n >= 1]
        table.add_row(
            calls["kind"], calls["engine"], f"{n:,}", f"{calls['cycles'] / n:,.0f}",
            _percent(calls["share"]), f"{calls['compute_cycles'] / n:,.0f}",
            f"{calls['other_cycles'] / n:,.0f}", ", ".join(worst[:2]),
            (calls["binding"] or "").removeprefix(f"{calls['engine']}."),
        )  # fmt: skip
    definitions = "cycles a call = compute + waits + other: loading, filling, draining, dependent steps"
    _print(out, "Calls", table, definitions)


def _ports(told: Report, out: Console) -> None:
    table = _table(("port", "command"), ("beats", "bursts", "beats a burst", "utilization", "wait cycles"))
    for engine, of in told["engines"].items():
        for name, port in of["ports"].items():
            table.add_row(
                f"{engine}.{name}", port["command"], f"{port['beats']:,}", f"{port['bursts']:,}",
                f"{port['beats'] / port['bursts']:.1f}", _percent(port["utilization"]),
                f"{port['wait_cycles']:,}",
            )  # fmt: skip
    if table.row_count:
        definitions = "utilization: beats of busy cycles; wait: cycles that calls ended later for the port"
        _print(out, "Ports", table, definitions)


def _critical_path(told: Report, out: Console) -> None:
    path = told["critical_path"]
    if sum(part["calls"] for part in path if part["kind"] in _kinds(told)) == _all_calls(told):
        return  # one call after the other: the path is everything, and the calls stand above
    table = _table(("on the path", "of"), ("spans", "ms", "share"))
    for part in path:
        table.add_row(
            part["kind"], part["engine"], f"{part['calls']:,}", f"{part['ms']:.3f}", _percent(part["share"])
        )
    definitions = "the chain of calls and host work that wait for each other, from the start to the end"
    _print(out, "Critical path", table, definitions)


def _kinds(told: Report) -> set[str]:
    return {calls["kind"] for calls in told["calls"]}


def _all_calls(told: Report) -> int:
    return sum(calls["calls"] for calls in told["calls"])


def _gauges(told: Report, verbose: bool, out: Console) -> None:
    table = _table(("call", "FIFO or buffer"), ("places", "peak", "mean", "full", "empty"))
    for calls in told["gauges"]:
        for name, gauge in calls["fifos"].items():
            if verbose or gauge["full_share"] >= 0.01:
                table.add_row(
                    calls["kind"], name, f"{gauge['capacity']:,}", f"{gauge['peak']:,}",
                    f"{gauge['mean']:,.1f}", _percent(gauge["full_share"]), _percent(gauge["empty_share"]),
                )  # fmt: skip
    definitions = "full, empty: share of the calls' cycles; those full for less than 1% only with --verbose"
    _print(out, "FIFOs and buffers", table, definitions)
    for text in told["advice"] or ():
        out.print(_labelled("Advice", text))
    out.print(Text("Advice was tried: the call by itself, one depth changed.", style="dim"))


def _traffic(told: Report, out: Console) -> None:
    for name, memory in told["traffic"]["memories"].items():
        achieved, peak = memory["achieved_bytes_per_s"], memory["peak_bytes_per_s"]
        limit = (
            f"{memory['utilization']:.1%} of {peak / 1e9:.2f} GB/s peak" if peak else "no limit of its own"
        )
        text = (
            f"{memory['read_bytes'] / 1e6:,.1f} MB read, {memory['write_bytes'] / 1e6:,.1f} MB written, "
            f"{achieved / 1e9:.2f} GB/s on average ({limit})"
        )
        out.print(_labelled(f"Traffic of {name}", text))


def _energy(told: Report, verbose: bool, out: Console) -> None:
    energy = told["energy"]
    if energy is None:
        return

    def shares(parts: Mapping[str, float]) -> str:
        total = sum(parts.values())
        named = {name: joules / total for name, joules in parts.items() if joules >= 0.001 * total}
        texts = [f"{name} {share:.1%}" for name, share in named.items()]
        return ", ".join(texts + ["less than 0.1% each: the rest"] * (len(named) < len(parts)))

    out.print(_labelled("Energy", f"{told['energy_j']:.4g} J: {shares(energy['by_action_j'])}"))
    if verbose:
        out.print(_labelled("Energy by owner", shares(energy["by_owner_j"])))
    if energy["dram_j"] is not None:
        apart = f"{energy['dram_j'] * 1e3:.4g} mJ, outside the chip and not part of its energy"
        out.print(_labelled("DRAM devices", apart))


def _resources(told: Report, verbose: bool, out: Console) -> None:
    found = told["resources"]
    if found is None:
        out.print(_labelled("Resources", "none of programmable logic"))
        return
    table = _table(("programmable logic",), (*KINDS.values(), "memory LUT"))

    def row(name: str, takes: Mapping[str, Any]) -> None:
        table.add_row(name, *(amount(takes[kind]) for kind in (*KINDS, "memory_lut")))

    for name, takes in found["by_component"].items():
        row(name, takes)
        for part in found["parts"] if verbose else ():
            if part["component"] == name:
                row(f"  {part['part']}, {part['size']}", part)
    row("together", found["total"])
    if found["device"]:
        share = (_percent(found["utilization"][kind]) for kind in KINDS)
        table.add_row(f"of {found['board']}", *share, "")
    definitions = (
        "LUT: of logic and of memory; interconnects, clocking and the processing system are not in it"
    )
    _print(out, "Resources", table, definitions)
    out.print(Text(verdict(found), style="bold yellow" if found["fits"] is False else ""))


def _baselines(told: Report, out: Console) -> None:
    table = _table(("platform",), ("latency ms", "power W", "energy J", "speed-up", "energy ratio"))
    for name, other in told["baselines"].items():
        joules, ratio = other["energy_j"], other["energy_ratio"]
        table.add_row(
            name, f"{other['latency_ms']:.2f}", "-" if joules is None else f"{other['power_w']:.1f}",
            "-" if joules is None else f"{joules:.4g}", f"{other['speedup']:.2f}x",
            "-" if ratio is None else f"{ratio:.1f}x",
        )  # fmt: skip
    definitions = "speed-up: their latency over this one's; energy ratio: their energy over this one's"
    _print(out, "Compared with models of", table, definitions)
