"""What PyTorch does for a program: its calls gathered into steps, a whole batch at a time.

A GPU program is written differently from the accelerator's: linears that read the same tensor are one product
(in_proj; x_proj), flips in a row are one copy, the residual's addition is part of the normalization that
follows it, and taking the class token is a view. All of that is seen in how the tensors flow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from components.gpu_work import BOOL, FULL, HALF, Operand, Step, Work
from tlm.errors import UnfitError
from workloads.operations import (
    Conv,
    Embed,
    Flip,
    Linear,
    LoadClassToken,
    NormSum,
    NormSumMode,
    Operation,
    Program,
    Scan,
    Smooth,
)

_IMAGE = re.compile(r"image\d+\.")


class UnsupportedError(UnfitError):
    """A program that PyTorch would not run as one batch, or an operation without a recipe."""


def works(program: Program) -> list[Work]:
    """The steps of a program in order; images that are alike run together.

    Raises UnsupportedError for an operation of unknown type and for images that differ.
    """
    return steps_of(*_images(program))


def steps_of(operations: list[Operation], batch: int = 1) -> list[Work]:
    """The steps of one image's operations, each on all images. Raises UnsupportedError."""
    found = _Gathering(operations, batch).works
    for work in found:
        work.stands_for *= batch
    return found


def _images(program: Program) -> tuple[list[Operation], int]:
    """The operations of the first image, and how many images there are."""
    images: dict[str, list[Operation]] = {}
    for op in program.operations:
        match = _IMAGE.match(op.name)
        images.setdefault(match[0] if match else "", []).append(op)
    first, *others = images.values()
    kinds = [_kind(op) for op in first]
    for name, other in zip(list(images)[1:], others, strict=True):
        if [_kind(op) for op in other] != kinds:
            raise UnsupportedError(f"{program.name}: the images of a batch must be alike, {name[:-1]} is not")
    return first, len(images)


def _kind(op: Operation) -> tuple[object, ...]:
    return type(op), _IMAGE.sub("", op.name), tuple(t.shape for t in (*op.inputs, *op.outputs))


