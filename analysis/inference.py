"""What a run classified: options that choose weights and images, top classes, distance to the float model."""

from __future__ import annotations

import argparse
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.data import Data
from workloads.vim.config import PRESETS, VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.images import MEAN, STD, Floats, load_image
from workloads.vim.quantized import (
    ACTIVATION_FRACTION,
    QuantizedVim,
    load_quantized,
    random_quantized,
)

if TYPE_CHECKING:
    from analysis.simulate import Result, Workload

TOP = 5
_UNSIZED = ("name", "image_size")  # of a VimConfig: two models may differ in these and be alike


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that `data_of` reads."""
    group = parser.add_argument_group("tensors")
    group.add_argument("--weights", metavar="FILE", help="quantized model, *.safetensors (default: random)")
    group.add_argument(
        "--image", action="append", metavar="FILE", help="PNG or JPEG; once, or once an image of the batch"
    )
    group.add_argument(
        "--checkpoint", metavar="FILE", help="float weights to compare the layers with (needs --weights)"
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of random weights and images (default: 0)"
    )
    group.add_argument("--no-data", action="store_true", help="timing only; the times are the same")


def data_of(options: argparse.Namespace, workload: Workload) -> Data | None:
    """The tensors that the options ask for; None for timing only.

    Without weights the digits model takes its own, quantized here, any other model random ones; without
    images digits takes held-out ones, any other model random pixels. The notes say so.
    Raises WorkloadError, for files too that are of another size than the workload.
    """
    if options.no_data:
        problems = [
            f"--{what} must be left out with --no-data" for what in ("weights", "image", "checkpoint")
            if getattr(options, what)
        ]  # fmt: skip
        if problems:
            raise WorkloadError(problems)
        return None
    return Chosen(workload.config, workload.resolution, workload.batch, options).data()


class Chosen:
    """Weights and images from the options weights, image, checkpoint and seed, for one model and resolution."""

    def __init__(self, config: VimConfig, resolution: int, batch: int, options: argparse.Namespace):
        self.config = config
        self.resolution = resolution
        self.batch = batch
        self.options = options
        self.notes: list[str] = []
        self.own = config == PRESETS["digits"]  # of this model checkpoint and images are at hand

    def data(self) -> Data:
        if self.options.seed < 0:
            raise WorkloadError(f"--seed must be at least 0, not {self.options.seed}")
        if self.options.checkpoint and not self.options.weights:
            raise WorkloadError("--checkpoint must come with --weights, the model quantized from it")
        images, sources, labels = self.images()
        model, source, float_model = self.weights()
        names = tuple(map(str, range(10))) if self.own else None
        return Data(model, images, source, sources, float_model, labels, names, tuple(self.notes))

    def weights(self) -> tuple[QuantizedVim, str, Any]:
        path, seed = self.options.weights, self.options.seed
        if path:
            model = load_quantized(path)
            require_same(path, model, self.config, self.resolution)
            return model, str(path), self.float_model()
        if self.own:
            return self.digits()
        self.notes.append(
            f"random weights from seed {seed}: times are real, classes mean nothing (--weights FILE takes real ones)"
        )
        return random_quantized(self.config, seed, self.resolution), f"random, seed {seed}", None

    def float_model(self) -> Any:
        if not self.options.checkpoint:
            return None
        from workloads.vim.checkpoint import load_checkpoint

        return load_checkpoint(self.options.checkpoint, self.config)

    def digits(self) -> tuple[QuantizedVim, str, Any]:
        model, quantized = quantized_digits(self.resolution)
        return quantized, "digits, quantized from the checkpoint that comes with the program", model

    def images(self) -> tuple[Floats, tuple[str, ...], tuple[int, ...] | None]:
        """Normalized images, where each is from, and their classes if known."""
        paths, seed, batch = self.options.image, self.options.seed, self.batch
        if paths:
            if len(paths) not in (1, batch):
                raise WorkloadError(f"--image must be given once or {batch} times, not {len(paths)}")
            sources = tuple(paths if len(paths) == batch else paths * batch)
            return np.stack([load_image(path, self.resolution) for path in sources]), sources, None
        if self.own:
            from workloads.vim import digits

            images, labels = digits.load("test", self.resolution)
            chosen = [(seed + i) % len(labels) for i in range(batch)]
            truth = tuple(int(labels[i]) for i in chosen)
            return (
                images[chosen],
                tuple(f"held-out digit {i}, a {n}" for i, n in zip(chosen, truth, strict=True)),
                truth,
            )
        self.notes.append(f"random pixels from seed {seed} (--image FILE takes a picture)")
        rng = np.random.default_rng(seed)
        shape = (batch, 3, self.resolution, self.resolution)
        pixels = rng.integers(0, 256, shape).astype(np.float32) / np.float32(255)
        images = (pixels - MEAN[:, None, None]) / STD[:, None, None]
        return images, tuple(f"random pixels, seed {seed}, image {i}" for i in range(batch)), None


def quantized_digits(resolution: int) -> tuple[Any, QuantizedVim]:
    """The digits model that comes with the program, float and quantized with images of its training part."""
    import torch

    from workloads.vim import digits
    from workloads.vim.checkpoint import load_checkpoint
    from workloads.vim.quantize import quantize
    from workloads.vim.smoothing import calibrate

    model = load_checkpoint(digits.CHECKPOINT, digits.CONFIG)
    images = torch.from_numpy(digits.calibration_images(resolution=resolution))
    return model, quantize(model, calibrate(model, images, "digits, seed 0"))


def require_same(path: str, model: QuantizedVim, config: VimConfig, resolution: int) -> None:
    """WorkloadError naming every size of the file's model that is not that of `config`."""
    have, want = model.config.as_dict(), config.as_dict()
    problems = [
        f"{path}: {size} must be {want[size]}, as that of {config.name}, not {have[size]}"
        for size in want
        if size not in _UNSIZED and have[size] != want[size]
    ]
    if model.resolution != resolution:
        problems.append(
            f"{path}: must be quantized for {resolution} pixels, not {model.resolution} "
            f"(run with --resolution {model.resolution}, or quantize with --resolution {resolution})"
        )
    if problems:
        raise WorkloadError(problems)


