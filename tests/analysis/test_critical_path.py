from itertools import pairwise

import pytest

from analysis.critical_path import critical_path, shares
from analysis.platform_path import find_platform
from analysis.simulate import Workload, simulate
from tlm.trace import POLL, SETUP
from workloads.lowering import workload

OVERLAPPED = "components.host.schedule=overlapped"


def tiny(platform, *overrides, batch=1, layers=2):
    work = Workload.of(workload("tiny", layers=layers), 96, batch)
    return simulate(find_platform(platform), work, overrides)


@pytest.mark.parametrize("platform", ["zcu102-rtl", "zcu102"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("overrides", [(), (OVERLAPPED,)])
def test_it_is_a_chain_from_the_start_to_the_end(platform, batch, overrides):
    result = tiny(platform, *overrides, batch=batch)
    path = critical_path(result)
    assert path[0].start == 0
    assert path[-1].end == result.run.elapsed
    assert all(before.end == after.start for before, after in pairwise(path))
    assert sum(s.end - s.start for s in path) == result.run.elapsed
    parts = shares(result, path)
    assert sum(p["ms"] for p in parts) == pytest.approx(result.latency_s * 1e3)
    assert sum(p["share"] for p in parts) == pytest.approx(1)
    assert sum(p["calls"] for p in parts) == len(path)


def test_one_call_after_the_other_is_all_calls():
    result = tiny("zcu102-rtl")
    calls = [s for s in critical_path(result) if s.record is not None]
    assert calls == result.simulation.trace.calls
    assert len(calls) == 24 * 2 + 4


def test_of_two_directions_one_is_on_the_path():
    """Both directions scan on one engine, one after the other; of what comes before, the longer chain counts."""
    result = tiny("zcu102-rtl", OVERLAPPED)
    names = [s.name for s in critical_path(result) if s.record is not None]
    assert len(names) < 24 * 2 + 4
    assert {"embed", "layers.0.in_proj_x", "layers.0.merge", "layers.1.out_proj", "head"} <= set(names)


def test_every_call_has_one_set_up_and_one_look():
    result = tiny("zcu102-rtl", OVERLAPPED)
    for kind in (SETUP, POLL):
        names = [s.name for s in result.simulation.trace.spans if s.kind == kind]
        assert sorted(names) == sorted(op.name for op in result.workload.program.operations)


def test_a_gpu_has_none():
    assert critical_path(tiny("rtx3090-quant")) is None
