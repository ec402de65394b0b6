"""Less hardware or a slower memory never makes a call faster; where the structure allows it to, by how little.

Random calls on random memories; every run draws the same ones.
"""

import dataclasses
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.platform_path import find_platform
from analysis.single_call import run_call
from tlm.platform import load_platform
from tlm.simulation import Simulation

EXAMPLES = settings(max_examples=40, derandomize=True, deadline=None, database=None)
MORE = settings(EXAMPLES, max_examples=80)
PLATFORMS = {name: load_platform(find_platform(name)) for name in ("zcu102-rtl", "zcu102")}
FEATURES = (16, 32, 48, 64, 112, 128, 192, 384)
TOKENS = (1, 2, 3, 5, 9, 17, 33)
ENGINE = {"flip": "patch_ops", "scan": "ssm", "norm": "norm_sum", "add": "norm_sum", "mean": "norm_sum"}
KINDS = ("linear", "linear", "linear", "conv", "smooth", "flip", "scan", "norm", "add", "mean")
MEMORY = {
    "rlat": (0, 1, 5, 16, 64, 200),
    "rint": (1, 2, 3, 4),
    "wint": (1, 2, 4),
    "wlat": (0, 8, 64),
    "one_outstanding": (False, True),
    "overlap": (True, False),
    "shared": (False, True),
}
# per engine, from more to less
PORTS = {
    "bus": (512, 256, 128),
    "read.outstanding": (16, 4, 2, 1),
    "read.burst": (128, 64, 16, 4),
    "read.buffer": (2048, 512, 256, 128),
    "write.buffer": (2048, 512, 256, 128),
}
BOARD = {
    "interconnect.width": (256, 128, 64),
    "interconnect.latency": (0, 5, 15, 30),
    "interconnect.outstanding": (16, 4, 1),
    "ps.width": (128, 64, 32),
    "ps.reads": (16, 8, 4, 1),
    "ps.writes": (16, 8, 4, 1),
    "ps.read_fifo": (256, 128, 64, 16, 4),
    "ps.write_fifo": (256, 128, 64, 16),
    "ps.read_request": (0, 80_000, 200_000),
    "ps.write_return": (0, 52_000, 200_000),
    "ps.coherent": (0, 30_000, 100_000),
    "ddr.device": ("ddr4-2400", "ddr4-2133"),
    "ddr.read_front": (0, 10, 40),
    "ddr.write_front": (0, 10, 40),
    "ddr.data_path": (0, 10, 40),
}


def replaced(params, path, value):
    head, _, rest = path.partition(".")
    inner = replaced(getattr(params, head), rest, value) if rest else value
    return dataclasses.replace(params, **{head: inner})


def simulation(platform, changes):
    """A platform with {component.parameter: value} changed; interconnect stands for both."""
    base = PLATFORMS[platform]
    components = dict(base.components)
    for key, value in changes.items():
        component, _, path = key.partition(".")
        for name in [n for n in components if n.rstrip("01") == component]:
            spec = components[name]
            components[name] = dataclasses.replace(spec, params=replaced(spec.params, path, value))
    return Simulation(dataclasses.replace(base, components=components))


class Draw:
    """Hypothesis' choices, with names."""

    def __init__(self, data, calls):
        self.data = data
        self.calls = calls

    def one(self, *values):
        return self.data.draw(st.sampled_from(values))

    def two(self, values):
        """Two values, the better first."""
        at = self.data.draw(
            st.lists(st.sampled_from(range(len(values))), min_size=2, max_size=2, unique=True)
        )
        return [values[i] for i in sorted(at)]

    def memory(self):
        return {f"memory.{knob}": self.one(*values) for knob, values in MEMORY.items()}

    def call(self, kinds=KINDS):
        """An operation, its engine and its size."""
        kind, tokens, features = self.one(*kinds), self.one(*TOKENS), self.one(*FEATURES)
        if kind == "linear":
            outputs = self.one(*FEATURES)
            operation = self.calls.linear(tokens, features, outputs, bias=self.one(False, True))
            return operation, "linear", f"linear {tokens} x {features} -> {outputs}"
        features = min(features, 192) if kind == "norm" else features
        return self.calls.of(kind, tokens, features), ENGINE.get(kind, kind), f"{kind} {tokens} x {features}"


def compare(platform, operation, changes, knob, better, worse):
    return [
        run_call(simulation(platform, changes | {knob: value}), operation).cycles for value in (better, worse)
    ]


@pytest.mark.parametrize("knob", MEMORY)
@EXAMPLES
@given(data=st.data())
def test_a_slower_memory_never_makes_a_call_faster(calls, knob, data):
    draw = Draw(data, calls)
    operation, _, name = draw.call()
    better, worse = draw.two(MEMORY[knob])
    fast, slow = compare("zcu102-rtl", operation, draw.memory(), f"memory.{knob}", better, worse)
    assert fast <= slow, f"{name}: {knob} {better} takes {fast}, {worse} takes {slow}"


@pytest.mark.parametrize("knob", PORTS)
@EXAMPLES
@given(data=st.data())
def test_a_lesser_port_never_makes_a_call_faster(calls, knob, data):
    """With a memory of its own behind every port. Write bursts: see below."""
    draw = Draw(data, calls)
    operation, engine, name = draw.call()
    better, worse = draw.two(PORTS[knob])
    fast, slow = compare("zcu102-rtl", operation, draw.memory(), f"{engine}.{knob}", better, worse)
    assert fast <= slow, f"{name}: {knob} {better} takes {fast}, {worse} takes {slow}"


