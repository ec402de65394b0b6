"""The host: what a call costs beside the engine's time, and what it refuses."""

from itertools import pairwise

import pytest

from analysis.platform_path import SHIPPED
from analysis.simulate import Workload, simulate
from components.host import HostParams, UnsupportedError
from tlm.platform import load_platform
from tlm.simulation import Simulation
from workloads.lowering import workload
from workloads.operations import Operation
from workloads.vim.errors import WorkloadError

RTL = str(SHIPPED / "zcu102-rtl.yaml")
SETUP = 100 + 17 * 12  # reset wait and 17 register writes of 12 cycles: 304


@pytest.fixture(scope="module")
def work():
    """One layer of tiny at 32 pixels: 28 calls."""
    return Workload.of(workload("tiny", layers=1), 32)


def spans(work, *settings):
    """(start, cycles) of each call in cycles, and the end of the run."""
    result = simulate(RTL, work, settings)
    clock = result.simulation.clocks["fabric"]
    calls = [(clock.cycles(s.start), s.record.cycles) for s in result.simulation.trace.calls]
    return calls, clock.cycles(result.run.elapsed)


def test_a_call_starts_after_the_setup_and_is_seen_at_a_poll(work):
    """The end of a call of c cycles is seen ceil(c / 12) * 12 cycles behind its start; then comes the next set-up."""
    calls, end = spans(work)
    assert len(calls) == 28
    expected, at = [], 0
    for _, cycles in calls:
        at += SETUP
        expected.append(at)
        at += -(-cycles // 12) * 12
    assert [start for start, _ in calls] == expected
    assert end == at


@pytest.mark.parametrize("poll", [1, 12, 100])
def test_polling_less_often_costs_up_to_an_interval_a_call(work, poll):
    """The calls' own cycles stay; what is added is setup and rounding."""
    calls, end = spans(work, f"components.host.poll={poll}")
    assert end == sum(SETUP + -(-c // poll) * poll for _, c in calls)


def test_setup_is_reset_and_registers(work):
    """50 + 3 * 7 = 71 cycles a call."""
    settings = ("reset=50 cycles", "registers=3", "register_write=7 cycles", "poll=1")
    calls, end = spans(work, *(f"components.host.{setting}" for setting in settings))
    assert calls[0][0] == 71
    assert end == sum(71 + c for _, c in calls)


def test_defaults_are_about_310_cycles_a_call():
    """304 and on average half a poll, 6."""
    p = HostParams()
    assert p.reset + p.registers * p.register_write + p.poll / 2 == 310


def test_engines_do_not_overlap(work):
    calls, _ = spans(work)
    assert all(a + cycles < b for (a, cycles), (b, _) in pairwise(calls))


def test_progress_is_told_after_each_call(work):
    told = []
    simulate(RTL, work, progress=lambda: told.append(1))
    assert len(told) == 28


def test_an_operation_nobody_runs():
    host = Simulation(load_platform(RTL)).components["host"]

    class Fft(Operation):
        name = "fft"
        inputs = ()

    with pytest.raises(UnsupportedError, match="no engine bound to host runs Fft"):
        host.engine(Fft())


@pytest.mark.parametrize(
    ("knob", "message"),
    [
        ("embed.max_features=128", "embed needs 192 channels in embed, which holds 128"),
        ("norm_sum.max_norm_features=128", "layers.0.norm needs 192 features in norm_sum, which holds 128"),
        ("linear.max_in=128", "layers.0.in_proj_x needs 192 inputs in linear, which holds 128"),
        ("linear.max_out=128", "layers.0.in_proj_x needs 384 outputs in linear, which holds 128"),
        ("conv.max_features=128", "layers.0.forward.conv needs 384 channels in conv, which holds 128"),
        ("smooth.max_features=128", "layers.0.forward.smooth needs 384 factors in smooth, which holds 128"),
        ("ssm.max_features=128", "layers.0.forward.scan needs 384 channels in ssm, which holds 128"),
    ],
)
def test_a_buffer_too_small_names_need_capacity_and_knob(work, knob, message):
    with pytest.raises(WorkloadError) as error:
        simulate(RTL, work, [f"components.{knob}"])
    assert str(error.value) == f"{message}: raise components.{knob.partition('=')[0]}"


def test_all_buffers_too_small_are_told_at_once(work):
    knobs = ("linear.max_in", "linear.max_out", "ssm.max_features")
    with pytest.raises(WorkloadError) as error:
        simulate(RTL, work, [f"components.{knob}=16" for knob in knobs])
    assert [text.rpartition(" ")[2] for text in error.value.messages] == [
        f"components.{knob}" for knob in knobs
    ]


@pytest.mark.parametrize(
    ("knob", "need"),
    [
        ("embed.max_features", 192),
        ("norm_sum.max_norm_features", 192),
        ("linear.max_in", 384),
        ("linear.max_out", 1008),
        ("conv.max_features", 384),
        ("smooth.max_features", 384),
        ("ssm.max_features", 384),
    ],
)
def test_a_buffer_just_large_enough(work, knob, need):
    """d_model 192, d_inner 384, 1,000 classes in tiles of 16."""
    assert len(simulate(RTL, work, [f"components.{knob}={need}"]).simulation.trace.calls) == 28
    with pytest.raises(WorkloadError, match=f"which holds {need - 1}"):
        simulate(RTL, work, [f"components.{knob}={need - 1}"])
