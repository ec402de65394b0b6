"""A flip that reads bursts: 27 cycles to the first address, then a word a cycle."""

import pytest

from analysis.platform_path import find_platform
from analysis.single_call import run_call
from tlm.platform import load_platform
from tlm.simulation import Simulation
from workloads.builder import Builder
from workloads.operations import Role

BURSTS = "components.patch_ops.burst_reads=true"


def flip(tokens, features, *overrides, platform="zcu102-rtl"):
    build = Builder()
    operation = build.flip("flip", build.tensor("x", tokens, features, role=Role.INPUT))
    return run_call(Simulation(load_platform(find_platform(platform), overrides)), operation)


@pytest.mark.parametrize("rlat", [0, 64])
def test_a_word_a_cycle_behind_the_latency(rlat):
    """10 tokens of 24 words. Word n comes at 27 + n + rlat, leaves the pipeline when the next one enters (the last
    a cycle later) and is in the write buffer 6 cycles on: 34 + n + rlat. Write bursts: 128 words, produced
    at 162 + rlat, written until 290 + rlat; 112 words, produced at 274 + rlat, begin when the first are
    written: until 402 + rlat. 4 cycles later the call is over."""
    assert (
        flip(10, 192, BURSTS, f"components.memory.rlat={rlat}").cycles == 27 + 7 + 128 + 128 + 112 + 4 + rlat
    )


def test_bursts_are_tokens_last_to_first_cut_at_pages():
    """Tokens of 768 bytes: the sixth begins 256 bytes, 8 words, before the end of a page of 4096."""
    port = next(p for p in flip(10, 192, BURSTS).ports if p.command == "read")
    assert port.bursts[:, 3].tolist() == [24] * 4 + [8, 16] + [24] * 5
    assert port.beats == 240
    addresses = port.bursts[:, 0]
    assert addresses.tolist() == [27 + i for i in range(11)]  # one address a cycle, all in flight


def test_off_by_default_a_word_is_a_burst():
    port = next(p for p in flip(10, 192).ports if p.command == "read")
    assert set(port.bursts[:, 3].tolist()) == {1}


def test_bursts_hide_latency():
    """Single words pay a latency every 8 words, bursts one in all."""
    slow = "components.memory.rlat=64"
    assert flip(197, 384, slow).cycles == 87_616  # the RTL
    assert flip(197, 384, BURSTS, slow).cycles == flip(197, 384, BURSTS).cycles + 64
