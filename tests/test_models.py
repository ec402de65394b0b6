"""Whole images: latencies against the paper, calls against the program, runs against each other."""

from collections import Counter
from itertools import pairwise

import pytest

from analysis.platform_path import find_platform
from analysis.simulate import Workload, simulate
from workloads.lowering import workload
from workloads.vim.errors import WorkloadError

RTL, BOARD = find_platform("zcu102-rtl"), find_platform("zcu102")
LAYERS, CALLS = 24, 580  # 1 + 24 * 24 + 3
TRACKS = ("linear", "norm_sum", "conv", "smooth", "ssm", "patch_ops")
LAYER = {"linear": 11, "norm_sum": 3, "conv": 2, "smooth": 3, "ssm": 2, "patch_ops": 3}  # 24


def run(platform, model="tiny", resolution=224, batch=1, overrides=(), **options):
    return simulate(platform, Workload.of(workload(model), resolution, batch), overrides, **options)


@pytest.fixture(scope="module")
def tiny():
    return run(RTL)


@pytest.fixture(scope="module")
def board():
    return run(BOARD)


def timeline(result):
    """Everything a report reads."""
    trace = result.simulation.trace
    spans = [
        (
            s.track,
            s.name,
            s.start,
            s.end,
            s.record.cycles,
            [(p.port, p.beats, p.wait) for p in s.record.ports],
        )
        for s in trace.calls
    ]
    return spans, trace.counters


def waits(result):
    """Cycles that calls ended later because of each port."""
    found = Counter()
    for span in result.simulation.trace.calls:
        for port in span.record.ports:
            found[port.port] += port.wait
    return found


@pytest.mark.parametrize(("model", "published_ms", "percent"), [("tiny", 53.76, 0.5), ("small", 127.3, 1.5)])
def test_latency_of_the_paper(tiny, model, published_ms, percent):
    """arXiv 2605.01935, at 224 pixels; both models with the same platform file."""
    result = tiny if model == "tiny" else run(RTL, model)
    assert 1e3 * result.latency_s == pytest.approx(published_ms, rel=percent / 100)


def test_every_layer_is_simulated(tiny):
    """580 calls: EMBED, 24 layers of 24, then class token, norm and head, in the order of the program."""
    calls = tiny.simulation.trace.calls
    assert len(calls) == CALLS
    assert [s.name for s in calls] == [op.name for op in tiny.workload.program.operations]
    for layer in range(LAYERS):
        counts = Counter(s.track for s in calls if s.name.startswith(f"layers.{layer}."))
        assert counts == LAYER
    outside = [(s.track, s.name) for s in calls if not s.name.startswith("layers.")]
    assert outside == [
        ("embed", "embed"), ("patch_ops", "load_cls"), ("norm_sum", "norm_f"), ("linear", "head"),
    ]  # fmt: skip


def test_calls_follow_one_another(tiny):
    calls = tiny.simulation.trace.calls
    assert all(before.end < after.start for before, after in pairwise(calls))
    assert tiny.run.elapsed >= calls[-1].end


