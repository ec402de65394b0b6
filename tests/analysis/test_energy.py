"""Energy: counts that a reader can redo, the published power, sums that fit."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from analysis.energy import EnergyParams, activity, buffer_bits, energy
from analysis.resources import flip_flops
from analysis.simulate import Result, Workload, simulate
from workloads.builder import Builder
from workloads.lowering import workload
from workloads.operations import Role

PLATFORMS = Path(__file__).parents[2] / "platforms"


@cache
def result(model: str = "tiny", resolution: int = 224, *, platform: str = "zcu102-rtl") -> Result:
    return simulate(str(PLATFORMS / f"{platform}.yaml"), Workload.of(workload(model), resolution))


def changed(run: Result, **values: float) -> float:
    """J of a finished run with other constants."""
    params = run.platform.sections["energy"]
    sections = run.platform.sections | {"energy": replace(params, **values)}
    found = energy(replace(run, run=replace(run.run, platform=replace(run.platform, sections=sections))))
    assert found is not None
    return found.total


def test_tiny_at_224_draws_the_published_power():
    """The calibration's target: 11.96 W + 0.81 W = 12.77 W (paper, Table V), 0.686 J (Table VII)."""
    run = result()
    joules = energy(run).total
    assert joules / run.latency_s == pytest.approx(12.77, rel=1e-3)
    assert joules == pytest.approx(0.686, rel=2e-3)


def test_small_is_predicted():
    """1.625 J (Table VII) took no part in the calibration."""
    assert energy(result("small")).total == pytest.approx(1.625, rel=0.005)


def test_parts_add_up():
    found = energy(result())
    assert sum(found.by_action.values()) == pytest.approx(found.total, rel=1e-12)
    assert sum(found.by_owner.values()) == pytest.approx(found.total, rel=1e-12)
    assert found.by_action["static"] == pytest.approx(0.81 * result().latency_s)


def test_registers_are_clocked_in_every_cycle():
    """277,278 flip-flops x 0.04 pJ x the run's cycles x the calibration: 246,631 of the engines' bills, 30,647 of the
    rest of the published chip."""
    run = result()
    cycles = run.platform.clocks["fabric"].cycles(run.run.elapsed)
    params = run.platform.sections["energy"]
    assert (flip_flops(run.simulation), params.other_flip_flops) == (246_631, 30_647)
    expected = params.calibration * 277_278 * 0.04e-12 * cycles
    assert energy(run).by_action["clock"] == pytest.approx(expected)


def test_registers_follow_a_what_if():
    """Twice the lanes: 96 + 32 + 16 instead of 48 + 16 + 8 products of 4 DSP with 38.7 flip-flops each."""
    more = simulate(
        str(PLATFORMS / "zcu102-rtl.yaml"), Workload.of(workload("tiny")), ["components.ssm.lanes=16"]
    )
    added = flip_flops(more.simulation) - flip_flops(result().simulation)
    assert added == pytest.approx(72 * 4 * 38.7, abs=2)
    ratio = (277_278 + added) / 277_278 * more.run.elapsed / result().run.elapsed
    clock = [energy(run).by_action["clock"] for run in (more, result())]
    assert clock[0] / clock[1] == pytest.approx(ratio, rel=1e-6)


def test_calibration_scales_what_is_dynamic():
    run = result()
    static = 0.81 * run.latency_s
    once, twice = changed(run, calibration=1.0), changed(run, calibration=2.0)
    assert twice - static == pytest.approx(2 * (once - static))


@pytest.mark.parametrize(
    "constant", [f for f in EnergyParams.__dataclass_fields__ if f not in ("clock", "dram", "calibration")]
)
def test_every_constant_counts(constant):
    run = result()
    more = {constant: getattr(run.platform.sections["energy"], constant) * 2}
    assert changed(run, **more) > changed(run)


def test_actions_of_the_flips():
    """72 flips of 197 x 384 and one class token of 192 words of 32 bits, each in and out, nothing computed.

    A bit crosses one link to an ideal memory; each goes in and out of the buffers of two ports.
    """
    bits = (72 * 197 * 384 + 192) * 32
    assert activity(result())["patch_ops"] == {"buffer": 4 * bits, "port": 2 * bits}


def test_a_hop_more_on_the_board():
    """On the board an interconnect lies in between: two links."""
    board = activity(result(platform="zcu102"))
    for engine, actions in activity(result()).items():
        assert board[engine]["port"] == 2 * actions["port"]
        assert board[engine]["buffer"] == actions["buffer"]


def test_macs_of_the_linear_engine():
    """in_proj 2 x 192 x 384, per direction x_proj 3 x 384 x 16 and dt_proj 16 x 384, out_proj 384 x 192; head."""
    layer = 2 * 192 * 384 + 2 * (3 * 384 * 16 + 16 * 384) + 384 * 192
    assert activity(result())["linear"]["mac4x8"] == 24 * 197 * layer + 192 * 1008


def test_bits_of_a_linear():
    """4 tokens, 32 in, 16 out: 512 codes and 16 scales written; for each of 64 outputs 32 codes and a scale read;
    128 inputs written and read at 32 bits, kept at 8."""
    build = Builder()
    op = build.linear("op", build.tensor("x", 4, 32, role=Role.INPUT), 16)
    written = 512 * 4 + 16 * 32
    assert buffer_bits(op) == written + 64 * (32 * 4 + 32) + 128 * (32 + 32 + 8)


def test_bits_of_a_scan():
    """2 tokens, 16 channels, 16 states: A written, for each state A and h read and h written; D read."""
    build = Builder()
    x, d, z = (build.tensor(name, 2, 16, role=Role.INPUT) for name in "xdz")
    b, c = (build.tensor(name, 2, 16, role=Role.INPUT) for name in "bc")
    assert buffer_bits(build.scan("op", x, d, z, b, c)) == 16 * 16 * 32 + 2 * 16 * 16 * 3 * 32 + 2 * 16 * 32


def test_dram_is_told_apart():
    run = result(platform="zcu102")
    found = energy(run)
    devices = run.simulation.trace.counters["ddr.device_bytes"]
    assert found.dram == pytest.approx(devices * 8 * 20e-12)
    assert changed(run, dram=1e-9) == found.total
    assert energy(result()).dram is None


def test_a_gpu_knows_its_own_energy():
    run = result(platform="rtx3090-quant")
    assert energy(run).total == pytest.approx(
        sum(run.simulation.components["gpu"].energy_joules(run.run.elapsed).values())
    )


def test_no_section_no_energy():
    run = result()
    bare = replace(run.platform, sections={})
    assert energy(replace(run, run=replace(run.run, platform=bare))) is None
