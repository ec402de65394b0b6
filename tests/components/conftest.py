"""A master that sends what a test tells it, and single calls on the shipped platforms."""

from dataclasses import dataclass

import pytest

from analysis.platform_path import find_platform
from analysis.single_call import run_call
from components.engine import Engine, EngineParams
from tlm.component import Component
from tlm.errors import Place
from tlm.payload import Command, GenericPayload
from tlm.platform import Binding, ComponentSpec, Platform, load_platform
from tlm.simulation import Simulation
from tlm.units import Clock
from workloads.builder import Builder
from workloads.operations import NormSumMode, Role

PS_PER_CYCLE = 1000  # the benches below run at 1 GHz


@dataclass(frozen=True, kw_only=True)
class MasterParams:
    clock: str = "fabric"
    ports: int = 2


class Master(Component):
    """Sends bursts at given times; `beats` and `responses` are in cycles of 1 ns."""

    Params = MasterParams

    def __init__(self, sim, name, params):
        super().__init__(sim, name, params)
        self.out = [self.initiator_socket(f"out{i}") for i in range(params.ports)]
        self.plan = []

    def read(self, at, address, beats, port=0, width=32):
        return self._plan(Command.READ, at, address, beats, port, width)

    def write(self, at, address, beats, port=0, width=32):
        return self._plan(Command.WRITE, at, address, beats, port, width)

    def _plan(self, command, at, address, beats, port, width):
        payload = GenericPayload(command, address, beats, width, self.out[port].path)
        self.plan.append((at * PS_PER_CYCLE, port, payload))
        return payload

    def run(self):
        """Send everything planned, at its time, and let all of it end."""
        for at, port, payload in self.plan:
            self.env.process(self._send(at, port, payload))
        self.env.run()

    def _send(self, at, port, payload):
        yield self.env.timeout(at)
        self.out[port].nb_transport(payload, at)


class Probe(Engine):
    """An engine with a read and a write port and nothing between: the test drives them."""

    Params = EngineParams
    executes = ()

    def __init__(self, sim, name, params):
        super().__init__(sim, name, params)
        self.source = self.read_port("in_r")
        self.sink = self.write_port("out_r")


def simulation_of(components, bindings, hz=10**9):
    """{name: (class, parameters)} at one clock, fabric; 1 GHz makes a cycle of 1,000 ps."""
    here = Place("test")
    return Simulation(
        Platform(
            name="bench",
            path="",
            description="",
            clocks={"fabric": Clock("fabric", hz)},
            components={n: ComponentSpec(n, cls, params, here) for n, (cls, params) in components.items()},
            bindings=tuple(Binding(a, b, here) for a, b in bindings),
            memory_map=(),
            sections={},
            models={},
            origins={},
        )
    )


@pytest.fixture
def bench():
    """`bench(Memory, parameters)`: a master whose two ports lead to port0 and port1 of a memory."""

    def master(cls, params, ports=("port0", "port1")):
        simulation = simulation_of(
            {"master": (Master, MasterParams(ports=len(ports))), "memory": (cls, params)},
            [(f"master.out{i}", f"memory.{port}") for i, port in enumerate(ports)],
        )
        return simulation.components["master"]

    return master


@pytest.fixture
def build():
    """`build({name: (class, parameters)}, {initiator: target})`: any simulation at 1 GHz."""
    return simulation_of


@pytest.fixture
def parts():
    """The components of this file: Master, MasterParams, Probe."""
    return {"Master": Master, "MasterParams": MasterParams, "Probe": Probe}


def beats_of(payload):
    """Cycle of each beat of a burst, evenly spaced within each of its runs."""
    return [
        (first + (last - first) * i // max(1, n - 1)) / PS_PER_CYCLE
        for first, last, n in payload.runs
        for i in range(n)
    ]


@pytest.fixture
def beats():
    return beats_of


class Calls:
    """Operations by their sizes, and the cycles of one call of each."""

    def __init__(self):
        self.simulations = {}

    def linear(self, tokens, inputs, outputs, **flags):
        build = Builder()
        return build.linear("call", build.tensor("x", tokens, inputs, role=Role.INPUT), outputs, **flags)

    def of(self, kind, tokens, features):
        """conv, smooth, flip, scan, norm, add or mean."""
        build = Builder()

        def given(name, width=features):
            return build.tensor(name, tokens, width, role=Role.INPUT)

        if kind == "scan":
            return build.scan("call", given("u"), given("delta"), given("z"), given("b", 16), given("c", 16))
        if kind in ("norm", "add", "mean"):
            mode = {"norm": NormSumMode.NORM, "add": NormSumMode.SUM, "mean": NormSumMode.MEAN}[kind]
            return build.norm_sum("call", mode, given("a"), given("b") if mode.sums else None)
        if kind == "load_cls":
            return build.load_class_token("call", given("x"), tokens // 2)
        return getattr(build, kind)("call", given("x"))

    def record(self, operation, *settings, platform="zcu102-rtl"):
        key = (platform, *settings)
        if key not in self.simulations:
            self.simulations[key] = Simulation(load_platform(find_platform(platform), settings))
        return run_call(self.simulations[key], operation)

    def cycles(self, operation, *settings, platform="zcu102-rtl"):
        return self.record(operation, *settings, platform=platform).cycles


@pytest.fixture(scope="session")
def calls():
    return Calls()