def test_latency_is_calls_and_the_host(tiny):
    """Per call a set-up of 100 + 17 * 12 = 304 cycles, and its own cycles rounded up to polls of 12."""
    records = [s.record.cycles for s in tiny.simulation.trace.calls]
    expected = sum(304 + -(-cycles // 12) * 12 for cycles in records)
    assert tiny.simulation.clocks["fabric"].cycles(tiny.run.elapsed) == expected


def test_layers_of_tiny_take_what_was_measured(tiny):
    """753,660 cycles each."""
    for layer in range(LAYERS):
        own = [s.record.cycles for s in tiny.simulation.trace.calls if s.name.startswith(f"layers.{layer}.")]
        assert sum(own) == 753_660


def test_traffic_of_a_scan(tiny):
    """u, delta and z: 197 * 48 words each; B and C: 197 * 2; A 768, D 48; out 197 * 48."""
    span = next(s for s in tiny.simulation.trace.calls if s.name == "layers.0.forward.scan")
    assert {p.port.partition(".")[2]: p.beats for p in span.record.ports} == {
        "weights_A": 768, "weights_D": 48, "in_u": 9_456, "in_delta": 9_456, "in_z_silu": 9_456, "in_B": 394,
        "in_C": 394, "out_r": 9_456,
    }  # fmt: skip


@pytest.mark.parametrize("platform", [RTL, BOARD])
def test_replaying_equal_calls_changes_nothing(platform):
    """Three layers of tiny at 64 pixels, each call worked out, or equal calls in equal circumstances once. On the
    DRAM equal calls meet other refreshes, one in 7.8 us that takes 0.26 us: they take the time of the first."""
    work = Workload.of(workload("tiny", layers=3), 64)
    replayed, worked_out = (simulate(platform, work, replay=replay) for replay in (True, False))
    assert worked_out.simulation.trace.replayed == 0
    assert replayed.simulation.trace.replayed > 24
    if platform == RTL:
        assert timeline(replayed) == timeline(worked_out)
    else:
        assert replayed.run.elapsed == pytest.approx(worked_out.run.elapsed, rel=5e-3)


@pytest.mark.parametrize("platform", [RTL, BOARD])
def test_the_same_input_gives_the_same_trace(platform):
    first, second = (run(platform, resolution=96) for _ in range(2))
    assert timeline(first) == timeline(second)
    assert first.run.elapsed == second.run.elapsed


def test_the_board_is_slower_and_says_why(tiny, board):
    """One memory for all, and far away. The longest waits are those of the engine that reads word by word: a flip has
    8 words in flight, and each takes the way through interconnect and DRAM."""
    assert board.latency_s > 1.3 * tiny.latency_s
    assert waits(board).most_common(1)[0][0] == "patch_ops.in_r"
    flips = [
        (b.record.cycles, r.record.cycles)
        for b, r in zip(board.simulation.trace.calls, tiny.simulation.trace.calls, strict=True)
        if b.name.endswith("flip_x")
    ]
    assert all(slow > 5 * fast for slow, fast in flips)


def test_no_call_is_faster_on_the_board(tiny, board):
    pairs = zip(board.simulation.trace.calls, tiny.simulation.trace.calls, strict=True)
    assert [b.name for b, r in pairs if b.record.cycles < r.record.cycles] == []


@pytest.mark.parametrize("platform", [RTL, BOARD])
def test_a_batch_of_two_takes_twice_the_calls(platform):
    """One image after the other: on the ideal memory exactly twice the time, on the board nearly, as the second
    image's tensors lie elsewhere."""
    one, two = run(platform, resolution=96), run(platform, resolution=96, batch=2)
    assert (len(one.simulation.trace.calls), len(two.simulation.trace.calls)) == (CALLS, 2 * CALLS)
    if platform == RTL:
        cycles = [r.simulation.clocks["fabric"].cycles(r.run.elapsed) for r in (one, two)]
        assert cycles[1] == 2 * cycles[0]
    else:
        assert two.latency_s == pytest.approx(2 * one.latency_s, rel=5e-3)


@pytest.fixture(scope="module")
def line(tiny):
    """Cycles at 224 and 384 pixels, 197 and 577 tokens, as a line: what a call costs, and what a token."""
    cycles = tiny.simulation.clocks["fabric"].cycles
    low, high = cycles(tiny.run.elapsed), cycles(run(RTL, resolution=384).run.elapsed)
    slope = (high - low) / (577 - 197)
    return lambda tokens: low + slope * (tokens - 197)


@pytest.mark.parametrize("resolution", [96, 112, 160, 256, 512])
def test_every_resolution_runs(line, resolution):
    """Weights are loaded once a call and every engine takes a fixed time a token, so cycles lie on a line over the
    tokens, (pixels / 16)^2 + 1: 37 to 1,025."""
    result = run(RTL, resolution=resolution)
    cycles = result.simulation.clocks["fabric"].cycles(result.run.elapsed)
    assert len(result.simulation.trace.calls) == CALLS
    assert cycles == pytest.approx(line((resolution // 16) ** 2 + 1), rel=0.005)


@pytest.mark.parametrize("clock", [100, 333, 500])
def test_cycles_do_not_depend_on_the_clock(tiny, clock):
    """The ideal memory counts cycles. 333 MHz has edges that are no whole picoseconds, and none is lost."""
    result = run(RTL, overrides=[f"clocks.fabric={clock} MHz"])
    cycles = [r.simulation.clocks["fabric"].cycles(r.run.elapsed) for r in (result, tiny)]
    assert cycles[0] == cycles[1]


def test_a_model_that_does_not_fit_is_told_at_once():
    """base needs 1,536 inputs where the published build has 384."""
    overrides = ["components.linear.max_in=384", "components.conv.max_features=384"]
    with pytest.raises(WorkloadError) as error:
        run(RTL, "base", overrides=overrides)
    assert len(error.value.messages) == 2
    assert error.value.messages[0].endswith("raise components.linear.max_in")
