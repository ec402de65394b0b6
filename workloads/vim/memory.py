"""A quantized model and its input images as the bytes that a program's operations find in memory."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from workloads.execution import operands, pack, unpack
from workloads.numerics import patches_of
from workloads.operations import Embed, Operation, Program, Role, Tensor
from workloads.vim.errors import WorkloadError
from workloads.vim.quantized import Array, QuantizedVim

Int32 = npt.NDArray[np.int32]


def used(program: Program, *roles: Role) -> Iterator[tuple[Operation, str, Tensor]]:
    """Every tensor of these roles once, with an operation and the field by which it goes there."""
    seen: set[str] = set()
    for op in program.operations:
        for field, tensor in operands(op):
            if tensor.role in roles and tensor.name not in seen:
                seen.add(tensor.name)
                yield op, field, tensor


def contents(program: Program, model: QuantizedVim, pixels: Int32) -> Iterator[tuple[Tensor, bytearray]]:
    """What has to lie in memory before the program runs: weights, and the images patch by patch.

    pixels int32 [images, 3, side, side], 22 fraction bits, as many as the program has inputs.
    Raises WorkloadError, all problems at once, where model and pixels are not the program's.
    """
    _check(program, model, pixels)
    images = iter(pixels)
    for op, field, tensor in used(program, Role.WEIGHT, Role.INPUT):
        array: Array
        if tensor.role is Role.INPUT:
            assert isinstance(op, Embed)
            array = patches_of(next(images), op.patch, op.stride)
        else:
            array = model.arrays[tensor.name]
        yield tensor, pack(op, field, array)


def logits(program: Program, classes: int, read: Callable[[Tensor], bytearray]) -> Int32:
    """int32 [images, classes], 18 fraction bits, from the outputs of the program as `read` finds them."""
    rows = [unpack(op, field, read(tensor)) for op, field, tensor in used(program, Role.OUTPUT)]
    return np.concatenate(rows)[:, :classes]


def _check(program: Program, model: QuantizedVim, pixels: Int32) -> None:
    name, problems = model.config.name, []
    for tensor in program.weights:
        array = model.arrays.get(tensor.name)
        if array is None:
            problems.append(f"{name}: {tensor.name} is missing")
        elif array.shape != tensor.shape:
            problems.append(
                f"{name}: {tensor.name} must have shape {list(tensor.shape)}, not {list(array.shape)}"
            )
    config, side = model.config, model.resolution
    wanted = (len(program.inputs), config.channels, side, side)
    if pixels.shape != wanted or pixels.dtype != np.int32:
        problems.append(
            f"{name}: pixels must be int32 {list(wanted)}, not {pixels.dtype} {list(pixels.shape)}"
        )
    if problems:
        raise WorkloadError(problems)
