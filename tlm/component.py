"""Component: what a platform is made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Hashable
from typing import TYPE_CHECKING, Any

from tlm.payload import GenericPayload
from tlm.sockets import InitiatorSocket, TargetSocket

if TYPE_CHECKING:
    from tlm.simulation import Simulation


class Component:
    """A model with parameters and sockets; its class attribute `Params`, a frozen dataclass, is the schema."""

    Params: type

    def __init__(self, sim: Simulation, name: str, params: Any):
        self.sim = sim
        self.env = sim.env
        self.trace = sim.trace
        self.name = name
        self.params = params
        self.sockets: dict[str, InitiatorSocket | TargetSocket] = {}
        if isinstance(clock := getattr(params, "clock", None), str):
            self.clock = sim.clocks[clock]

    def initiator_socket(self, name: str) -> InitiatorSocket:
        return self._add(name, InitiatorSocket(self, name))

    def target_socket(
        self,
        name: str,
        nb_transport: Callable[[GenericPayload, int], None],
        transport_dbg: Callable[[GenericPayload], int] | None = None,
    ) -> TargetSocket:
        return self._add(name, TargetSocket(self, name, nb_transport, transport_dbg))

    def _add(self, name: str, socket: Any) -> Any:
        if name in self.sockets:
            raise ValueError(f"{self.name} has a socket {name} already")
        self.sockets[name] = socket
        return socket

    def elaborated(self) -> None:
        """Called once when every socket is bound, before the simulation starts."""

    @property
    def addresses(self) -> range | None:
        """What it holds, if it is a memory; regions of the memory map that lead to it must lie within."""
        return None

    def occupancy(self) -> list[str]:
        """What its buffers hold now, in words; for the report of a deadlock."""
        return []

    @property
    def couples(self) -> bool:
        """Whether what comes in at one socket can change the timing of what comes in at another."""
        return True

    def phase(self) -> Hashable | None:
        """What of this component's state can change the timing of what comes next, relative to now.

        () for a component at rest. None when equal circumstances cannot be told: nothing is replayed then.
        """
        return ()


class Sequencer(Component):
    """The component that runs a program on its platform: a host with engines, a GPU."""

    computes = False  # whether results are worked out where the simulation holds tensors (`Simulation.data`)

    @property
    def couples(self) -> bool:
        return False

    @classmethod
    def order(cls, params: Any, program: Any) -> Any:  # noqa: ARG003 most keep to the program's
        """Dependencies that a host with these parameters keeps to; None for one operation after the other."""
        return None

    @abstractmethod
    def execute(
        self, program: Any, placement: Any, progress: Callable[[], None] | None = None
    ) -> Generator[Any, Any, None]:
        """Run all operations; `progress` is called after each."""

    @abstractmethod
    def shortages(self, program: Any) -> list[str]:
        """Why the platform cannot hold the program, one text a cause: need, capacity, parameter to change."""

    @abstractmethod
    def call(self, operation: Any, address: Callable[[Any], int]) -> Generator[Any, Any, Any]:
        """Run a single operation, without what starting it costs; returns its CallRecord."""
