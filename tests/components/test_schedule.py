from itertools import pairwise

import numpy as np
import pytest

from analysis.data import Data
from analysis.platform_path import find_platform
from analysis.simulate import Workload, simulate
from components.host import Host
from tlm.platform import load_platform
from tlm.runner import run
from tlm.trace import POLL, SETUP
from workloads.builder import Builder
from workloads.dependencies import Dependencies
from workloads.lowering import workload
from workloads.operations import NormSumMode, Program, Role, Tensor
from workloads.placement import place
from workloads.vim.config import VimConfig
from workloads.vim.integer import execute as execute_reference
from workloads.vim.quantized import random_quantized

OVERLAPPED = "components.host.schedule=overlapped"
SETUP_CYCLES = 100 + 17 * 12  # reset wait, register writes
FLIP = 45  # cycles: see flip_cycles
PERIOD = 1e12 / 350e6


def tiny(platform, *overrides, layers=1, batch=1, resolution=96, **options):
    work = Workload.of(workload("tiny", layers=layers), resolution, batch)
    return simulate(find_platform(platform), work, overrides, **options)


def execute(program, *overrides, platform="zcu102-rtl"):
    """Run a program; returns (start, end) in cycles of every span, by kind and name."""
    loaded = load_platform(find_platform(platform), overrides)

    def start(simulation):
        (host,) = simulation.find(Host)
        order = Host.order(host.params, program)
        return host.execute(program, place(program, 0, 1 << 30, order=order))

    finished = run(loaded, start)
    spans = finished.simulation.trace.spans
    times = {
        (s.kind if s.track == "host" else "call", s.name): (round(s.start / PERIOD), round(s.end / PERIOD))
        for s in spans
    }
    return times, round(finished.elapsed / PERIOD)


def two_independent():
    """A flip and a sum of the same input."""
    build, x = Builder(), Tensor("x", (1, 16), 32, Role.INPUT)
    return Program("two", (build.flip("flip", x), build.norm_sum("sum", NormSumMode.SUM, x, x)))


def test_set_ups_are_one_after_the_other_and_calls_overlap():
    """The flip starts at 304. Its 2 words are there at 304 + 27 + 1 and + 2, pass the pipeline (1 word deep,
    6 cycles more) at 304 + 35 and + 36, are written until 304 + 38 and answered, and 4 cycles later the call
    is over. Meanwhile the host prepares the sum, which therefore starts at 608."""
    times, _ = execute(two_independent(), OVERLAPPED)
    assert times[SETUP, "flip"] == (0, 304)
    assert times[SETUP, "sum"] == (304, 608)
    flip = times["call", "flip"]
    assert flip[0] == 304
    assert times["call", "sum"][0] == 608
    # the host sees the end of the flip when it has started the sum
    assert times[POLL, "flip"] == (flip[1], 608)
    times, _ = execute(two_independent())
    assert times[SETUP, "sum"][0] == times[POLL, "flip"][1]


