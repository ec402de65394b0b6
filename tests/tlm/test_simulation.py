"""Elaboration: what a platform must be to run, and what happens when a run stands still."""

import pytest

from tlm.errors import InputError
from tlm.simulation import DeadlockError

BOUND = (("cpu.out", "ram.port"),)


def refused(build, *arguments):
    with pytest.raises(InputError) as error:
        build(*arguments)
    return str(error.value).splitlines()


def test_components_are_built_and_bound(build, parts):
    simulation = build({"cpu": parts.Caller(), "ram": parts.Store()}, BOUND)
    cpu, ram = simulation.components.values()
    assert cpu.out.target is ram.port
    assert ram.port.initiators == [cpu.out]
    assert (cpu.out.path, ram.port.path) == ("cpu.out", "ram.port")
    assert simulation.find(type(ram)) == [ram]


def test_a_socket_left_unbound(build, parts):
    """The component is named where it is written: line 10."""
    assert refused(build, {"cpu": parts.Caller(), "ram": parts.Store()}, ()) == [
        "board.yaml:10:3: bindings.cpu.out must be given: the socket is not bound"
    ]


def test_a_socket_that_is_not_there(build, parts):
    """Line 20 is the first binding; the misspelt socket stays unbound, which is told as well."""
    components = {"cpu": parts.Caller(), "ram": parts.Store()}
    assert refused(build, components, (("cpu.outt", "ram.port"),)) == [
        "board.yaml:20:3: bindings.cpu.outt must join an initiator socket of cpu, not cpu.outt "
        "(did you mean out?)",
        "board.yaml:10:3: bindings.cpu.out must be given: the socket is not bound",
    ]


def test_a_target_that_is_an_initiator(build, parts):
    components = {"cpu": parts.Caller(), "dma": parts.Caller()}
    assert refused(build, components, (("cpu.out", "dma.out"), ("dma.out", "cpu.out"))) == [
        "board.yaml:20:3: bindings.cpu.out must join a target socket of dma, not dma.out",
        "board.yaml:21:3: bindings.dma.out must join a target socket of cpu, not cpu.out",
        "board.yaml:10:3: bindings.cpu.out must be given: the socket is not bound",
        "board.yaml:11:3: bindings.dma.out must be given: the socket is not bound",
    ]


def test_a_socket_bound_twice(build, parts):
    components = {"cpu": parts.Caller(), "ram": parts.Store(), "rom": parts.Store()}
    assert refused(build, components, (*BOUND, ("cpu.out", "rom.port"))) == [
        "board.yaml:21:3: bindings: cpu.out is bound to ram.port already"
    ]


def test_a_region_that_no_target_serves(build, parts):
    components = {"cpu": parts.Caller(), "ram": parts.Store()}
    regions = (("low", 0, 512, "ram.prt"), ("high", 512, 512, "cpu.out"))
    assert refused(build, components, BOUND, regions) == [
        "board.yaml:30:3: memory_map.low.target must be a target socket, not ram.prt (did you mean ram.port?)",
        "board.yaml:31:3: memory_map.high.target must be a target socket, not cpu.out",
    ]


def test_a_region_beyond_its_memory(build, parts):
    """The part holds 512 to 1535."""
    components = {"cpu": parts.Caller(), "ram": parts.Store(base=512, size=1024)}
    regions = (("under", 0, 512, "ram.port"), ("in", 512, 1024, "ram.port"), ("over", 1536, 1, "ram.port"))
    assert refused(build, components, BOUND, regions) == [
        "board.yaml:30:3: memory_map.under.base must be at least 0x200, where ram begins",
        "board.yaml:32:3: memory_map.over must lie within ram, 0x200 to 0x5ff, not end at 0x600",
    ]


def test_two_simulations_do_not_see_each_other(build, parts):
    """The first sends two bursts, the second one; each has its own time, trace and counters."""
    components = {"cpu": parts.Caller(), "ram": parts.Store(latency=100)}
    first, second = build(components, BOUND), build(components, BOUND)

    def send(simulation, n):
        cpu = simulation.components["cpu"]
        for i in range(n):
            yield from cpu.out.b_transport(cpu.read(8 * i))
            simulation.trace.count("reads")

    first.run(send(first, 2))
    second.run(send(second, 1))
    assert (first.env.now, second.env.now) == (200, 100)
    assert (first.trace.counters["reads"], second.trace.counters["reads"]) == (2, 1)
    assert first.components["ram"].seen == [(0, 0), (100, 8)]
    assert second.components["ram"].seen == [(0, 0)]


def test_a_run_returns_what_its_process_returns(build, parts):
    simulation = build({"cpu": parts.Caller(), "ram": parts.Store()}, BOUND)

    def process():
        yield simulation.env.timeout(5)
        return "done"

    assert simulation.run(process()) == "done"
    assert simulation.env.now == 5


def test_a_deadlock_says_who_waits_for_what(build, parts):
    """The store never answers, so no event is left."""
    simulation = build({"cpu": parts.Caller(), "ram": parts.Store(answers=False)}, BOUND)
    cpu = simulation.components["cpu"]

    def process():
        simulation.waiting["cpu.out"] = "an answer from ram"
        simulation.waiting["cpu"] = "beat 1 of 1 on cpu.out"
        yield from cpu.out.b_transport(cpu.read(0))

    with pytest.raises(DeadlockError) as error:
        simulation.run(process())
    assert str(error.value).splitlines() == [
        "the simulation stands still:",
        "  cpu.out waits for an answer from ram",
        "  cpu waits for beat 1 of 1 on cpu.out",
    ]


def test_an_error_in_a_process_is_not_taken_for_a_deadlock(build, parts):
    simulation = build({"cpu": parts.Caller(), "ram": parts.Store()}, BOUND)

    def process():
        yield simulation.env.timeout(1)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        simulation.run(process())


def test_components_at_rest_have_no_phase(build, parts):
    simulation = build({"cpu": parts.Caller(), "ram": parts.Store()}, BOUND)
    assert simulation.phase() == ((), ())