class _Gathering:
    """One pass over the operations of an image; sizes of activations are those of the whole batch."""

    def __init__(self, operations: list[Operation], batch: int):
        self.batch = batch
        self.works: list[Work] = []
        self.readers: dict[str, list[Operation]] = {}
        self.writers = {op.y.name: op for op in operations}
        for op in operations:
            for tensor in op.inputs:
                self.readers.setdefault(tensor.name, []).append(op)
        self.linears: dict[str, Work] = {}  # by the tensor that they read
        self.free = 0  # operations that cost nothing so far: the next work stands for them
        for previous, op in zip([None, *operations], operations, strict=False):
            self.gather(op, previous)
        if self.works:
            self.works[-1].stands_for += self.free

    def gather(self, op: Operation, previous: Operation | None) -> None:
        match op:
            case Embed():
                self.embed(op)
            case NormSum():
                self.norm_sum(op)
            case Linear():
                self.linear(op)
            case Smooth():
                x, c = self.some(op.y.elements), self.weight(op.features)
                mask, one = self.some(op.y.elements, BOOL), Operand(1, BOOL)
                self.add(op, (Step.SMOOTH,), {"x": x, "c": c, "mask": mask, "one": one})
            case Conv():
                self.conv(op)
            case Scan():
                self.scan(op)
            case Flip() if isinstance(previous, Flip):
                work = self.works[-1]
                x = Operand(work.operands["x"].elements + self.batch * op.y.elements)
                work.operands = {"x": x}
                work.stands_for += 1
            case Flip():
                self.add(op, (Step.FLIP,), {"x": self.some(op.y.elements)})
            case LoadClassToken():
                self.free += 1
            case _:
                raise UnsupportedError(f"{op.name}: there is no recipe for {type(op).__name__}")

    def add(self, op: Operation, steps: tuple[Step, ...], operands: Mapping[str, Operand],
            **flops: int) -> Work:  # fmt: skip
        """`flops` for one image."""
        total = {kernel: self.batch * n for kernel, n in flops.items()}
        work = Work(_IMAGE.sub("", op.name), steps, operands, total, 1 + self.free)
        self.free = 0
        self.works.append(work)
        return work

    def some(self, elements: int, bits: int = HALF) -> Operand:
        return Operand(self.batch * elements, bits)

    @staticmethod
    def weight(elements: int, bits: int = HALF) -> Operand:
        return Operand(elements, bits, shared=True)

    def embed(self, op: Embed) -> None:
        d = op.features
        operands = {
            "image": self.some(op.image.elements, FULL),
            "pixels": self.some(op.image.elements),
            "w": self.weight(op.patch_values * d),
            "b": self.weight(d),
            "patches": self.some(op.patches * d),
            "token": self.weight(d),
            "position": self.weight(op.position.elements),
            "y": self.some(op.y.elements),
        }
        self.add(op, (Step.EMBED,), operands, patch_conv=2 * op.macs)

    def norm_sum(self, op: NormSum) -> None:
        if op.mode is NormSumMode.MEAN:
            self.add(op, (Step.MEAN,), {"y": self.some(op.y.elements)})
            return
        if op.mode is NormSumMode.SUM:
            followers = self.readers.get(op.y.name, [])
            if any(
                isinstance(f, LoadClassToken) or (isinstance(f, NormSum) and f.mode.norms) for f in followers
            ):
                self.free += 1
            else:
                self.add(op, (Step.ADD,), {"y": self.some(op.y.elements)})
            return
        source = self.writers.get(op.a.name)
        size = source.x.elements if isinstance(source, LoadClassToken) else op.a.elements
        operands = {
            "x": self.some(size),
            "residual": self.some(size, FULL),
            "w": self.weight(op.features),
        }
        flops = sum(op.elementary_operations.values()) * size // op.a.elements
        self.add(op, (Step.NORM,), operands, add_norm=flops)

    def linear(self, op: Linear) -> None:
        """One product for all linears of the same input."""
        if op.x.name in self.linears:
            self.linears[op.x.name].stands_for += 1
            return
        together = [r for r in self.readers[op.x.name] if isinstance(r, Linear)]
        inputs = op.model_in or op.in_features
        outputs = sum(r.model_out or r.out_features for r in together)
        operands = {
            "x": self.some(op.tokens * inputs),
            "t": self.some(op.tokens),
            "w": self.weight(inputs * outputs),
            "b": self.weight(outputs),
            "y": self.some(op.tokens * outputs),
        }
        bias = Step.DELTA_BIAS if op.softplus else Step.BIAS
        steps = (Step.LINEAR, bias) if op.bias is not None else (Step.LINEAR,)
        macs = sum(r.macs for r in together)
        self.linears[op.x.name] = self.add(op, steps, operands, matmul=2 * macs)

    def conv(self, op: Conv) -> None:
        taps = op.codes.shape[1]
        operands = {
            "x": self.some(op.x.elements),
            "padded": self.some(op.x.elements + (taps - 1) * op.features),
            "t": self.some(1),
            "w": self.weight(op.codes.elements),
            "b": self.weight(op.features),
            "y": self.some(op.y.elements),
        }
        self.add(op, (Step.CONV, Step.SILU), operands, conv=2 * op.macs)

    def scan(self, op: Scan) -> None:
        operands = {
            "u": self.some(op.u.elements),
            "delta": self.some(op.delta.elements),
            "z": self.some(op.z.elements),
            "a": self.weight(op.a.elements, FULL),
            "B": self.some(op.b.elements),
            "C": self.some(op.c.elements),
            "d": self.weight(op.d.elements, FULL),
            "y": self.some(op.y.elements),
        }
        self.add(op, (Step.SCAN,), operands, scan=sum(op.elementary_operations.values()))
