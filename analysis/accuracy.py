"""Accuracy of float and quantized Vision Mamba: on digits out of the box, and on folders of images."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workloads.vim import digits
from workloads.vim.checkpoint import load_checkpoint
from workloads.vim.config import VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.fakequant import FakeQuantized
from workloads.vim.images import Floats, ImageFolder, raw_pixels
from workloads.vim.integer import Call, execute
from workloads.vim.model import VisionMamba
from workloads.vim.quantize import quantize
from workloads.vim.quantized import ACTIVATION_FRACTION, QuantizedVim
from workloads.vim.schemes import Scheme
from workloads.vim.smoothing import Calibration, calibrate

Model = VisionMamba | FakeQuantized | QuantizedVim
Batches = Callable[[], Iterable[tuple[Floats, npt.NDArray[np.int64]]]]
"""Normalized images [n, 3, side, side] and their labels [n], some at a time, as often as it is called."""
Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""

BATCH = 60  # digits at a time

# the rows of the ViM-Q paper's tables: number formats, then the ablation of the hardware's scheme
SCHEMES = (
    Scheme(weights="uniform", bits=8, granularity="channel"),
    Scheme(weights="uniform", bits=8),
    Scheme(weights="pot", granularity="channel"),
    Scheme(weights="pot"),
    Scheme(granularity="channel"),
    Scheme(),
    Scheme(bits=3),
    Scheme(bits=5),
    Scheme(block=16),
    Scheme(block=64),
    Scheme(smoothing=False),
    Scheme(activations="static"),
    Scheme(activations="static", activation_granularity="tensor"),
    Scheme(activation_granularity="tensor"),
    Scheme(head="float"),
)


def logits(model: Model, images: Floats) -> npt.NDArray[np.float64]:
    """[images, classes] of normalized images [images, 3, side, side]; a QuantizedVim runs in integers."""
    if isinstance(model, QuantizedVim):
        return execute(model, raw_pixels(images)) / 2.0**ACTIVATION_FRACTION
    with torch.no_grad():
        return model(torch.from_numpy(images)).double().numpy()


def top(scores: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], k: int) -> float:
    """Percentage of rows with the label among the k largest scores; of equals the first class counts."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return 100 * float((best == labels[:, None]).any(1).mean())


def snr_db(reference: npt.NDArray[Any], got: npt.NDArray[Any]) -> float:
    """10 log10 of the reference's power over the difference's; infinite when they are equal."""
    noise = float(np.square(reference - got, dtype=np.float64).sum())
    signal = float(np.square(reference, dtype=np.float64).sum())
    return 10 * float(np.log10(signal / noise)) if noise and signal else float("inf")


def mean_kl(reference: npt.NDArray[np.float64], got: npt.NDArray[np.float64]) -> float:
    """Mean over the images of KL(softmax(reference) || softmax(got)), in nats."""
    p, q = (torch.from_numpy(s).double().log_softmax(1) for s in (reference, got))
    return float((p.exp() * (p - q)).sum(1).mean())


