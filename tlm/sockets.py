"""Sockets: the only way from one component to another."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from tlm.payload import GenericPayload, ResponseStatus

if TYPE_CHECKING:
    from tlm.component import Component


class SocketError(Exception):
    """A socket was bound twice, or used before it was bound."""


class TargetSocket:
    """Receives transactions.

    `nb_transport(payload, at)` takes a burst that is on the wire at time `at` (ps, not before now and not
    after the next event of the simulation, so that calls come in the order of time). The target appends runs
    and completes the payload, at once when nothing that is still to come can change the answer, later
    otherwise. `transport_dbg(payload)` moves `payload.data` in zero time and returns the bytes moved.
    """

    def __init__(
        self,
        owner: Component,
        name: str,
        nb_transport: Callable[[GenericPayload, int], None],
        transport_dbg: Callable[[GenericPayload], int] | None = None,
    ):
        self.owner = owner
        self.name = name
        self.nb_transport = nb_transport
        self.transport_dbg = transport_dbg
        self.initiators: list[InitiatorSocket] = []

    @property
    def path(self) -> str:
        return f"{self.owner.name}.{self.name}"


class InitiatorSocket:
    """Sends transactions to the one target socket it is bound to."""

    def __init__(self, owner: Component, name: str):
        self.owner = owner
        self.name = name
        self.target: TargetSocket | None = None
        self.nb_transport: Callable[[GenericPayload, int], None] = self._unbound

    @property
    def path(self) -> str:
        return f"{self.owner.name}.{self.name}"

    def bind(self, target: TargetSocket) -> None:
        """Raises SocketError when bound already."""
        if self.target is not None:
            raise SocketError(f"{self.path} is bound to {self.target.path} already")
        self.target = target
        self.nb_transport = target.nb_transport
        target.initiators.append(self)

    def b_transport(self, payload: GenericPayload, delay: int = 0) -> Generator[Any, Any, ResponseStatus]:
        """Send now + `delay` ps and wait until the transaction is over."""
        env = self.owner.sim.env
        if delay:
            yield env.timeout(delay)
        done = env.event()

        def over(_: GenericPayload) -> None:
            done.succeed()

        payload.listener = over
        self.nb_transport(payload, int(env.now))
        yield done
        payload.listener = None
        if payload.response > env.now:
            yield env.timeout(payload.response - int(env.now))
        return payload.status

    def transport_dbg(self, payload: GenericPayload) -> int:
        """Bytes moved in zero time. Raises SocketError where the target has no such access."""
        if self.target is None or self.target.transport_dbg is None:
            raise SocketError(f"{self.path} leads to no target with debug access")
        return self.target.transport_dbg(payload)

    def _unbound(self, _payload: GenericPayload, _at: int) -> None:
        raise SocketError(f"{self.path} is not bound")
