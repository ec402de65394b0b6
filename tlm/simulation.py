"""Simulation: builds a platform's components, binds them, and owns environment, clocks, trace and quantum."""

from __future__ import annotations

import difflib
from collections.abc import Hashable
from functools import cached_property
from typing import Any

import simpy

from tlm.component import Component
from tlm.errors import InputError, Problem, did_you_mean
from tlm.memory_map import AddressRange, MemoryMap
from tlm.payload import GenericPayload, ResponseStatus
from tlm.platform import Platform
from tlm.quantum import QuantumKeeper
from tlm.sockets import InitiatorSocket, SocketError, TargetSocket
from tlm.trace import Trace
from tlm.units import Address, format_quantity


class DeadlockError(Exception):
    """Nothing can happen any more, and the event that was waited for has not come."""


class _Environment(simpy.Environment):
    """Counts events, so that a report can tell what a simulation cost."""

    def __init__(self) -> None:
        super().__init__(initial_time=0)
        self.events = 0

    def step(self) -> None:
        self.events += 1
        super().step()


class Simulation:
    """One platform, elaborated. Nothing is global: any number may live in one process.

    Raises InputError for bindings that lead nowhere, sockets left unbound and regions nobody serves.
    """

    def __init__(
        self, platform: Platform, quantum: int | None = None, replay: bool = True, gauges: bool = False
    ):
        self.platform = platform
        self.env = _Environment()
        self.clocks = platform.clocks
        self.trace = Trace()
        self.quantum = QuantumKeeper(self.env, quantum)
        self.replay = replay
        self.data = False  # True: memories hold tensors, and who works on them computes them
        self.records: dict[Hashable, Any] = {}
        self.exclusive = True  # whoever starts calls waits for the end of each before the next
        self.gauges = gauges  # records tell how full FIFOs and buffers were
        self.running = 0  # calls under way
        self.started = 0  # calls so far
        self.waiting: dict[str, str] = {}  # who waits for what, for the report of a deadlock
        self.memory_map = MemoryMap(
            AddressRange(r.name, r.base, r.size, r.target) for r in platform.memory_map
        )
        self.components: dict[str, Component] = {}
        self._build()

    def _build(self) -> None:
        problems: list[Problem] = []
        for name, spec in self.platform.components.items():
            try:
                self.components[name] = spec.cls(self, name, spec.params)
            except ValueError as error:
                problems.append(Problem(spec.place, f"components.{name}: {error}"))
        for binding in self.platform.bindings:
            ends = []
            for path, kind in ((binding.initiator, InitiatorSocket), (binding.target, TargetSocket)):
                owner, _, name = path.partition(".")
                if owner not in self.components:
                    continue
                sockets = self.components[owner].sockets
                if isinstance(sockets.get(name), kind):
                    ends.append(sockets[name])
                    continue
                known = [n for n, s in sockets.items() if isinstance(s, kind)]
                role = "an initiator" if kind is InitiatorSocket else "a target"
                problems.append(
                    Problem(
                        binding.place,
                        f"bindings.{binding.initiator} must join {role} socket of {owner}, not {path}"
                        f"{did_you_mean(name, known)}",
                    )
                )
            if len(ends) == 2:
                try:
                    ends[0].bind(ends[1])  # type: ignore[union-attr, arg-type]
                except SocketError as error:
                    problems.append(Problem(binding.place, f"bindings: {error}"))
        for name, component in self.components.items():
            for socket in component.sockets.values():
                if isinstance(socket, InitiatorSocket) and socket.target is None:
                    place = self.platform.components[name].place
                    problems.append(
                        Problem(place, f"bindings.{socket.path} must be given: the socket is not bound")
                    )
        for region in self.platform.memory_map:
            owner, _, name = region.target.partition(".")
            served = self.components.get(owner)
            if served is not None and not isinstance(served.sockets.get(name), TargetSocket):
                targets = [n for n, s in served.sockets.items() if isinstance(s, TargetSocket)]
                near = difflib.get_close_matches(name, targets, 1)
                hint = f" (did you mean {owner}.{near[0]}?)" if near else ""
                problems.append(
                    Problem(
                        region.place,
                        f"memory_map.{region.name}.target must be a target socket, not {region.target}{hint}",
                    )
                )
            held = served.addresses if served is not None else None
            if held is not None and not (held.start <= region.base and region.end <= held.stop):
                first, last = (format_quantity(at, Address) for at in (held.start, held.stop - 1))
                end = format_quantity(region.end - 1, Address)
                problems.append(
                    Problem(
                        region.place,
                        f"memory_map.{region.name} must lie within {owner}, {first} to {last}, not end at {end}"
                        if held.start <= region.base
                        else f"memory_map.{region.name}.base must be at least {first}, where {owner} begins",
                    )
                )
        if problems:
            raise InputError(problems)
        for component in self.components.values():
            component.elaborated()

    def transport_dbg(self, payload: GenericPayload) -> int:
        """Bytes moved in zero time at a system address, through the socket that the memory map names."""
        region = self.memory_map.decode(payload.address, payload.length)
        if region is None:
            payload.status = ResponseStatus.ADDRESS_ERROR
            return 0
        owner, _, name = region.target.partition(".")
        socket = self.components[owner].sockets[name]
        if not isinstance(socket, TargetSocket) or socket.transport_dbg is None:
            raise SocketError(f"{region.target} has no debug access")
        return socket.transport_dbg(payload)

    def find(self, kind: type) -> list[Any]:
        """The components of a class, in the order of the platform file."""
        return [c for c in self.components.values() if isinstance(c, kind)]

    @cached_property
    def independent(self) -> bool:
        """Whether calls that overlap cannot change each other's timing."""
        return not any(component.couples for component in self.components.values())

    def phase(self) -> Hashable | None:
        """The phases of all components, or None when one of them has none."""
        phases = []
        for component in self.components.values():
            phase = component.phase()
            if phase is None:
                return None
            phases.append(phase)
        return tuple(phases)

    def run(self, process: Any) -> Any:
        """Run a generator as a process until it ends and return its value.

        Raises DeadlockError, with who waits for what, when events run out before that.
        """
        done = self.env.process(process)
        try:
            return self.env.run(until=done)
        except RuntimeError as error:
            if done.triggered or "No scheduled events" not in str(error):
                raise
            raise DeadlockError(self._standstill()) from None

    def _standstill(self) -> str:
        """Who waits for what, and what lies in the buffers."""
        lines = ["the simulation stands still:"]
        lines += [f"  {who} waits for {what}" for who, what in self.waiting.items()]
        held = [text for component in self.components.values() for text in component.occupancy()]
        lines += ["and holds:", *(f"  {text}" for text in held)] if held else []
        return "\n".join(lines)