def evaluate_digits(
    limit: int | None = None, seeds: Sequence[int] = (0, 1, 2), progress: Progress | None = None
) -> dict[str, Any]:
    """Float, W4A8 (integer executor) and the paper's table on the digits' test part, `limit` images of it.

    Each seed draws 64 calibration images from the train part; `w4a8_*` use the first. Percentages; of a
    table row `top1` is the mean over the seeds, `top1_spread` the largest less the smallest. Finer measures
    against the float model, means over the seeds too: `agreement`, the share of images classified alike,
    `kl`, the mean KL divergence of the probabilities (nats), `snr_db`, of the logits.
    WorkloadError for a limit below 1 or no seeds.
    """
    if limit is not None and limit < 1:
        raise WorkloadError(f"limit must be at least 1, not {limit}")
    if not seeds:
        raise WorkloadError("seeds must name at least one seed")
    images, labels = digits.load("test")
    images, labels = images[:limit], labels[:limit]
    model = load_checkpoint(digits.CHECKPOINT, digits.CONFIG)
    parts = [(images[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, len(images), BATCH)]
    calibrations = [
        calibrate(model, torch.from_numpy(digits.calibration_images(seed)), f"digits, seed {seed}")
        for seed in seeds
    ]
    return {
        "seeds": list(seeds),
        **evaluate_schemes(model, calibrations, lambda: parts, len(images), progress),
    }


def evaluate_schemes(
    model: VisionMamba,
    calibrations: Sequence[Calibration],
    batches: Batches,
    count: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Float, W4A8 (integer executor, first calibration) and the paper's table, of any model on any images.

    `batches` gives all `count` images each time it is called. Keys as of `evaluate_digits`; means and
    spreads of the table are over the calibrations.
    """
    steps = (2 + len(SCHEMES) * len(calibrations)) * count
    done = 0

    def scores(m: Model) -> npt.NDArray[np.float64]:
        nonlocal done
        found = []
        for part, _ in batches():
            found.append(logits(m, part))
            done += len(part)
            if progress:
                progress(done, steps)
        return np.concatenate(found)

    labels = np.concatenate([part for _, part in batches()])
    reference = scores(model)
    integer = scores(quantize(model, calibrations[0]))
    table = []
    for scheme in SCHEMES:
        runs = [scores(FakeQuantized(model, calibration, scheme)) for calibration in calibrations]
        top1 = [top(run, labels, 1) for run in runs]
        table.append(
            {
                **describe(scheme),
                "top1": float(np.mean(top1)),
                "top1_spread": max(top1) - min(top1),
                **_means([_fidelity(reference, run) for run in runs]),
            }
        )
    return {
        "images": count,
        "float_top1": top(reference, labels, 1),
        "float_top5": top(reference, labels, 5),
        "w4a8_top1": top(integer, labels, 1),
        "w4a8_top5": top(integer, labels, 5),
        **{f"w4a8_{key}": value for key, value in _fidelity(reference, integer).items()},
        "table": table,
    }


def describe(scheme: Scheme) -> dict[str, Any]:
    """A scheme in the words of the table."""
    names = {"uniform": "uniform", "pot": "PoT", "apot": "APoT", "float": "float"}
    activations = f"{scheme.activations} per {scheme.activation_granularity}"
    return {
        "weights": "float" if scheme.weights == "float" else f"{names[scheme.weights]} W{scheme.bits}",
        "granularity": f"block {scheme.block}" if scheme.granularity == "block" else "channel",
        "activations": "float"
        if scheme.activations == "float"
        else f"{activations} A{scheme.activation_bits}",
        "smoothing": scheme.smoothing,
        "head": scheme.head,
    }


def evaluate_folder(
    model: Model,
    folder: Path | str,
    limit: int | None = None,
    progress: Progress | None = None,
    batch: int = 8,
    resolution: int | None = None,
) -> dict[str, Any]:
    """Top-1 and top-5, in percent, over an ImageFolder: one folder a class, classes numbered in sorted order.

    `limit` takes that many images, evenly spaced over the sorted files. A float model sees them at
    `resolution` pixels (default: its own). WorkloadError for an empty or missing folder, an unreadable image,
    or more class folders than the model has classes.
    """
    config = model.model.config if isinstance(model, FakeQuantized) else model.config
    found = open_folder(folder, config, limit)
    if isinstance(model, QuantizedVim):
        resolution = model.resolution
    elif resolution is None:
        resolution = config.image_size
    scores, labels, done = [], [], 0
    for images, part in found.batches(resolution, batch):
        scores.append(logits(model, images))
        labels.append(part)
        done += len(part)
        if progress:
            progress(done, len(found.files))
    every, truth = np.concatenate(scores), np.concatenate(labels)
    return {"images": len(truth), "top1": top(every, truth, 1), "top5": top(every, truth, 5)}


def open_folder(folder: Path | str, config: VimConfig, limit: int | None = None) -> ImageFolder:
    """The folder, or `limit` evenly spaced images of it. Raises WorkloadError as `evaluate_folder` does."""
    found = ImageFolder.open(folder)
    if len(found.classes) > config.classes:
        raise WorkloadError(
            f"{folder}: must hold at most {config.classes} class folders, the classes of {config.name}, "
            f"not {len(found.classes)}"
        )
    if limit is None:
        return found
    if limit < 1:
        raise WorkloadError(f"limit must be at least 1, not {limit}")
    count = min(limit, len(found.files))
    return ImageFolder(found.classes, [found.files[i * len(found.files) // count] for i in range(count)])


def layer_snr(model: VisionMamba, quantized: QuantizedVim, images: Floats) -> dict[str, float]:
    """Signal-to-noise ratio in dB of the integer model against the float one, on images [n, 3, side, side].

    Keys: `embed` and `layers.{i}`, the residual stream after each; `layers.{i}.out_proj`, what the layer adds
    to it; `logits`. The errors of earlier layers are part of it.
    """
    stream: list[npt.NDArray[Any]] = []

    def keep(point: str, value: torch.Tensor) -> torch.Tensor:
        if point == "embed" or point.count(".") == 1:
            stream.append(value.numpy())
        return value

    with torch.no_grad():
        last = model(torch.from_numpy(images), keep).numpy()
    got: dict[str, npt.NDArray[Any]] = {}

    def record(call: Call) -> None:
        if call.name == "embed" or call.name.endswith((".out_proj", ".add")):
            got[call.name.removesuffix(".add")] = call.output

    scores = execute(quantized, raw_pixels(images), record)
    reference = {"embed": stream[0]}
    for i, (before, after) in enumerate(pairwise(stream)):
        reference |= {f"layers.{i}.out_proj": after - before, f"layers.{i}": after}
    reference["logits"], got["logits"] = last, scores
    return {
        name: snr_db(value, got[name].reshape(value.shape) / 2.0**ACTIVATION_FRACTION)
        for name, value in reference.items()
    }


def _fidelity(reference: npt.NDArray[np.float64], got: npt.NDArray[np.float64]) -> dict[str, float]:
    return {
        "agreement": 100 * float((reference.argmax(1) == got.argmax(1)).mean()),
        "kl": mean_kl(reference, got),
        "snr_db": snr_db(reference, got),
    }


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
