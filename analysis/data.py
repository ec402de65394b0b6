"""Tensors for a simulation: put into its memory before it runs, read out of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.simulation import Simulation
from workloads.operations import Program
from workloads.placement import Placement
from workloads.vim import memory
from workloads.vim.errors import WorkloadError
from workloads.vim.images import Floats, raw_pixels
from workloads.vim.quantized import QuantizedVim

if TYPE_CHECKING:
    from workloads.vim.model import VisionMamba

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Data:
    """Weights and normalized images [images, 3, side, side], and where each comes from, in words.

    `float_model` is what the weights were made from, if it is at hand. `labels` are the true classes, if known.
    """

    model: QuantizedVim
    images: Floats
    weights_source: str = ""
    image_sources: tuple[str, ...] = ()
    float_model: VisionMamba | None = None
    labels: tuple[int, ...] | None = None
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def pixels(self) -> Int32:
        """The images as the hardware takes them: 22 fraction bits."""
        return raw_pixels(self.images)


def load(simulation: Simulation, program: Program, placement: Placement, data: Data) -> None:
    """Write weights and images where the program expects them, in no time; the simulation computes from now on.

    Raises WorkloadError where they do not fit the program.
    """
    for tensor, content in memory.contents(program, data.model, data.pixels):
        _move(simulation, Command.WRITE, placement.address(tensor), content)
    simulation.data = True


def read_logits(simulation: Simulation, program: Program, placement: Placement, data: Data) -> Int32:
    """int32 [images, classes], 18 fraction bits, as they lie in memory."""
    return memory.logits(
        program,
        data.model.config.classes,
        lambda t: _move(simulation, Command.READ, placement.address(t), bytearray(t.nbytes)),
    )


def _move(simulation: Simulation, command: Command, address: int, content: bytearray) -> bytearray:
    payload = GenericPayload(command, address, len(content), 1, "loader", content)
    simulation.transport_dbg(payload)
    if payload.status is not ResponseStatus.OK:
        raise WorkloadError(
            f"{command.value} of {len(content)} bytes at {address:#x}: {payload.status.value}"
        )
    return content
