"""`trace`: a kept run for Perfetto or GTKWave."""

from __future__ import annotations

import argparse
import os

from analysis.folder import write_files
from analysis.kept_run import KeptRun
from analysis.window import cut, window_arguments, window_of

NAMES = {"perfetto": "trace.perfetto.json", "vcd": "trace.vcd"}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a run kept by `tlm run --out DIR`")
    parser.add_argument("--format", choices=tuple(NAMES), default="perfetto", help="default: perfetto")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="default: trace.perfetto.json or trace.vcd in DIR"
    )
    window_arguments(parser)


def main(options: argparse.Namespace) -> int:
    run = KeptRun.load(options.folder)
    window = window_of(run, options)
    if options.format == "vcd":
        from analysis.exports.vcd import CALLS
        from analysis.exports.vcd import vcd as export
    else:
        from analysis.exports.chrome_trace import CALLS
        from analysis.exports.chrome_trace import chrome_trace as export
    path = options.output or os.path.join(options.folder, NAMES[options.format])
    text = export(run, window)
    write_files(os.path.dirname(path) or ".", {os.path.basename(path): text.encode()}, "-o")
    _, left_out = cut(run, window, CALLS)
    print(f"{path}: {len(text.encode()) / 1e6:.2f} MB{', ' * bool(left_out)}{left_out}")
    return 0
