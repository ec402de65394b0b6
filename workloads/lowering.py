"""A model, a resolution and a batch to the calls that the host of ViM-Q makes (arXiv 2605.01935)."""

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from itertools import chain

from workloads.builder import Builder
from workloads.operations import NormSumMode, Operation, Program, Role, Tensor
from workloads.operations.conv import TAPS
from workloads.operations.scan import STATES
from workloads.vim.config import PRESETS, VimConfig
from workloads.vim.errors import WorkloadError

FINE_STRIDE = 8  # pixels between patches of the fine-tuned models, which the paper marks with a plus
WIRED = {"d_state": STATES, "d_conv": TAPS, "patch": 16, "channels": 3}  # sizes built into the engines


def workload(model: str | Mapping[str, object] = "tiny", **changes: object) -> VimConfig:
    """The sizes of a model: a preset's name, with a plus at its end for stride 8, or a mapping of sizes.

    A mapping has the fields of VimConfig, of which d_model and layers are needed; its name is "custom" if it
    has none. `changes` replace single sizes, those that are None replace nothing.
    Raises WorkloadError, all problems at once.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    if isinstance(model, Mapping):
        return _custom({"name": "custom", **model, **given})
    preset = _preset(model)
    changed = {key: value for key, value in given.items() if getattr(preset, key, None) != value}
    if not changed:
        return preset
    told = ", ".join(f"{key}={value}" for key, value in changed.items() if key != "name")
    return _custom({**preset.as_dict(), "name": f"{preset.name}({told})" if told else "", **changed})


def _preset(name: str) -> VimConfig:
    preset = PRESETS.get(name)
    if preset is None and isinstance(name, str) and name.endswith("+") and (coarse := PRESETS.get(name[:-1])):
        preset = replace(coarse, name=name, stride=FINE_STRIDE)
    if preset is None:
        *most, last = PRESETS
        hint = _did_you_mean(name, PRESETS)
        raise WorkloadError(f"model must be {', '.join(most)} or {last}, not {name!r}{hint}")
    return preset


def _custom(sizes: Mapping[str, object]) -> VimConfig:
    known = [field.name for field in fields(VimConfig)]
    name = sizes["name"]
    problems = []
    if not isinstance(name, str) or not name:
        problems.append(f"model: name must be a string that is not empty, not {name!r}")
        name = "model"
    problems += [
        f"{name}: {key} is not a size of a model{_did_you_mean(key, known)}"
        for key in sizes
        if key not in known
    ]
    needed = {"d_model": 16, "layers": 1}  # values that allow the other sizes to be checked
    problems += [f"{name}: {key} is missing" for key in needed if key not in sizes]
    try:
        fit = {key: value for key, value in sizes.items() if key in known}
        config = VimConfig(**needed | fit | {"name": name})  # type: ignore[arg-type]
    except WorkloadError as error:
        problems += error.messages
    if problems:
        raise WorkloadError(problems)
    return config


def _did_you_mean(word: object, known: Mapping[str, object] | list[str]) -> str:
    near = get_close_matches(str(word), list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def lower(config: VimConfig, resolution: int | None = None, batch: int = 1) -> Program:
    """The program for `batch` images of `resolution` pixels a side, one image after the other.

    Operations have the names that the reference executor gives its calls; of several images those of the
    first begin with "image0.". Weights are shared and named "{operation}.{field}".
    WorkloadError, all problems at once, for sizes that the engines do not have or that do not fit.
    """
    resolution = config.image_size if resolution is None else resolution
    problems = [
        f"{config.name}: {what} must be {value}, as the engines are built, not {getattr(config, what)}"
        for what, value in WIRED.items()
        if getattr(config, what) != value
    ]
    for what, number in (("resolution", resolution), ("batch", batch)):
        if type(number) is not int or number < 1:
            problems.append(f"{config.name}: {what} must be a positive integer, not {number!r}")
        elif what == "resolution":
            try:
                config.grid(resolution)
            except WorkloadError as error:
                problems += error.messages
    if problems:
        raise WorkloadError(problems)
    images = [_Image(config, resolution, f"image{i}." if batch > 1 else "") for i in range(batch)]
    return Program(config.name, tuple(chain.from_iterable(image.operations for image in images)))


class _Image:
    """The operations on one image, in order."""

    def __init__(self, config: VimConfig, resolution: int, prefix: str):
        self.config = config
        self.build = Builder(prefix)
        self.operations: list[Operation] = []
        build, middle = self.build, config.class_position(resolution)
        residual = self.call(
            build.embed(
                "embed",
                config.tokens(resolution) - 1,
                config.d_model,
                config.channels,
                config.patch,
                config.stride,
                middle,
            )
        )
        for i in range(config.layers):
            residual = self.layer(f"layers.{i}", residual)
        token = self.call(build.load_class_token("load_cls", residual, middle))
        h = self.call(build.norm_sum("norm_f", NormSumMode.NORM, token))
        padded, classes = config.classes_padded, config.classes
        self.call(build.linear("head", h, padded, bias=True, model_out=classes, role=Role.OUTPUT))

    def call(self, operation: Operation) -> Tensor:
        self.operations.append(operation)
        return operation.y

    def layer(self, name: str, residual: Tensor) -> Tensor:
        build, call, config = self.build, self.call, self.config
        h = call(build.norm_sum(f"{name}.norm", NormSumMode.NORM, residual))
        x = call(build.linear(f"{name}.in_proj_x", h, config.d_inner))
        z = call(build.linear(f"{name}.in_proj_z", h, config.d_inner, silu=True))
        forward = self.direction(f"{name}.forward", x, z)
        x = call(build.flip(f"{name}.flip_x", x))
        z = call(build.flip(f"{name}.flip_z", z))
        backward = self.direction(f"{name}.backward", x, z)
        backward = call(build.flip(f"{name}.flip_scan", backward))
        merged = call(build.norm_sum(f"{name}.merge", NormSumMode.MEAN, forward, backward))
        smoothed = call(build.smooth(f"{name}.smooth", merged))
        mixed = call(build.linear(f"{name}.out_proj", smoothed, config.d_model))
        return call(build.norm_sum(f"{name}.add", NormSumMode.SUM, residual, mixed))

    def direction(self, name: str, x: Tensor, z: Tensor) -> Tensor:
        build, call = self.build, self.call
        rank, padded, states = self.config.dt_rank, self.config.dt_rank_padded, self.config.d_state
        u = call(build.conv(f"{name}.conv", x))
        smoothed = call(build.smooth(f"{name}.smooth", u))
        dt = call(build.linear(f"{name}.x_proj_dt", smoothed, padded, model_out=rank))
        delta = call(
            build.linear(f"{name}.dt_proj", dt, self.config.d_inner, bias=True, softplus=True, model_in=rank)
        )
        b = call(build.linear(f"{name}.x_proj_b", smoothed, states))
        c = call(build.linear(f"{name}.x_proj_c", smoothed, states))
        return call(build.scan(f"{name}.scan", u, delta, z, b, c))
