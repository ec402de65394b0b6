"""`tlm validate`: predictions against measurements."""

from __future__ import annotations

import argparse
import json
from typing import Any

from analysis import console
from analysis.platform_path import find_platform
from analysis.time_option import parse_time
from analysis.timing_rows import read_timing
from analysis.validate_timing import LONG, Prediction, predict, summarize
from tlm.errors import InputError, Place, Problem

WORST = 10
TAKEN_BY = {
    "--platform": ("--timing", "--bandwidth"),
    "--no-spinal": ("--timing",),
    "--memory": ("--timing",),
    "--set": ("--bandwidth",),
    "--settle": ("--bandwidth",),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--timing", metavar="CSV", help="measured cycles of single calls")
    what.add_argument("--golden", metavar="DIR", help="recorded inputs and outputs of single calls, *.npz")
    what.add_argument("--bandwidth", metavar="CSV", help="measured bandwidth of the board's memory ports")
    parser.add_argument(
        "--platform",
        help="what to predict with (--timing: zcu102-rtl, --bandwidth: zcu102-axi-hp by default)",
    )
    parser.add_argument("--no-spinal", action="store_true", help="--timing: leave out the rows with spinal=1")
    parser.add_argument(
        "--memory",
        help="--timing: component of the platform that takes the memory settings (default: memory)",
    )
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE",
                        help="--bandwidth: change any key of the platform; may be repeated")  # fmt: skip
    parser.add_argument("--settle", metavar="TIME",
                        help="--bandwidth: from the last start to the measurement (default: '100 us')")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def main(options: argparse.Namespace) -> int:
    comparisons = {"--timing": _timing, "--golden": _golden, "--bandwidth": _bandwidth}
    chosen = next(kind for kind in comparisons if getattr(options, kind[2:]) is not None)
    _refuse_others(chosen, options)
    return comparisons[chosen](options)


def _refuse_others(chosen: str, options: argparse.Namespace) -> None:
    """Options of another comparison. Raises InputError."""
    problems = [
        Problem(Place(option), f"must be given with {' or '.join(kinds)}")
        for option, kinds in TAKEN_BY.items()
        if chosen not in kinds and getattr(options, option[2:].replace("-", "_"))
    ]
    if problems:
        raise InputError(problems)


def _timing(options: argparse.Namespace) -> int:
    rows = [row for row in read_timing(options.timing) if not (options.no_spinal and row.spinal)]
    with console.progress("calls", len(rows)) as step:
        platform = find_platform(options.platform or "zcu102-rtl")
        predictions = predict(rows, platform, options.memory or "memory", step)
    summary = summarize(predictions)
    if options.json:
        print(json.dumps({key: summary[key] for key in ("rows", "engines", "total")}))
        return 0
    lines = [
        (name, s["rows"], _share(s["exact"], s["rows"]), _share(s["within_1"], s["rows"]),
         *(f"{s[key]:.4f} %" for key in ("mean_abs_pct", "max_abs_pct", "max_abs_pct_ge_1000")))
        for name, s in (
            *summary["engines"].items(),
            ("ideal memory", summary["memories"]["ideal"]),
            ("other memories", summary["memories"]["other"]),
            ("total", summary["total"]),
        )
    ]  # fmt: skip
    columns = (
        "<engine",
        "rows",
        "exact",
        "within 1",
        "mean error",
        "worst",
        f"worst of {LONG} cycles and more",
    )
    console.table("Cycles, predicted against measured; errors in percent of the measured", columns, lines)
    worst = sorted(predictions, key=lambda p: p.percent, reverse=True)[:WORST]
    if worst and worst[0].error:
        console.table(
            "Worst rows",
            ("<call", "measured", "predicted", "off by", ""),
            [_row(p) for p in worst if p.error],
        )
    return 0


def _golden(options: argparse.Namespace) -> int:
    from analysis.golden import validate_golden

    report: dict[str, Any] = validate_golden(options.golden).to_dict()
    if options.json:
        print(json.dumps(report))
    else:
        rows = [(name, f["elements"], f["mismatches"]) for name, f in report["per_file"].items()]
        rows.append(("total", report["elements"], report["mismatches"]))
        console.table(
            "Recorded outputs against the integer kernels", ("<file", "elements", "mismatches"), rows
        )
    return 1 if report["mismatches"] else 0


def _bandwidth(options: argparse.Namespace) -> int:
    from analysis.bandwidth import PLATFORM, SETTLE, validate_bandwidth

    settle = SETTLE if options.settle is None else parse_time("--settle", options.settle)
    with console.counter("simulating traffic") as count:
        report = validate_bandwidth(
            options.bandwidth, options.platform or PLATFORM, options.set, settle, count
        )
    told = report.to_json()
    if options.json:
        print(json.dumps(told))
        return 0
    print(
        f"{told['points']} points, mean error {told['mean_abs_pct']:.1f} %, 90 % of them within "
        f"{told['p90_abs_pct']:.1f} %, worst {told['max_abs_pct']:.1f} %"
    )
    rows = [
        (p.traffic, f"{p.pl_mhz:g}", p.ports, p.burst_bytes, p.direction, f"{p.measured_MBps:.0f}",
         f"{p.predicted_MBps:.0f}", "-" if p.error_pct is None else f"{p.error_pct:+.1f} %")
        for p in report.per_point
    ]  # fmt: skip
    columns = ("<traffic", "PL MHz", "<ports", "burst B", "<direction", "measured", "predicted", "error")
    console.table("Bandwidth in MB/s, measured on the board and predicted", columns, rows)
    groups = [
        (traffic, ports, direction, len(errors), f"{sum(errors) / len(errors):.1f} %",
         f"{sum(e <= 10 for e in errors)}", f"{max(errors):.1f} %")
        for (traffic, ports, direction), errors in report.by_traffic.items()
    ]  # fmt: skip
    heads = ("<traffic", "ports", "<direction", "points", "mean error", "within 10 %", "worst")
    console.table("Errors by traffic", heads, groups)
    return 0


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def _row(p: Prediction) -> tuple[object, ...]:
    return p.row.call, p.row.cycles, p.cycles, f"{p.error:+d}", f"{p.percent:.3f} %"
