"""The generic payload: one burst on its way from an initiator to a target and back."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from tlm.units import Clock


class Command(Enum):
    READ = "read"
    WRITE = "write"


class ResponseStatus(Enum):
    INCOMPLETE = "incomplete"
    OK = "ok"
    ADDRESS_ERROR = "address error"
    BURST_ERROR = "burst error"  # of a length or place that the protocol does not have


class AddressError(Exception):
    """A burst met no memory at its address."""


class GenericPayload:
    """A burst of `beats` data beats of `width` bytes at system address `address`.

    The initiator sets everything above the line; targets may change only what is below it.
    `runs` says when the data beats move, as (first, last, beats) in ps of evenly spaced beats; a target gives
    them as they become known, with `move`. `response` is the time in ps at which the transaction is over.
    An initiator with little room for a read's data sets `take`: of so many beats, and bytes, that are there from a
    cycle of the target's clock on, it says in which cycle it takes the last. A target that can wait asks it, in
    the order of the data.
    Who passes a payload on and changes its times takes `watcher` and `listener` off it and calls them itself.
    """

    __slots__ = (
        "address",
        "beats",
        "command",
        "data",
        "initiator",
        "listener",
        "response",
        "runs",
        "status",
        "take",
        "watcher",
        "width",
    )

    def __init__(
        self,
        command: Command,
        address: int,
        beats: int,
        width: int,
        initiator: str,
        data: bytearray | None = None,
    ):
        self.command = command
        self.address = address
        self.beats = beats
        self.width = width
        self.initiator = initiator
        self.data = data
        self.status = ResponseStatus.INCOMPLETE
        self.runs: list[tuple[int, int, int]] = []
        self.response = 0
        self.listener: Callable[[GenericPayload], None] | None = None
        self.watcher: Callable[[GenericPayload], None] | None = None
        self.take: Callable[[Clock, int, int, int], int] | None = None

    @property
    def length(self) -> int:
        """Bytes."""
        return self.beats * self.width

    def move(self, first: int, last: int, beats: int) -> None:
        """Called by the target as soon as it is known when the next beats move, before `last` (ps)."""
        self.runs.append((first, last, beats))
        if self.watcher is not None:
            self.watcher(self)

    def complete(self, response: int, status: ResponseStatus = ResponseStatus.OK) -> None:
        """Called once by the target when all beats and the end, in ps, are known."""
        self.response = response
        self.status = status
        if self.listener is not None:
            self.listener(self)

    def __repr__(self) -> str:
        return (
            f"{self.command.value} {self.address:#x}+{self.length} by {self.initiator}: {self.status.value}"
        )
