"""`tlm quantize`: a float checkpoint to a file of the integers that the hardware takes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from analysis import console, model_options
from workloads.vim.config import PRESETS
from workloads.vim.errors import WorkloadError


def arguments(parser: argparse.ArgumentParser) -> None:
    model_options.add_arguments(parser, "tiny")
    parser.add_argument(
        "--checkpoint", metavar="FILE", help="float weights, published layout (digits has its own)"
    )
    parser.add_argument(
        "--calibration",
        metavar="DIR_OR_NPZ",
        help="images: a folder, or an .npz with `images` (digits has its own)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="use the first N calibration images only")
    parser.add_argument(
        "--resolution", type=int, metavar="N", help="pixels a side (default: the model's own)"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="*.safetensors to write")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def main(options: argparse.Namespace) -> int:
    config = model_options.config_of(options)
    resolution = config.image_size if options.resolution is None else options.resolution
    own = config == PRESETS["digits"]
    problems = [
        f"--{what} must be given: only digits comes with its own"
        for what in ("checkpoint", "calibration")
        if not getattr(options, what) and not own
    ]
    if options.limit is not None and options.limit < 1:
        problems.append(f"--limit must be at least 1, not {options.limit}")
    if problems:
        raise WorkloadError(problems)
    model_options.gather(
        lambda: config.grid(resolution), lambda: model_options.check_new_file(options.output)
    )

    import torch  # seconds: only when everything given so far can be used

    from workloads.vim import digits
    from workloads.vim.checkpoint import load_checkpoint
    from workloads.vim.images import load_calibration
    from workloads.vim.quantize import quantize
    from workloads.vim.quantized import save_quantized
    from workloads.vim.smoothing import calibrate

    given = options.calibration
    model, images = model_options.gather(
        lambda: load_checkpoint(options.checkpoint or digits.CHECKPOINT, config),
        lambda: (
            load_calibration(given, resolution, options.limit)
            if given
            else digits.calibration_images(count=options.limit or 64, resolution=resolution)
        ),
    )
    with console.counter("calibration images") as count:
        # the name alone: the same images give the same file wherever they lie
        source = Path(given).name if given else "digits, seed 0"
        calibration = calibrate(model, torch.from_numpy(images), source, progress=count)
    quantized = quantize(model, calibration)
    save_quantized(options.output, quantized)
    size = Path(options.output).stat().st_size
    if options.json:
        told = {
            "model": config.name,
            "resolution": resolution,
            "calibration": quantized.calibration,
            "saturated": quantized.saturated,
            "bytes": size,
        }
        print(json.dumps(told))
        return 0
    print(
        f"{options.output}: {config.name} at {resolution} pixels, {size / 1e6:.1f} MB, "
        f"calibrated on {len(images)} images"
    )
    for name, beyond in quantized.saturated.items():
        print(f"saturated: {name}, {beyond} of {quantized.arrays[name].size} values")
    if not quantized.saturated:
        print("saturated: no value")
    return 0
