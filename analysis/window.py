"""Which part of a run to look at: `--from`, `--to`, `--layer`."""

from __future__ import annotations

import argparse
from itertools import groupby

from analysis.kept_run import KeptRun, Window
from analysis.time_option import parse_time
from tlm.errors import InputError, Place, Problem
from tlm.trace import Span
from tlm.units import Picoseconds, format_quantity


def window_arguments(parser: argparse.ArgumentParser, of: str = "") -> None:
    """Adds the options; `of`: what they are for, if not for all that the command does."""
    head = f"{of}: " if of else ""
    parser.add_argument(
        "--from", dest="begin", metavar="TIME", help=f"{head}such as '12.5 ms'; default: the start"
    )
    parser.add_argument("--to", dest="end", metavar="TIME", help=f"{head}default: the end")
    parser.add_argument("--layer", type=int, metavar="N", help=f"{head}one layer, counted from 0")


def given(options: argparse.Namespace) -> list[str]:
    """Those of the three options that are there."""
    options_by_name = {"--from": options.begin, "--to": options.end, "--layer": options.layer}
    return [name for name, value in options_by_name.items() if value is not None]


def window_of(run: KeptRun, options: argparse.Namespace) -> Window:
    """The part of a run that the options ask for, in ps. Raises InputError, all problems at once."""
    problems: list[Problem] = []
    times = {"--from": 0, "--to": run.elapsed}
    for option, text in (("--from", options.begin), ("--to", options.end)):
        if text is None:
            continue
        try:
            times[option] = parse_time(option, text)
        except InputError as error:
            problems += error.problems
    begin, end = times["--from"], times["--to"]
    if options.layer is not None:
        place = Place(f"--layer {options.layer}")
        if len(given(options)) > 1:
            problems.append(Problem(place, "must be given without --from and --to"))
        elif options.layer in run.layers:
            begin, end = run.layers[options.layer]
        else:
            known = f"0 to {max(run.layers)}" if run.layers else "left out: no call belongs to a layer"
            problems.append(Problem(place, f"must be {known}, not {options.layer}"))
    if not problems and not begin < end <= run.elapsed:
        told = f"{format_quantity(begin, Picoseconds)} to {format_quantity(end, Picoseconds)}"
        whole = format_quantity(run.elapsed, Picoseconds)
        problems.append(Problem(Place("--from, --to"), f"must be a part of the run's {whole}, not {told}"))
    if problems:
        raise InputError(problems)
    return begin, end


def cut(run: KeptRun, window: Window, calls: int) -> tuple[Window, str]:
    """The window up to where it has so many calls, and what that leaves out: "" if nothing."""
    begin, end = window
    spans = sorted(run.spans_in(begin, end), key=lambda s: s.start)
    if len(spans) <= calls:
        return window, ""
    told = f"the first {calls:,} of {len(spans):,} calls: --from and --to or --layer choose others"
    return (begin, spans[calls].start), told


def parts(run: KeptRun) -> list[tuple[str, int, int]]:
    """(name, begin, end) of what follows each other in a run: layers, and calls before and after them."""
    found = []
    for name, spans in groupby(sorted(run.spans, key=lambda s: s.start), key=part_name):
        inside = list(spans)
        found.append((name, inside[0].start, max(s.end for s in inside)))
    return found


def part_name(span: Span) -> str:
    """The layer of a call, "image0.layers.3"; the call's own name where it is in none."""
    head, found, rest = span.name.partition("layers.")
    return f"{head}{found}{rest.partition('.')[0]}" if found else span.name
