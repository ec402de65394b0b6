"""A quantized model as the hardware takes it: integer arrays, schema, file (numpy and safetensors only)."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from workloads.numerics.linear import BLOCK
from workloads.vim.config import VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.schemes import HARDWARE, Scheme

Array = npt.NDArray[Any]
Field = tuple[str, tuple[str, tuple[int, ...]]]  # name, dtype, shape
FORMAT = "vision-mamba-quantized"
VERSION = 1
SCALE_FRACTION = 26  # fraction bits of weight and smoothing scales, unsigned
ACTIVATION_FRACTION = 18  # of activations, biases, positions, A and D
NORM_FRACTION = 15
EMBED_FRACTION = 15
EMBED_BIAS_FRACTION = 12


@dataclass(frozen=True)
class QuantizedVim:
    """`arrays` by "{op}.{field}", see `schema`; `resolution` in pixels, for which the positions are."""

    config: VimConfig
    resolution: int
    arrays: dict[str, Array]
    scheme: Scheme = HARDWARE
    calibration: dict[str, Any] = field(default_factory=dict)
    saturated: dict[str, int] = field(default_factory=dict)

    def op(self, name: str) -> dict[str, Array]:
        """Fields of one operation; those of `layers.0.norm`, say."""
        return self._ops[name]

    @cached_property
    def _ops(self) -> dict[str, dict[str, Array]]:
        found: dict[str, dict[str, Array]] = {}
        for key, array in self.arrays.items():
            op, what = key.rsplit(".", 1)
            found.setdefault(op, {})[what] = array
        return found


def require_engines(config: VimConfig) -> None:
    """WorkloadError naming every size that the engines have wired in and `config` does not have."""
    wired = {"d_state": 16, "d_conv": 4, "patch": 16, "channels": 3}
    problems = [
        f"{config.name}: {name} must be {value}, as the engines are built, not {getattr(config, name)}"
        for name, value in wired.items()
        if getattr(config, name) != value
    ]
    if problems:
        raise WorkloadError(problems)


def schema(config: VimConfig, resolution: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """dtype and shape of every array, in order of execution. [out, in] linears and [D, taps] convolutions."""
    return dict(_schema(config, resolution))


def _schema(config: VimConfig, resolution: int) -> Iterator[Field]:
    d, inner, rank = config.d_model, config.d_inner, config.dt_rank_padded

    def linear(op: str, inputs: int, out: int, bias: bool = False) -> Iterator[Field]:
        yield f"{op}.codes", ("uint8", (out, inputs))
        yield f"{op}.scales", ("uint32", (ceil(inputs / BLOCK), out))
        if bias:
            yield f"{op}.bias", ("int32", (out,))

    yield "embed.weight", ("int16", (d, config.patch_values))
    yield "embed.bias", ("int16", (d,))
    yield "embed.position", ("int32", (config.tokens(resolution), d))
    yield "embed.class_token", ("int32", (d,))
    for i in range(config.layers):
        layer = f"layers.{i}"
        yield f"{layer}.norm.weight", ("int16", (d,))
        yield from linear(f"{layer}.in_proj_x", d, inner)
        yield from linear(f"{layer}.in_proj_z", d, inner)
        for way in ("forward", "backward"):
            yield f"{layer}.{way}.conv.codes", ("uint8", (inner, config.d_conv))
            yield f"{layer}.{way}.conv.signs", ("uint8", (inner, config.d_conv))
            yield f"{layer}.{way}.conv.scales", ("uint32", (inner,))
            yield f"{layer}.{way}.conv.bias", ("int32", (inner,))
            yield f"{layer}.{way}.smooth.scales", ("uint32", (inner,))
            yield from linear(f"{layer}.{way}.x_proj_dt", inner, rank)
            yield from linear(f"{layer}.{way}.dt_proj", rank, inner, bias=True)
            yield from linear(f"{layer}.{way}.x_proj_b", inner, config.d_state)
            yield from linear(f"{layer}.{way}.x_proj_c", inner, config.d_state)
            yield f"{layer}.{way}.scan.a", ("int32", (inner, config.d_state))
            yield f"{layer}.{way}.scan.d", ("int32", (inner,))
        yield f"{layer}.smooth.scales", ("uint32", (inner,))
        yield from linear(f"{layer}.out_proj", inner, d)
    yield "norm_f.weight", ("int16", (d,))
    yield from linear("head", d, config.classes_padded, bias=True)


def save_quantized(path: Path | str, model: QuantizedVim) -> None:
    """Writes safetensors with the description under the metadata key `vision_mamba`; same model, same bytes.

    The file appears complete or not at all. WorkloadError when it cannot be written.
    """
    description = {
        "format": FORMAT,
        "version": VERSION,
        "config": model.config.as_dict(),
        "resolution": model.resolution,
        "scheme": model.scheme.as_dict(),
        "calibration": model.calibration,
        "saturated": model.saturated,
    }
    arrays = {name: np.ascontiguousarray(model.arrays[name]) for name in sorted(model.arrays)}
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(save(arrays, {"vision_mamba": json.dumps(description, sort_keys=True)}))
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise WorkloadError(f"{path}: cannot be written ({error.strerror})") from None


def load_quantized(path: Path | str) -> QuantizedVim:
    """Reads what `save_quantized` wrote. WorkloadError, all problems at once, for anything else."""
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("vision_mamba", "null")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except FileNotFoundError:
        raise WorkloadError(f"{path}: no such file") from None
    except (SafetensorError, OSError, TypeError, ValueError, AttributeError) as error:
        raise WorkloadError(f"{path}: not a readable safetensors file ({error})") from None
    try:
        description = json.loads(text)
        if description["format"] != FORMAT or description["version"] != VERSION:
            raise WorkloadError(f"{path}: must be {FORMAT} version {VERSION}, not {text[:80]}")
        config, resolution = VimConfig(**description["config"]), int(description["resolution"])
        scheme = Scheme(**description["scheme"])
        calibration, saturated = description["calibration"], description["saturated"]
    except WorkloadError as error:
        raise WorkloadError(
            [m if m.startswith(str(path)) else f"{path}: {m}" for m in error.messages]
        ) from None
    except (KeyError, TypeError, ValueError):
        raise WorkloadError(f"{path}: the metadata is not that of a quantized Vision Mamba") from None
    model = QuantizedVim(config, resolution, arrays, scheme, calibration, saturated)
    try:
        check(model)
    except WorkloadError as error:
        raise WorkloadError([f"{path}: {m}" for m in error.messages]) from None
    return model


def check(model: QuantizedVim) -> None:
    """WorkloadError when the hardware cannot run `model`, or its arrays are not those of `schema`."""
    require_engines(model.config)
    model.scheme.require_hardware()
    wanted = schema(model.config, model.resolution)
    problems = [f"{name} is missing" for name in wanted if name not in model.arrays]
    problems += [
        f"{name} is not an array of {model.config.name}" for name in model.arrays if name not in wanted
    ]
    for name, (dtype, shape) in wanted.items():
        if name not in model.arrays:
            continue
        array = model.arrays[name]
        if (array.dtype, array.shape) != (np.dtype(dtype), shape):
            problems.append(f"{name} must be {dtype} {list(shape)}, not {array.dtype} {list(array.shape)}")
        elif dtype == "uint8" and array.max() > (top := 1 if name.endswith("signs") else 15):
            problems.append(f"{name} must hold 0..{top}, not {array.max()}")
    if problems:
        raise WorkloadError(problems)


def random_quantized(config: VimConfig, seed: int, resolution: int | None = None) -> QuantizedVim:
    """Random weights of plausible size, reproducible from `seed`: fit for timing, not for accuracy."""
    require_engines(config)
    resolution = config.image_size if resolution is None else resolution
    rng = np.random.default_rng(seed)
    one = 1 << ACTIVATION_FRACTION
    arrays: dict[str, Array] = {}
    wanted = schema(config, resolution)
    for name, (dtype, shape) in wanted.items():
        op, what = name.rsplit(".", 1)
        kind = op.rsplit(".", 1)[-1]
        array: Array
        if what in ("codes", "signs"):
            array = rng.integers(0, 2 if what == "signs" else 16, shape)
        elif what == "scales":
            if kind == "smooth":
                level = 1.0
            elif kind == "conv":
                level = 0.5
            else:  # levels average 0.35 of their scale: rows of about unit gain, out_proj damped by depth
                inputs = wanted[f"{op}.codes"][1][1]
                level = 2.8 / inputs**0.5 * ((2 * config.layers) ** -0.5 if kind == "out_proj" else 1)
            array = level * 2**SCALE_FRACTION * rng.uniform(0.5, 1, shape)
        elif name == "embed.weight":
            array = rng.uniform(-1, 1, shape) * 2**EMBED_FRACTION / config.patch_values**0.5
        elif kind in ("norm", "norm_f"):
            array = rng.uniform(0.5, 0.99, shape) * 2**NORM_FRACTION
        elif what == "a":
            array = np.broadcast_to(-one * np.arange(1, shape[1] + 1), shape)
        elif what == "d":
            array = rng.uniform(0.5, 1, shape) * one
        elif kind == "dt_proj":
            array = rng.uniform(-7, -2, shape) * one  # softplus: steps of 0.001 to 0.1
        elif name == "embed.class_token":  # a trained one is of the size of the patches
            array = rng.uniform(-1, 1, shape) * one
        else:
            fraction = EMBED_BIAS_FRACTION if name == "embed.bias" else ACTIVATION_FRACTION
            array = rng.uniform(-0.05, 0.05, shape) * 2**fraction
        arrays[name] = np.ascontiguousarray(array).astype(dtype)
    return QuantizedVim(config, resolution, arrays, calibration={"source": f"random weights, seed {seed}"})
