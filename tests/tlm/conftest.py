"""Platforms written in Python, made of two small components."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from tlm.component import Component
from tlm.errors import Place
from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.platform import Binding, ComponentSpec, Platform, RegionSpec
from tlm.simulation import Simulation
from tlm.units import Clock


@dataclass(frozen=True, kw_only=True)
class CallerParams:
    pass


class Caller(Component):
    """Sends what a test tells it."""

    Params = CallerParams

    def __init__(self, sim, name, params):
        super().__init__(sim, name, params)
        self.out = self.initiator_socket("out")

    def read(self, address, beats=1):
        return GenericPayload(Command.READ, address, beats, 8, self.out.path)


@dataclass(frozen=True, kw_only=True)
class StoreParams:
    latency: int = 100  # ps
    size: int = 1024  # bytes
    answers: bool = True
    base: int | None = None  # None: says nothing of what it holds


class Store(Component):
    """Answers every burst after the same time, if at all."""

    Params = StoreParams

    def __init__(self, sim, name, params):
        super().__init__(sim, name, params)
        self.seen = []
        self.port = self.target_socket("port", self._transport, self._debug)

    @property
    def addresses(self):
        base = self.params.base
        return None if base is None else range(base, base + self.params.size)

    def _transport(self, payload, at):
        self.seen.append((at, payload.address))
        if not self.params.answers:
            return
        if payload.address + payload.length > self.params.size:
            payload.complete(at, ResponseStatus.ADDRESS_ERROR)
            return
        end = at + self.params.latency
        payload.runs.append((end, end, payload.beats))
        payload.complete(end)

    @staticmethod
    def _debug(payload):
        return payload.length


PARTS = {CallerParams: Caller, StoreParams: Store}


@pytest.fixture
def parts():
    """The components and their parameters, by name."""
    return SimpleNamespace(Caller=CallerParams, Store=StoreParams)


@pytest.fixture
def build():
    """Builds a Simulation of {name: parameters}, {initiator: target} and regions (name, base, size, target)."""

    def simulation(components, bindings, regions=(), **options):
        place = {name: Place("board.yaml", 10 + i, 3) for i, name in enumerate(components)}
        platform = Platform(
            name="board",
            path="board.yaml",
            description="",
            clocks={"main": Clock("main", 10**9)},
            components={
                name: ComponentSpec(name, PARTS[type(params)], params, place[name])
                for name, params in components.items()
            },
            bindings=tuple(
                Binding(a, b, Place("board.yaml", 20 + i, 3)) for i, (a, b) in enumerate(bindings)
            ),
            memory_map=tuple(RegionSpec(*r, Place("board.yaml", 30 + i, 3)) for i, r in enumerate(regions)),
            sections={},
            models={},
            origins={},
        )
        return Simulation(platform, **options)

    return simulation
