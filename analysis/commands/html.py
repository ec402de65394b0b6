"""`html`: a kept run as one page."""

from __future__ import annotations

import argparse
import os

from analysis.folder import write_files
from analysis.kept_run import KeptRun
from analysis.page.page import NAME, page


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a run kept by `tlm run --out DIR`")
    parser.add_argument("-o", "--output", metavar="FILE", help=f"default: {NAME} in DIR")


def main(options: argparse.Namespace) -> int:
    run = KeptRun.load(options.folder)
    path = options.output or os.path.join(options.folder, NAME)
    content = page(run).encode()
    write_files(os.path.dirname(path) or ".", {os.path.basename(path): content}, "-o")
    print(f"{path}: {len(content) / 1e6:.2f} MB")
    return 0