def inference_report(result: Result) -> dict[str, Any] | None:
    """What was classified, ready for JSON; None for a run of timing only.

    `weights`: where from. `images`: per image its source, label (null if unknown) and `top`, the five largest
    logits with their softmax probabilities. `snr_db`: per layer, signal over noise of the quantized model
    against the float one (null where they are equal), null without a float model. `notes`: what is not real.
    """
    data, logits = result.data, result.logits
    if data is None or logits is None:
        return None
    images = []
    for i, row in enumerate(logits / 2.0**ACTIVATION_FRACTION):
        likely = np.exp(row - row.max())
        likely /= likely.sum()
        best = np.argsort(-row, kind="stable")[:TOP]
        images.append(
            {
                "source": data.image_sources[i] if data.image_sources else "",
                "label": data.labels[i] if data.labels else None,
                "top": [
                    {
                        "class": int(k),
                        "name": data.class_names[k] if data.class_names else None,
                        "logit": float(row[k]),
                        "probability": float(likely[k]),
                    }
                    for k in best
                ],
            }
        )
    return {
        "weights": data.weights_source,
        "images": images,
        "snr_db": _noise(data),
        "notes": list(data.notes),
    }


def _noise(data: Data) -> dict[str, float | None] | None:
    if data.float_model is None:
        return None
    from analysis.accuracy import layer_snr

    found = layer_snr(data.float_model, data.model, data.images)
    return {name: value if isfinite(value) else None for name, value in found.items()}


def inference_lines(report: dict[str, Any]) -> list[str]:
    """The report as text, a line each."""
    lines = [f"weights: {report['weights']}"]
    for image in report["images"]:
        lines.append(f"{image['source']}:" if image["source"] else "image:")
        lines += [
            f"  class {best['name'] or best['class']}  {best['probability']:7.2%}  logit {best['logit']:+.4f}"
            for best in image["top"]
        ]
    if noise := report["snr_db"]:
        told = [f"{name} {'exact' if value is None else f'{value:.1f}'}" for name, value in noise.items()]
        lines.append("quantized against float, signal to noise in dB: " + ", ".join(told))
    return [*lines, *(f"note: {note}" for note in report["notes"])]