@pytest.mark.parametrize(
    ("kind", "knob", "values"),
    [
        ("linear", "linear.tile", (16, 8)),
        ("linear", "linear.quantizer_scale_fifo", (3, 2, 1)),
        ("scan", "ssm.lanes", (16, 8, 4, 2, 1)),
        ("flip", "patch_ops.in_flight", (16, 8, 4, 1)),
        ("conv", "conv.in_flight", (16, 8, 4, 1)),
        ("smooth", "smooth.interval", (1, 2, 3)),
    ],
)
@EXAMPLES
@given(data=st.data())
def test_a_lesser_engine_never_makes_a_call_faster(calls, kind, knob, values, data):
    draw = Draw(data, calls)
    operation, _, name = draw.call([kind])
    better, worse = draw.two(values)
    fast, slow = compare("zcu102-rtl", operation, draw.memory(), knob, better, worse)
    assert fast <= slow, f"{name}: {knob} {better} takes {fast}, {worse} takes {slow}"


@pytest.mark.parametrize("knob", BOARD)
@EXAMPLES
@given(data=st.data())
def test_a_slower_board_never_makes_a_call_faster(calls, knob, data):
    draw = Draw(data, calls)
    operation, _, name = draw.call()
    better, worse = draw.two(BOARD[knob])
    fast, slow = compare("zcu102", operation, {}, knob, better, worse)
    assert fast <= slow, f"{name}: {knob} {better} takes {fast}, {worse} takes {slow}"


@pytest.mark.parametrize(
    ("knob", "values"), [("ddr.policy", ("fr-fcfs", "fcfs")), ("ddr.writes", (64, 16, 4))]
)
@EXAMPLES
@given(data=st.data())
def test_what_a_dram_gives_back(calls, knob, values, data):
    """A scheduler with more to choose from may choose what turns out worse: up to 3 % and 16 cycles, never more."""
    draw = Draw(data, calls)
    operation, _, name = draw.call()
    better, worse = draw.two(values)
    fast, slow = compare("zcu102", operation, {}, knob, better, worse)
    assert fast <= 1.03 * slow + 16, f"{name}: {knob} {better} takes {fast}, {worse} takes {slow}"


@pytest.mark.parametrize("knob", ["read.outstanding", "read.buffer", "write.buffer"])
@EXAMPLES
@given(data=st.data())
def test_smaller_buffers_never_make_a_call_faster_on_the_board(calls, knob, data):
    """Bus and burst length are left out. A bus half as wide writes bursts of half the bytes, which start earlier
    and pass a port of 128 bits as fast; shorter read bursts let the ports of an engine take turns sooner. The DRAM
    serves reads first: fewer of them in flight let writes go sooner, which gives back up to 3 %.
    """
    draw = Draw(data, calls)
    operation, engine, name = draw.call()
    better, worse = draw.two(PORTS[knob])
    fast, slow = compare("zcu102", operation, {}, f"{engine}.{knob}", better, worse)
    given_back = 0.03 if knob == "read.outstanding" else 0
    assert fast <= (1 + given_back) * slow, f"{name}: {knob} {better} takes {fast}, {worse} takes {slow}"


@EXAMPLES
@given(data=st.data())
def test_a_tile_of_32_where_tiles_are_the_limit(calls, data):
    """in/32 * out/32 tiles a token are more than the words read and written, and than 36 + in/16 for the scales."""
    draw = Draw(data, calls)
    inputs, outputs = draw.one(384, 512, 768), draw.one(384, 512, 768)
    assert ceil(inputs / 32) * ceil(outputs / 32) > max(inputs // 8, outputs // 8, 36 + inputs // 16)
    operation = calls.linear(draw.one(*TOKENS), inputs, outputs)
    fast, slow = compare("zcu102-rtl", operation, {}, "linear.tile", 32, 16)
    assert fast < slow


# A rigid stage stops as a whole while its head cannot leave, and keeps the bubbles it took in. Whoever comes earlier
# to its end may stop those behind him: see test_pipeline.py. So a FIFO more, or a tile twice as large, can cost some
# cycles where LINEAR waits for something else. With stages that close their bubbles the same calls show no such case.


@pytest.mark.parametrize(
    ("knob", "values"),
    [
        ("fifo", (4, 3, 2, 1)),
        ("scale_fifo", (4, 3, 2, 1)),
        ("input_fifo", (48, 24, 12, 6, 3)),
        ("tile", (32, 16)),
    ],
)
@MORE
@given(data=st.data())
def test_what_rigid_stages_give_back(calls, knob, values, data):
    """More of these may cost up to 3 % and 64 cycles, never more."""
    draw = Draw(data, calls)
    operation, _, name = draw.call(["linear"])
    better, worse = draw.two(values)
    fast, slow = compare("zcu102-rtl", operation, draw.memory(), f"linear.{knob}", better, worse)
    assert fast <= 1.03 * slow + 64, f"{name}: {knob} {better} takes {fast}, {worse} takes {slow}"


@EXAMPLES
@given(data=st.data())
def test_shorter_write_bursts_never_make_a_call_slower(calls, data):
    """The one knob that works the other way: a burst is written when its last word is there, so a shorter one starts
    earlier, and a memory of its own asks no price for a burst. (A DRAM shared with others does.)"""
    draw = Draw(data, calls)
    operation, engine, name = draw.call([kind for kind in KINDS if kind != "scan"])
    long, short = draw.two((128, 64, 16, 4))
    slow, fast = compare("zcu102-rtl", operation, draw.memory(), f"{engine}.write.burst", long, short)
    assert fast <= slow, f"{name}: bursts of {long} take {slow}, of {short} {fast}"