def test_the_end_is_seen_at_the_next_look():
    """Looks are 12 cycles apart, counted from the start."""
    build, x = Builder(), Tensor("x", (1, 16), 32, Role.INPUT)
    program = Program("one", (build.flip("flip", x),))
    for overrides in ((), (OVERLAPPED,)):
        times, end = execute(program, *overrides)
        began, ended = times["call", "flip"]
        looks = -(-(ended - began) // 12)
        assert end == SETUP_CYCLES + 12 * looks
        assert times[POLL, "flip"] == (ended, end)


def test_one_call_at_a_time_takes_as_long_in_either_schedule():
    """Every call needs the one before."""
    build, x = Builder(), Tensor("x", (5, 32), 32, Role.INPUT)
    flip = build.flip("flip", x)
    smooth = build.smooth("smooth", flip.y)
    program = Program("chain", (flip, smooth, build.flip("last", smooth.y)))
    assert execute(program)[1] == execute(program, OVERLAPPED)[1]


@pytest.mark.parametrize("platform", ["zcu102-rtl", "zcu102"])
@pytest.mark.parametrize("batch", [1, 2])
def test_calls_start_when_their_inputs_exist_and_an_engine_runs_one_at_a_time(platform, batch):
    result = tiny(platform, OVERLAPPED, batch=batch)
    spans = {s.name: s for s in result.simulation.trace.calls}
    setups = {s.name: s for s in result.simulation.trace.spans if s.kind == SETUP}
    program = result.workload.program
    order = Dependencies.of(program, in_flight=2).sharing(result.placement.address)
    names = [op.name for op in program.operations]
    for name, before in zip(names, order.before, strict=True):
        for i in before:
            assert spans[names[i]].end <= setups[name].start
        assert setups[name].end == spans[name].start
    for track in {s.track for s in spans.values()}:
        own = sorted((s.start, s.end) for s in spans.values() if s.track == track)
        assert all(end <= start for (_, end), (start, _) in pairwise(own))
    prepared = sorted((s.start, s.end) for s in setups.values())
    assert all(end <= start for (_, end), (start, _) in pairwise(prepared))


def test_directions_overlap():
    """While the forward direction convolves, the backward one is flipped; while one scans, the other projects."""
    spans = {s.name: s for s in tiny("zcu102-rtl", OVERLAPPED).simulation.trace.calls}

    def overlap(a, b):
        a, b = spans[f"layers.0.{a}"], spans[f"layers.0.{b}"]
        return min(a.end, b.end) - max(a.start, b.start)

    assert overlap("forward.conv", "in_proj_z") > 0
    assert overlap("forward.scan", "backward.x_proj_b") > 0


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("batch", [1, 3])
def test_overlapped_is_never_slower_where_memory_is_not_shared(layers, batch):
    one, other = (
        tiny("zcu102-rtl", *set_, layers=layers, batch=batch).run.elapsed for set_ in ((), (OVERLAPPED,))
    )
    assert other < one


@pytest.mark.parametrize("platform", ["zcu102-rtl", "zcu102"])
def test_the_same_bytes_move_in_either_schedule(platform):
    """What the memory counts, what ports count, and what the other schedule moves."""
    memory = {"zcu102-rtl": "memory", "zcu102": "ddr"}[platform]
    moved = []
    for overrides in ((), (OVERLAPPED,)):
        result = tiny(platform, *overrides, batch=2)
        ports = [p for s in result.simulation.trace.calls for p in s.record.ports]
        for what in ("read", "write"):
            counted = result.simulation.trace.counters[f"{memory}.{what}_bytes"]
            assert counted == sum(p.bytes for p in ports if p.command == what)
            moved.append(counted)
    assert moved[:2] == moved[2:]


@pytest.mark.parametrize(
    ("platform", "overrides"),
    [
        ("zcu102-rtl", ()),
        ("zcu102-rtl", (OVERLAPPED,)),
        ("zcu102", ("components.ddr.every_call=true",)),
        ("zcu102", (OVERLAPPED,)),
    ],
)
def test_acting_ahead_of_time_and_replay_change_nothing(platform, overrides):
    """quantum 0: every action is an event of its own."""
    ends = {
        tiny(platform, *overrides, batch=2, quantum=quantum, replay=replay).run.elapsed
        for quantum, replay in ((None, True), (None, False), (0, False), (100_000, False))
    }
    assert len(ends) == 1


def test_replay_takes_no_part_where_calls_meet_in_a_memory():
    assert tiny("zcu102", OVERLAPPED).simulation.trace.replayed == 0
    assert tiny("zcu102-rtl", OVERLAPPED).simulation.trace.replayed > 0


def test_images_in_flight_are_limited():
    """1: an image's first call is prepared when the last of the image before has ended. 2: long before."""

    def gap(in_flight):
        result = tiny("zcu102-rtl", OVERLAPPED, f"components.host.in_flight={in_flight}", batch=2)
        spans = {s.name: s for s in result.simulation.trace.calls}
        return spans["image1.embed"].start - spans["image0.head"].end

    assert gap(1) >= SETUP_CYCLES * PERIOD
    assert gap(2) < 0


@pytest.mark.parametrize("platform", ["zcu102-rtl", "zcu102"])
@pytest.mark.parametrize("in_flight", [1, 3])
def test_tensors_survive_overlapping(platform, in_flight):
    """Three images at once through the simulated memory: the bits of the reference executor."""
    config = VimConfig("custom", d_model=48, layers=2, image_size=48, classes=5)
    images = np.random.default_rng(3).normal(size=(3, 3, 48, 48)).astype(np.float32)
    data = Data(random_quantized(config, 3, 48), images)
    overrides = [OVERLAPPED, f"components.host.in_flight={in_flight}"]
    result = simulate(find_platform(platform), Workload.of(config, 48, 3), overrides, data=data)
    assert np.array_equal(result.logits, execute_reference(data.model, data.pixels))
