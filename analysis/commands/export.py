"""`tlm export`: what an RTL test bench needs to use the simulator as its reference."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from analysis import model_options
from analysis.data import Data
from analysis.export import DEFAULT_CALLS, check_new_folder, export
from analysis.inference import Chosen
from workloads.vim.errors import WorkloadError
from workloads.vim.quantized import load_quantized


def arguments(parser: argparse.ArgumentParser) -> None:
    model_options.add_arguments(parser)
    parser.add_argument("--weights", metavar="FILE", help="quantized model, *.safetensors")
    parser.add_argument("--image", metavar="FILE", help="PNG or JPEG (default: a digit, or random pixels)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is random (default: 0)")
    parser.add_argument("--resolution", type=int, metavar="N", help="pixels a side, without --weights")
    parser.add_argument(
        "--base", default="0", metavar="ADDRESS", help="first address, such as 0x10000000 (default: 0)"
    )
    parser.add_argument(
        "--calls",
        action="append",
        metavar="PATTERN",
        help=f"calls to record, * for any part of a name (default: {', '.join(DEFAULT_CALLS)})",
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="new or empty folder")
    parser.add_argument("--json", action="store_true", help="print the manifest and nothing else")


def main(options: argparse.Namespace) -> int:
    base = _base(options.base)
    check_new_folder(Path(options.output))
    manifest = export(options.output, _data(options), base, options.calls or DEFAULT_CALLS)
    if options.json:
        print(json.dumps(manifest))
        return 0
    print(f"{options.output}: {manifest['model']['name']} at {manifest['resolution']} pixels")
    for name, file in manifest["files"].items():
        print(f"{name}: {file['bytes']:,} bytes at {file['address']:#x}: {file['binary']}, {file['hex']}")
    recorded = sum(call["golden"] is not None for call in manifest["calls"])
    print(f"calls: {len(manifest['calls'])}, {recorded} of them in golden/; addresses: manifest.json")
    for note in manifest["notes"]:
        print(f"note: {note}")
    return 0


def _base(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0 or value % 4096:
        raise WorkloadError(f"--base must be a multiple of 4096, such as 0x10000000, not {text}")
    return value


def _data(options: argparse.Namespace) -> Data:
    if options.model is None and options.weights is None:
        raise WorkloadError("--weights of a quantized model or --model must be given")
    if problems := model_options.refused_sizes(options):
        raise WorkloadError(problems)
    given = load_quantized(options.weights) if options.weights else None
    config = model_options.config_of(options) if options.model is not None else given.config  # type: ignore[union-attr]
    resolution = options.resolution or (given.resolution if given else config.image_size)
    config.grid(resolution)
    image = [options.image] if options.image else None
    chosen = argparse.Namespace(weights=options.weights, image=image, checkpoint=None, seed=options.seed)
    return Chosen(config, resolution, 1, chosen).data()
