"""Post-training quantization of a float model to the arrays of the hardware (W4A8)."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from workloads.numerics.linear import BLOCK, LEVELS
from workloads.vim.errors import WorkloadError
from workloads.vim.model import Layer, VisionMamba
from workloads.vim.quantized import (
    ACTIVATION_FRACTION,
    EMBED_BIAS_FRACTION,
    EMBED_FRACTION,
    NORM_FRACTION,
    SCALE_FRACTION,
    Array,
    QuantizedVim,
    check,
    require_engines,
)
from workloads.vim.schemes import HARDWARE, SCALE_FLOOR, Scheme, blocks, nearest
from workloads.vim.smoothing import Calibration, factors, fold

# magnitude of each code in 1/256; position in the array is the code
LINEAR_LEVELS = np.array(LEVELS)
CONV_LEVELS = np.array([(0, 128, 32, 8)[code & 3] + (0, 64, 16, 4)[code >> 2] for code in range(16)])

Floats = npt.NDArray[np.float64]


def quantize(model: VisionMamba, calibration: Calibration, scheme: Scheme = HARDWARE) -> QuantizedVim:
    """Smooths, folds, rounds and pads `model` for the resolution of the calibration.

    Values beyond a number format stick to its end; `saturated` counts them by array. Raises WorkloadError
    for sizes or a scheme that the hardware does not have.
    """
    problems: list[str] = []
    for requirement in (lambda: require_engines(model.config), scheme.require_hardware):
        try:
            requirement()
        except WorkloadError as error:
            problems += error.messages
    if problems:
        raise WorkloadError(problems)
    with torch.no_grad():
        return _Quantizer(model, calibration).run()


class _Quantizer:
    def __init__(self, model: VisionMamba, calibration: Calibration):
        self.calibration = calibration
        self.factors = factors(model, calibration)
        self.model = fold(model, self.factors)
        self.arrays: dict[str, Array] = {}
        self.saturated: dict[str, int] = {}

    def run(self) -> QuantizedVim:
        model, config = self.model, self.model.config
        resolution = self.calibration.resolution
        conv = model.patch_embed.proj
        assert conv.bias is not None
        self.fixed("embed.weight", _np(conv.weight).reshape(config.d_model, -1), "int16", EMBED_FRACTION)
        self.fixed("embed.bias", _np(conv.bias), "int16", EMBED_BIAS_FRACTION)
        self.fixed("embed.position", _np(model.positions(resolution)[0]), "int32", ACTIVATION_FRACTION)
        self.fixed("embed.class_token", _np(model.cls_token[0, 0]), "int32", ACTIVATION_FRACTION)
        for i, layer in enumerate(model.blocks()):
            self.layer(f"layers.{i}", layer)
        self.fixed("norm_f.weight", _np(model.norm_f.weight), "int16", NORM_FRACTION)
        self.linear("head", model.head.weight, out=config.classes_padded, bias=model.head.bias)
        found = QuantizedVim(
            config,
            resolution,
            self.arrays,
            HARDWARE,
            self.calibration.provenance,
            dict(sorted(self.saturated.items())),
        )
        check(found)
        return found

    def layer(self, name: str, layer: Layer) -> None:
        mixer, config = layer.mixer, self.model.config
        inner, rank, states, padded = config.d_inner, config.dt_rank, config.d_state, config.dt_rank_padded
        self.fixed(f"{name}.norm.weight", _np(layer.norm.weight), "int16", NORM_FRACTION)
        self.linear(f"{name}.in_proj_x", mixer.in_proj.weight[:inner])
        self.linear(f"{name}.in_proj_z", mixer.in_proj.weight[inner:])
        for key, way in mixer.directions().items():
            op = f"{name}.{key}"
            assert way.conv.bias is not None
            self.conv(f"{op}.conv", way.conv.weight[:, 0], way.conv.bias)
            self.smooth(f"{op}.smooth", self.factors[f"{op}.x_proj"])
            dt, b, c = way.x_proj.weight.split([rank, states, states])
            self.linear(f"{op}.x_proj_dt", dt, out=padded)
            self.linear(f"{op}.dt_proj", way.dt_proj.weight, inputs=padded, bias=way.dt_proj.bias)
            self.linear(f"{op}.x_proj_b", b)
            self.linear(f"{op}.x_proj_c", c)
            self.fixed(f"{op}.scan.a", -np.exp(_np(way.a_log)), "int32", ACTIVATION_FRACTION)
            self.fixed(f"{op}.scan.d", _np(way.d), "int32", ACTIVATION_FRACTION)
        self.smooth(f"{name}.smooth", self.factors[f"{name}.out_proj"])
        self.linear(f"{name}.out_proj", mixer.out_proj.weight)

    def linear(
        self,
        op: str,
        weight: Tensor,
        inputs: int | None = None,
        out: int | None = None,
        bias: Tensor | None = None,
    ) -> None:
        w = _fill(_np(weight), out, inputs)
        grouped = blocks(w, BLOCK)
        scale = np.maximum(np.abs(grouped).max(-1), SCALE_FLOOR)
        codes = _codes(np.abs(grouped) / scale[..., None], LINEAR_LEVELS)
        signed = codes | (np.signbit(grouped) & (codes > 0)).astype(np.uint8) << 3
        self.arrays[f"{op}.codes"] = np.ascontiguousarray(signed.reshape(len(w), -1)[:, : w.shape[1]])
        self.fixed(f"{op}.scales", scale.T * (256 / LINEAR_LEVELS.max()), "uint32", SCALE_FRACTION)
        if bias is not None:
            self.fixed(f"{op}.bias", _fill(_np(bias), out), "int32", ACTIVATION_FRACTION)

    def conv(self, op: str, weight: Tensor, bias: Tensor) -> None:
        w = _np(weight)
        scale = np.maximum(np.abs(w).max(-1), SCALE_FLOOR)
        self.arrays[f"{op}.codes"] = _codes(np.abs(w) / scale[:, None], CONV_LEVELS)
        self.arrays[f"{op}.signs"] = np.signbit(w).astype(np.uint8)
        self.fixed(f"{op}.scales", scale * (256 / CONV_LEVELS.max()), "uint32", SCALE_FRACTION)
        self.fixed(f"{op}.bias", _np(bias), "int32", ACTIVATION_FRACTION)

    def smooth(self, op: str, factor: Tensor) -> None:
        self.fixed(f"{op}.scales", 1 / _np(factor), "uint32", SCALE_FRACTION)

    def fixed(self, name: str, values: Floats, dtype: str, fraction: int) -> None:
        """Rounds to `fraction` fraction bits, keeps to the range of `dtype`, counts what was beyond it."""
        limits = np.iinfo(dtype)
        rounded = np.rint(values * 2.0**fraction)
        beyond = int(((rounded < limits.min) | (rounded > limits.max)).sum())
        if beyond:
            self.saturated[name] = beyond
        self.arrays[name] = np.ascontiguousarray(rounded.clip(limits.min, limits.max).astype(dtype))


def _codes(normalized: Floats, code_levels: npt.NDArray[np.int_]) -> npt.NDArray[np.uint8]:
    """Code of the level nearest to each magnitude; 1 is the largest level."""
    order = np.argsort(code_levels)
    ascending = code_levels[order] / code_levels.max()
    return order.astype(np.uint8)[nearest(normalized, ascending)]


def _fill(array: Floats, *sizes: int | None) -> Floats:
    """Zeros after the end of each axis, up to `sizes`."""
    return np.pad(array, [(0, (size or n) - n) for size, n in zip((*sizes, None), array.shape, strict=False)])


def _np(tensor: Tensor) -> Floats:
    return tensor.detach().double().numpy()
