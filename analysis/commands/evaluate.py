"""`tlm evaluate`: accuracy of float and quantized models, and of the alternatives of the ViM-Q paper."""

from __future__ import annotations

import argparse
import json
from typing import Any

from analysis import console, model_options
from workloads.vim.config import PRESETS
from workloads.vim.errors import WorkloadError
from workloads.vim.quantized import load_quantized


def arguments(parser: argparse.ArgumentParser) -> None:
    model_options.add_arguments(parser)
    parser.add_argument("--checkpoint", metavar="FILE", help="float weights, published layout")
    parser.add_argument("--weights", metavar="FILE", help="quantized model, *.safetensors")
    parser.add_argument("--images", metavar="DIR", help="a folder a class, numbered in sorted order")
    parser.add_argument(
        "--calibration",
        metavar="DIR_OR_NPZ",
        help="quantize the checkpoint with these images, and print the table",
    )
    parser.add_argument(
        "--resolution", type=int, metavar="N", help="pixels a side (default: the model's own)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="evaluate N images only")
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="calibrations of digits (default: 3)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def main(options: argparse.Namespace) -> int:
    _check(options)
    with console.counter("images") as count:
        told = _digits(options, count) if options.images is None else _folder(options, count)
    if options.json:
        print(json.dumps(told))
    else:
        _show(told)
    return 0


def _check(options: argparse.Namespace) -> None:
    problems = [
        f"--{what} must be at least 1, not {n}"
        for what in ("limit", "seeds")
        if (n := getattr(options, what)) is not None and n < 1
    ]
    if options.model is None and options.weights is None:
        problems.append("--model must be given, or --weights of a quantized model")
    problems += model_options.refused_sizes(options)
    if options.images is not None:
        if not options.checkpoint and not options.weights:
            problems.append("--checkpoint or --weights must be given with --images")
        if options.calibration and not options.checkpoint:
            problems.append("--checkpoint must be given with --calibration: it is what is quantized")
        if options.calibration and options.weights:
            problems.append("--weights must be left out with --calibration, which makes them")
    else:
        if options.model != "digits":
            problems.append("--images must be given: only digits comes with its own")
        problems += [
            f"--{what} must be left out without --images: digits is evaluated on its own"
            for what in ("checkpoint", "weights", "calibration", "resolution", *model_options.SIZES)
            if getattr(options, what) is not None
        ]
    if problems:
        raise WorkloadError(problems)


def _digits(options: argparse.Namespace, count: Any) -> dict[str, Any]:
    from analysis.accuracy import evaluate_digits

    return {"model": PRESETS["digits"].name, **evaluate_digits(options.limit, range(options.seeds), count)}


def _folder(options: argparse.Namespace, count: Any) -> dict[str, Any]:
    quantized = load_quantized(options.weights) if options.weights else None
    if options.model is not None:
        config = model_options.config_of(options)
    else:
        assert quantized is not None
        config = quantized.config
    resolution = options.resolution
    if resolution is None:
        resolution = quantized.resolution if quantized else config.image_size
    config.grid(resolution)
    if quantized is not None:
        from analysis.inference import require_same

        require_same(options.weights, quantized, config, resolution)
    from analysis import accuracy

    found = accuracy.open_folder(options.images, config, options.limit)
    model = None
    if options.checkpoint:
        from workloads.vim.checkpoint import load_checkpoint

        model = load_checkpoint(options.checkpoint, config)
    if options.calibration:
        assert model is not None
        return {
            "model": config.name,
            "resolution": resolution,
            **_table(options, model, found, resolution, count),
        }
    told: dict[str, Any] = {"model": config.name, "resolution": resolution, "images": len(found.files)}
    total = len(found.files) * ((model is not None) + (quantized is not None))
    before = 0
    for name, chosen in (("float", model), ("w4a8", quantized)):
        if chosen is None:
            continue
        result = accuracy.evaluate_folder(
            chosen,
            options.images,
            options.limit,
            lambda done, _, before=before: count(before + done, total),  # type: ignore[misc]
            resolution=resolution,
        )
        before += result["images"]
        told |= {f"{name}_top1": result["top1"], f"{name}_top5": result["top5"]}
    return told


def _table(
    options: argparse.Namespace, model: Any, found: Any, resolution: int, count: Any
) -> dict[str, Any]:
    import torch

    from analysis.accuracy import evaluate_schemes
    from workloads.vim.images import load_calibration
    from workloads.vim.smoothing import calibrate

    images = load_calibration(options.calibration, resolution)
    calibration = calibrate(model, torch.from_numpy(images), options.calibration)
    return evaluate_schemes(
        model, [calibration], lambda: found.batches(resolution, 8), len(found.files), count
    )


def _show(told: dict[str, Any]) -> None:
    at = f" at {told['resolution']} pixels" if "resolution" in told else ""
    print(f"{told['model']}{at}, {told['images']} images")
    for name, what in (("float", "float"), ("w4a8", "W4A8, the integers of the hardware")):
        if f"{name}_top1" in told:
            print(f"{what}: top-1 {told[f'{name}_top1']:.2f} %, top-5 {told[f'{name}_top5']:.2f} %")
    if "table" not in told:
        return
    print(
        f"W4A8 against float: same class for {told['w4a8_agreement']:.2f} %, "
        f"signal to noise of the logits {told['w4a8_snr_db']:.1f} dB"
    )
    rows = [
        (
            row["weights"],
            row["granularity"],
            row["activations"],
            "yes" if row["smoothing"] else "no",
            row["head"],
            f"{row['top1']:.2f} %",
            f"{row['top1_spread']:.2f}",
            f"{row['agreement']:.2f} %",
            f"{row['snr_db']:.1f}",
        )
        for row in told["table"]
    ]
    columns = (
        "<weights",
        "<scales",
        "<activations",
        "<smoothing",
        "<head",
        "top-1",
        "spread",
        "as float",
        "SNR dB",
    )
    console.table("Alternatives in float arithmetic; means and spread over the calibrations", columns, rows)
