"""Tensors through the simulated memory: the same bits as the reference executor, in the same time as without."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.data import Data, load, read_logits
from analysis.platform_path import SHIPPED
from analysis.simulate import Workload, simulate
from components.dma import AddressError
from tlm.payload import Command
from tlm.platform import load_platform
from tlm.simulation import Simulation
from workloads.execution import operands
from workloads.operations import Embed, LoadClassToken
from workloads.placement import place
from workloads.vim.config import PRESETS, VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.integer import execute
from workloads.vim.quantized import random_quantized

PLATFORMS = ("zcu102-rtl.yaml", "zcu102.yaml")
CONFIG = VimConfig("custom", d_model=48, layers=2, image_size=48, classes=5)


def data_for(config, resolution, batch=1, seed=3):
    images = np.random.default_rng(seed).normal(size=(batch, 3, resolution, resolution)).astype(np.float32)
    return Data(random_quantized(config, seed, resolution), images)


@pytest.fixture(params=PLATFORMS)
def platform(request):
    return str(SHIPPED / request.param)


@pytest.mark.parametrize(
    ("config", "resolution", "batch"),
    [
        (CONFIG, 48, 1),
        (CONFIG, 80, 2),
        (replace(CONFIG, name="fine", d_model=64, stride=8), 48, 1),  # overlapping patches
        (PRESETS["digits"], 64, 1),
        (PRESETS["tiny"], 224, 1),
    ],
    ids=["custom", "batch of two", "stride 8", "digits", "tiny"],
)
def test_logits_are_those_of_the_reference_executor(platform, config, resolution, batch):
    data = data_for(config, resolution, batch)
    result = simulate(platform, Workload.of(config, resolution, batch), data=data)
    assert result.logits.shape == (batch, config.classes)
    assert np.array_equal(result.logits, execute(data.model, data.pixels))
    assert len({row.tobytes() for row in result.logits}) == batch


def test_every_result_in_memory_is_the_executors(platform):
    """The residual stream after each layer, read right after the call that writes it."""
    data = data_for(CONFIG, 48)
    workload = Workload.of(CONFIG, 48)
    expected = {}
    execute(data.model, data.pixels, lambda call: expected.update({call.name: call.output}))
    simulation = Simulation(load_platform(platform))
    placement = place(workload.program, 0, 1 << 31)
    load(simulation, workload.program, placement, data)
    (memory,) = [c for c in simulation.components.values() if hasattr(c, "storage")]
    names = iter(workload.program.operations)
    differ = []

    def after_call():
        op = next(names)
        raw = memory.storage.read(placement.address(op.y), op.y.nbytes)
        if not np.array_equal(raw.view("<i4").reshape(op.y.shape), expected[op.name]):
            differ.append(op.name)

    simulation.run(simulation.components["host"].execute(workload.program, placement, after_call))
    assert differ == []
    assert next(names, None) is None


def test_times_are_the_same_with_and_without(platform):
    """Equal calls once or all of them: the same on the ideal memory; on the DRAM, where each meets other refreshes,
    the same bytes in 0.5 % of the time. How many small writes meet in the controller's store, and are one access of
    the DRAM, depends on the refreshes as well."""
    workload = Workload.of(CONFIG, 80, 2)
    plain, replayed, full = (
        simulate(platform, workload, data=data, replay=replay)
        for data, replay in ((None, True), (data_for(CONFIG, 80, 2), True), (data_for(CONFIG, 80, 2), False))
    )
    assert plain.logits is None
    assert plain.run.elapsed == replayed.run.elapsed
    assert replayed.simulation.trace.replayed > 0
    assert plain.simulation.env.events == replayed.simulation.env.events
    counted = [
        {name: n for name, n in result.simulation.trace.counters.items() if name.endswith("_bytes")}
        for result in (plain, full)
    ]
    accesses = [count.pop("ddr.device_bytes", 0) for count in counted]
    assert accesses[0] == pytest.approx(accesses[1], rel=5e-3)
    assert counted[0] == counted[1]
    assert plain.run.elapsed == pytest.approx(full.run.elapsed, rel=5e-3 if "rtl" not in platform else 0)
    spans = [[(s.name, s.start, s.end) for s in r.simulation.trace.spans] for r in (plain, replayed, full)]
    assert spans[0] == spans[1]
    assert spans[1] == spans[2] or "rtl" not in platform
    assert np.array_equal(replayed.logits, full.logits)


def test_weights_come_from_memory(platform):
    """2**18 more in the bias of class 3, put into memory after loading, is a logit larger by 1."""
    data = data_for(CONFIG, 48)
    workload = Workload.of(CONFIG, 48)
    simulation = Simulation(load_platform(platform))
    placement = place(workload.program, 0, 1 << 31)
    load(simulation, workload.program, placement, data)
    bias = data.model.arrays["head.bias"].copy()
    bias[3] += 1 << 18
    (memory,) = [c for c in simulation.components.values() if hasattr(c, "storage")]
    memory.storage.write(
        placement.address(workload.program.operations[-1].bias), bias.astype("<i4").view(np.uint8)
    )
    simulation.run(simulation.components["host"].execute(workload.program, placement))
    logits = read_logits(simulation, workload.program, placement, data)
    assert (logits - execute(data.model, data.pixels)[0]).tolist() == [[0, 0, 0, 1 << 18, 0]]


def test_operands_come_through_the_ports_that_fetch_them(platform):
    """Every operand lies in what its port's bursts of the same call have read.

    Two operands are read whole although the engine fetches less: the class token's tensor, of which it fetches
    one row, and EMBED's bias and class token, whose fetching its source gives no length for.
    """
    simulation = Simulation(load_platform(platform))
    data = data_for(CONFIG, 48)
    program = Workload.of(CONFIG, 48).program
    placement = place(program, 0, 1 << 31)
    load(simulation, program, placement, data)
    simulation.replay = False
    moved: dict[tuple[str, Command], set[int]] = {}
    engines = {engine.name: engine for engine in simulation.components["host"]._engines.values()}
    for engine in engines.values():
        for port in (*engine.reads, *engine.writes):
            send = port.socket.nb_transport

            def spy(payload, at, send=send):
                words = range(payload.address // 32, (payload.address + payload.length) // 32)
                moved.setdefault((payload.initiator, payload.command), set()).update(words)
                send(payload, at)

            port.socket.nb_transport = spy
    calls = iter(program.operations)
    missed = []

    def check():
        op = next(calls)
        engine = simulation.components["host"].engine(op)
        for field, tensor in operands(op):
            port, command = (
                (engine.writes[0], Command.WRITE) if field == "y" else (engine.fetches[field], Command.READ)
            )
            first = placement.address(tensor)
            words = set(range(first // 32, -(-(first + tensor.nbytes) // 32)))
            if not words <= moved.get((port.path, command), set()):
                missed.append((type(op), field))
        moved.clear()

    simulation.run(simulation.components["host"].execute(program, placement, check))
    assert set(missed) == {(LoadClassToken, "x"), (Embed, "bias"), (Embed, "class_token")}


def test_an_operand_outside_the_memory(platform):
    simulation = Simulation(load_platform(platform))
    port = simulation.components["linear"].in_r
    with pytest.raises(AddressError, match=r"linear\.in_r: read of 4 bytes at 0x100000000: address error"):
        port.peek(1 << 32, 4)


def test_a_master_with_a_memory_of_its_own(tmp_path):
    """Its operands were never written there: refused, not computed with zeros."""
    path = tmp_path / "apart.yaml"
    path.write_text(
        f"uses: {SHIPPED / 'zcu102-rtl.yaml'}\n"
        "components:\n"
        "  scratch: {model: components.ideal_memory:IdealMemory, size: 2 GiB, ports: 1}\n"
        "bindings: {ssm.in_u: scratch.port0}\n"
    )
    workload = Workload.of(CONFIG, 48)
    assert simulate(str(path), workload).latency_s > 0
    with pytest.raises(WorkloadError, match=r"ssm\.in_u must lead to the memory of the first region"):
        simulate(str(path), workload, data=data_for(CONFIG, 48))


def test_tensors_that_are_not_the_workloads():
    workload = Workload.of(CONFIG, 48)
    with pytest.raises(WorkloadError) as error:
        simulate(str(SHIPPED / "zcu102-rtl.yaml"), workload, data=data_for(CONFIG, 80))
    assert error.value.messages == ["custom: embed.position must have shape [10, 48], not [26, 48]"]
    two = data_for(CONFIG, 48, batch=2)
    with pytest.raises(
        WorkloadError, match=r"pixels must be int32 \[1, 3, 48, 48\], not int32 \[2, 3, 48, 48\]"
    ):
        simulate(str(SHIPPED / "zcu102-rtl.yaml"), workload, data=two)
