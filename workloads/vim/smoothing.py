"""Calibration and smoothing: activation ranges moved into the weights, exactly."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workloads.vim.errors import WorkloadError
from workloads.vim.model import VisionMamba, points

ALPHA = 0.5
FACTOR_FLOOR = 1e-5
SMOOTH_FLOOR = 2.0**-6 + 2.0**-26  # 1/s of an explicit SMOOTH call must fit 6 integer bits
NORM_LIMIT = 1 - 2.0**-15  # largest weight of the normalization engine: 16 bits, 15 of them fraction


@dataclass(frozen=True)
class Calibration:
    """Largest |activation| seen at each point: [tokens, features]; and where it comes from."""

    resolution: int
    maxima: dict[str, Tensor]
    provenance: dict[str, Any]

    def channel(self, point: str) -> Tensor:
        """[features], over all tokens."""
        return self.maxima[point].amax(0)


def calibrate(
    model: VisionMamba,
    images: Tensor,
    source: str = "",
    batch: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Runs the float model over normalized images [n, 3, res, res]; `progress` gets images done and in all.

    WorkloadError without images, or when an activation is not finite.
    """
    wanted = set(points(model.config))
    maxima: dict[str, Tensor] = {}

    def observe(point: str, value: Tensor) -> Tensor:
        if point in wanted:
            seen = value.abs().amax(0)
            maxima[point] = torch.maximum(maxima[point], seen) if point in maxima else seen
        return value

    if not len(images):
        raise WorkloadError("calibration needs at least one image")
    with torch.no_grad():
        done = 0
        for part in images.split(batch):
            model(part, observe)
            done += len(part)
            if progress:
                progress(done, len(images))
    bad = [
        f"calibration: activations at {p} are not finite" for p in maxima if not maxima[p].isfinite().all()
    ]
    if bad:
        raise WorkloadError(bad)
    digest = hashlib.sha256(images.contiguous().numpy().tobytes()).hexdigest()
    return Calibration(images.shape[-1], maxima, {"source": source, "images": len(images), "sha256": digest})


def factors(model: VisionMamba, calibration: Calibration) -> dict[str, Tensor]:
    """Smoothing factors by point, [features]: `s_j = max|X_j|^a / max|W_j|^(1-a)`, a = 0.5, at least 1e-5.

    All are worked out from the unfolded float weights, so no order matters. The convolutions share their
    input: the larger of both directions counts. Two limits of the hardware's number formats: 1/s of an
    explicit SMOOTH call stays below 64, and where a norm weight divided by its factors would reach 1, all
    factors of that norm are multiplied by the same power of two (per-token activation scales and per-block
    weight scales cancel it).
    """

    def factor(point: str, columns: Tensor, floor: float = FACTOR_FLOOR) -> Tensor:
        weight = columns.abs().amax(0).clamp(min=FACTOR_FLOOR)
        return (calibration.channel(point) ** ALPHA / weight ** (1 - ALPHA)).clamp(min=floor)

    def fit(norm: Tensor, s: Tensor) -> Tensor:
        while bool((norm.abs() / s).max() > NORM_LIMIT):
            s = 2 * s
        return s

    found: dict[str, Tensor] = {}
    with torch.no_grad():
        for i, layer in enumerate(model.blocks()):
            name, mixer = f"layers.{i}", layer.mixer
            found[f"{name}.in_proj"] = fit(layer.norm.weight, factor(f"{name}.in_proj", mixer.in_proj.weight))
            ways = mixer.directions()
            taps = [factor(f"{name}.conv", way.conv.weight[:, 0].T) for way in ways.values()]
            found[f"{name}.conv"] = torch.maximum(*taps)
            for key, way in ways.items():
                op = f"{name}.{key}"
                found[f"{op}.x_proj"] = factor(f"{op}.x_proj", way.x_proj.weight, SMOOTH_FLOOR)
                found[f"{op}.dt_proj"] = factor(f"{op}.dt_proj", way.dt_proj.weight)
            found[f"{name}.out_proj"] = factor(f"{name}.out_proj", mixer.out_proj.weight, SMOOTH_FLOOR)
        found["head"] = fit(model.norm_f.weight, factor("head", model.head.weight))
    return found


def unit_factors(calibration: Calibration) -> dict[str, Tensor]:
    """No smoothing: ones."""
    return {point: torch.ones_like(maxima[0]) for point, maxima in calibration.maxima.items()}


def explicit(point: str) -> bool:
    """Whether this point's inverse factors stay as a SMOOTH call: a nonlinearity comes before it."""
    return point.endswith((".x_proj", ".out_proj"))


def fold(model: VisionMamba, s: dict[str, Tensor]) -> VisionMamba:
    """A copy whose weights hold the factors: the same function once explicit points are divided by theirs."""
    folded = copy.deepcopy(model)
    with torch.no_grad():
        for i, layer in enumerate(folded.blocks()):
            name, mixer = f"layers.{i}", layer.mixer
            layer.norm.weight.div_(s[f"{name}.in_proj"])
            mixer.in_proj.weight *= s[f"{name}.in_proj"]
            conv = s[f"{name}.conv"]
            mixer.in_proj.weight[: len(conv)] /= conv[:, None]
            for key, way in mixer.directions().items():
                way.conv.weight *= conv[:, None, None]
                way.x_proj.weight *= s[f"{name}.{key}.x_proj"]
                way.x_proj.weight[: mixer.dt_rank] /= s[f"{name}.{key}.dt_proj"][:, None]
                way.dt_proj.weight *= s[f"{name}.{key}.dt_proj"]
            mixer.out_proj.weight *= s[f"{name}.out_proj"]
        folded.norm_f.weight.div_(s["head"])
        folded.head.weight *= s["head"]
    return folded


def folded_input_maxima(calibration: Calibration, s: dict[str, Tensor]) -> dict[str, Tensor]:
    """Largest |input| of every linear and convolution after folding, [tokens, features]."""
    return {point: maxima / s[point] for point, maxima in calibration.maxima.items()}
