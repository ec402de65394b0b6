"""The reference executor: a quantized model over images in integers, call by call as the host starts them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from workloads.numerics import (
    LinearFlags,
    NormSumMode,
    conv,
    embed,
    flip,
    linear_quantized,
    load_cls,
    norm_sum,
    patches_of,
    quantize_tokens,
    selective_scan,
    smooth,
)
from workloads.vim.errors import WorkloadError
from workloads.vim.quantized import QuantizedVim

Int32 = npt.NDArray[np.int32]
Record = Callable[["Call"], None]


@dataclass(frozen=True)
class Call:
    """One call of an engine: raw integers [tokens, features]; weights are those of `QuantizedVim.op(name)`.

    Of several images the rows follow each other.
    """

    name: str
    engine: str
    inputs: dict[str, npt.NDArray[Any]]
    output: Int32


def execute(model: QuantizedVim, pixels: Int32, record: Record | None = None) -> Int32:
    """Logits, 18 fraction bits, of raw pixels (22 fraction bits): int32 [classes] for pixels [3, side, side],
    [images, classes] for [images, 3, side, side].

    `record` gets every call in the order of execution: embed, 24 a layer, load_cls, norm_f, head.
    WorkloadError when the pixels do not fit the model's resolution.
    """
    single = pixels.ndim == 3
    images = pixels[None] if single else pixels
    side = model.resolution
    if images.shape[1:] != (3, side, side) or images.dtype != np.int32 or not len(images):
        raise WorkloadError(
            f"{model.config.name}: pixels must be int32 [3, {side}, {side}] or a stack of such, "
            f"not {pixels.dtype} {list(pixels.shape)}"
        )
    with threadpool_limits(1):  # products this small are slower on several threads
        logits = _Executor(model, len(images), record).run(images)[:, : model.config.classes]
    return logits[0] if single else logits


class _Executor:
    def __init__(self, model: QuantizedVim, images: int, record: Record | None):
        self.model = model
        self.images = images
        self.record = record

    def run(self, pixels: Int32) -> Int32:
        config = self.model.config
        weights = self.model.op("embed")
        patches = np.concatenate([patches_of(image, config.patch, config.stride) for image in pixels])
        residual = self.each(
            "embed",
            "embed",
            lambda patches: embed(
                patches, weights["weight"], weights["bias"], weights["class_token"], weights["position"]
            ),
            patches=patches,
        )
        for i in range(config.layers):
            residual = self.layer(f"layers.{i}", residual)
        middle = config.class_position(self.model.resolution)
        token = self.each("load_cls", "patch_ops", lambda x: load_cls(x, middle), x=residual)
        return self.linear(("head",), self.norm("norm_f", token), LinearFlags.BIAS)[0]

    def layer(self, name: str, residual: Int32) -> Int32:
        h = self.norm(f"{name}.norm", residual)
        quantized = quantize_tokens(h)
        (x,) = self.linear((f"{name}.in_proj_x",), h, quantized=quantized)
        (z,) = self.linear((f"{name}.in_proj_z",), h, LinearFlags.SILU, quantized)
        forward = self.direction(f"{name}.forward", x, z)
        x, z = (
            self.each(f"{name}.flip_{key}", "patch_ops", flip, x=value) for key, value in (("x", x), ("z", z))
        )
        backward = self.direction(f"{name}.backward", x, z)
        backward = self.each(f"{name}.flip_scan", "patch_ops", flip, x=backward)
        merged = self.sum(f"{name}.merge", forward, backward, NormSumMode.MEAN)
        (mixed,) = self.linear((f"{name}.out_proj",), self.smooth(f"{name}.smooth", merged))
        return self.sum(f"{name}.add", residual, mixed, NormSumMode.SUM)

    def direction(self, name: str, x: Int32, z: Int32) -> Int32:
        w = self.model.op(f"{name}.conv")
        u = self.each(
            f"{name}.conv",
            "conv",
            lambda x: conv(x, w["codes"], w["signs"], w["scales"], w["bias"]),
            x=x,
        )
        smoothed = self.smooth(f"{name}.smooth", u)
        quantized = quantize_tokens(smoothed)
        (dt,) = self.linear((f"{name}.x_proj_dt",), smoothed, quantized=quantized)
        (delta,) = self.linear((f"{name}.dt_proj",), dt, LinearFlags.BIAS | LinearFlags.SOFTPLUS)
        b, c = self.linear((f"{name}.x_proj_b", f"{name}.x_proj_c"), smoothed, quantized=quantized)
        s = self.model.op(f"{name}.scan")
        return self.each(
            f"{name}.scan",
            "ssm",
            lambda u, delta, z, b, c: selective_scan(u, delta, z, s["a"], b, c, s["d"]),
            u=u,
            delta=delta,
            z=z,
            b=b,
            c=c,
        )

    def norm(self, name: str, x: Int32) -> Int32:
        y = norm_sum(x, weights=self.model.op(name)["weight"], mode=NormSumMode.NORM)
        return self.done(name, "norm_sum", y, a=x)

    def sum(self, name: str, a: Int32, b: Int32, mode: NormSumMode) -> Int32:
        return self.done(name, "norm_sum", norm_sum(a, b, mode=mode), a=a, b=b)

    def smooth(self, name: str, x: Int32) -> Int32:
        return self.done(name, "smooth", smooth(x, self.model.op(name)["scales"]), x=x)

    def linear(
        self,
        names: Iterable[str],
        x: Int32,
        flags: int = 0,
        quantized: tuple[npt.NDArray[np.int8], Int32] | None = None,
    ) -> list[Int32]:
        """Linears on one input; `quantized` is what the engines' quantizers make of it, if at hand."""
        q, scale = quantize_tokens(x) if quantized is None else quantized
        found = []
        for name in names:
            w = self.model.op(name)
            y = linear_quantized(q, scale, w["codes"], w["scales"], w.get("bias"), flags)
            found.append(self.done(name, "linear", y, x=x))
        return found

    def each(self, name: str, engine: str, kernel: Callable[..., Int32], **inputs: Int32) -> Int32:
        """A kernel whose result depends on where an image begins, over one image at a time."""
        parts = [np.split(value, self.images) for value in inputs.values()]
        outputs = [kernel(**dict(zip(inputs, part, strict=True))) for part in zip(*parts, strict=True)]
        return self.done(name, engine, np.concatenate(outputs), **inputs)

    def done(self, name: str, engine: str, output: Int32, **inputs: npt.NDArray[Any]) -> Int32:
        if self.record:
            self.record(Call(name, engine, inputs, output))
        return output
