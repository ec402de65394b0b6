"""Operations on real tensors: each operation's kernel and the layout of each of its operands in memory.

Operands go by the names of the operation's fields, as the arrays of a quantized model do.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from workloads import numerics
from workloads.numerics.layouts import (
    Memory,
    pack_activations,
    pack_conv_codes,
    pack_conv_signs,
    pack_linear_codes,
    pack_norm_weights,
    pack_scales,
    unpack_activations,
    unpack_conv_codes,
    unpack_conv_signs,
    unpack_linear_codes,
    unpack_norm_weights,
    unpack_scales,
)
from workloads.operations import (
    Conv,
    Embed,
    Flip,
    Linear,
    LoadClassToken,
    NormSum,
    Operation,
    Scan,
    Smooth,
    Tensor,
)

Array = npt.NDArray[Any]
Int32 = npt.NDArray[np.int32]
Operands = Mapping[str, Array]


def operands(op: Operation) -> Iterator[tuple[str, Tensor]]:
    """The tensors of an operation by the names of their fields, results too."""
    for field in fields(op):  # type: ignore[arg-type]  # every operation is a dataclass
        if isinstance(tensor := getattr(op, field.name), Tensor):
            yield field.name, tensor


def compute(op: Operation, values: Operands) -> Int32:
    """The result of an operation, raw integers [tokens, features].

    Raises ValueError for operands that do not fit.
    """
    return _KERNELS[type(op)](op, values)


def layout(op: Operation, field: str) -> str:
    """Name of the layout in which a field of an operation lies in memory; see `LAYOUTS`."""
    tensor: Tensor = getattr(op, field)
    if field == "codes":
        return "linear codes" if isinstance(op, Linear) else "conv codes"
    if field == "signs":
        return "conv signs"
    if field == "scales":
        return "uint32"
    return f"int{tensor.bits}"


def pack(op: Operation, field: str, array: Array) -> bytearray:
    """The bytes of an operand in memory, little endian, without padding."""
    to_bytes, _ = LAYOUTS[layout(op, field)]
    return bytearray(to_bytes(array))


def unpack(op: Operation, field: str, memory: Memory) -> Array:
    """The inverse of `pack`, in the shape of the operand's tensor."""
    _, from_bytes = LAYOUTS[layout(op, field)]
    return from_bytes(memory, getattr(op, field).shape)


LAYOUTS: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "int32": (pack_activations, unpack_activations),
    "uint32": (pack_scales, unpack_scales),
    "int16": (pack_norm_weights, unpack_norm_weights),
    "linear codes": (pack_linear_codes, unpack_linear_codes),
    "conv codes": (pack_conv_codes, unpack_conv_codes),
    "conv signs": (pack_conv_signs, unpack_conv_signs),
}


def _embed(op: Embed, v: Operands) -> Int32:
    if op.class_position != op.patches // 2:
        raise ValueError(
            f"{op.name}: class_position must be {op.patches // 2}, where the engine puts it, not {op.class_position}"
        )
    return numerics.embed(v["image"], v["weight"], v["bias"], v["class_token"], v["position"])


def _linear(op: Linear, v: Operands) -> Int32:
    return numerics.linear(v["x"], v["codes"], v["scales"], v.get("bias"), op.flags)


def _conv(_op: Conv, v: Operands) -> Int32:
    return numerics.conv(v["x"], v["codes"], v["signs"], v["scales"], v["bias"])


def _scan(_op: Scan, v: Operands) -> Int32:
    return numerics.selective_scan(v["u"], v["delta"], v["z"], v["a"], v["b"], v["c"], v["d"])


_KERNELS: dict[type[Operation], Callable[..., Int32]] = {
    Embed: _embed,
    NormSum: lambda op, v: numerics.norm_sum(v["a"], v.get("b"), v.get("weight"), op.mode),
    Linear: _linear,
    Conv: _conv,
    Smooth: lambda _op, v: numerics.smooth(v["x"], v["scales"]),
    Scan: _scan,
    Flip: lambda _op, v: numerics.flip(v["x"]),
    LoadClassToken: lambda op, v: numerics.load_cls(v["x"], op.index),
}
