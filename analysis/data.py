"""Tensors for a simulation: put into its memory before it runs, read out of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.simulation import Simulation
from tlm.sockets import InitiatorSocket, SocketError
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

    Raises WorkloadError where they do not fit the program, or where the platform's masters do not all reach
    the memory that they lie in.
    """
    written = None
    for tensor, content in memory.contents(program, data.model, data.pixels):
        address = placement.address(tensor)
        _move(simulation, Command.WRITE, address, content)
        written = written or (address, content)
    assert written is not None
    if apart := [socket.path for socket in _masters(simulation) if not _sees(socket, *written)]:
        raise WorkloadError(
            f"{', '.join(apart)} must lead to the memory of the first region, where the tensors lie "
            "(--no-data runs timing only)"
        )
    simulation.data = True


def read_logits(simulation: Simulation, program: Program, placement: Placement, data: Data) -> Int32:
    """int32 [images, classes], 18 fraction bits, as they lie in memory."""
    return memory.logits(
        program,
        data.model.config.classes,
        lambda t: _move(simulation, Command.READ, placement.address(t), bytearray(t.nbytes)),
    )


def _masters(simulation: Simulation) -> list[InitiatorSocket]:
    """Sockets that have debug access to something."""
    sockets = [
        socket for component in simulation.components.values() for socket in component.sockets.values()
    ]
    return [s for s in sockets if isinstance(s, InitiatorSocket) and s.target and s.target.transport_dbg]


def _sees(socket: InitiatorSocket, address: int, content: bytearray) -> bool:
    payload = GenericPayload(Command.READ, address, len(content), 1, "loader", bytearray(len(content)))
    try:
        socket.transport_dbg(payload)
    except SocketError:
        return False
    return payload.data == content


def _move(simulation: Simulation, command: Command, address: int, content: bytearray) -> bytearray:
    payload = GenericPayload(command, address, len(content), 1, "loader", content)
    try:
        simulation.transport_dbg(payload)
    except SocketError as error:
        raise WorkloadError(f"{error}, which tensors need (--no-data runs timing only)") from None
    if payload.status is not ResponseStatus.OK:
        raise WorkloadError(
            f"{command.value} of {len(content)} bytes at {address:#x}: {payload.status.value}"
        )
    return content
