"""Bounds: by hand for single calls, and no simulated call beats its own."""

from functools import cache
from pathlib import Path

import pytest

from analysis.kept_run import KeptRun
from analysis.report import report
from analysis.roofline import Bound, bounds
from analysis.simulate import Workload, simulate
from workloads.lowering import workload

PLATFORMS = Path(__file__).parents[2] / "platforms"
CYCLE = 1e12 / 350e6  # ps


@cache
def found(platform: str, *overrides: str, model: str = "tiny", side: int = 224) -> dict[str, Bound]:
    work = Workload.of(workload(model), side)
    done = simulate(str(PLATFORMS / f"{platform}.yaml"), work, overrides)
    return {bound.name: bound for bound in bounds(KeptRun.of(done, report(done)))}


@pytest.mark.parametrize(
    ("platform", "overrides"),
    [
        ("zcu102", ()),
        ("zcu102-rtl", ()),
        ("zcu102", ("components.ddr.device=lpddr4-3200", "components.ps.width=64 bit")),
        ("zcu102", ("components.linear.tile=32", "components.ssm.lanes=16")),
        ("zcu102", ("components.interconnect0.width=256 bit", "components.interconnect1.width=64 bit")),
        ("rtx3090-quant", ()),
        ("rtx3090-fp16-lean", ()),
    ],
)
def test_no_call_beats_its_bound(platform, overrides):
    for bound in found(platform, *overrides, side=96).values():
        assert 0 < bound.reached <= 1, bound


def test_linear_by_hand():
    """192 to 384 on 197 tokens: 197 x 12 x 24 tiles of 16 x 16, a tile a cycle; 4,728 words in, 9,456 out."""
    bound = found("zcu102-rtl")["layers.0.in_proj_x"]
    assert bound.causes["compute"] == pytest.approx(197 * 12 * 24 * CYCLE)
    assert bound.causes["port"] == pytest.approx(197 * 384 * 32 / 256 * CYCLE)
    assert bound.cause == "compute"
    # 58,775 cycles at the RTL's pins (paper, Table VI: 58,780)
    assert bound.reached == pytest.approx(197 * 12 * 24 / 58_775, rel=1e-3)


def test_scan_by_hand():
    """197 tokens x 384 channels x 16 states, 8 a cycle."""
    bound = found("zcu102-rtl")["layers.0.forward.scan"]
    assert bound.causes["compute"] == pytest.approx(197 * 384 * 2 * CYCLE)


def test_flip_is_bound_by_its_link():
    """197 x 384 values of 4 bytes over a port of 128 bit: 302,592 bytes at 16 a cycle are 18,912 cycles."""
    bound = found("zcu102")["layers.0.flip_x"]
    assert bound.causes == pytest.approx(
        {"compute": 0, "port": 9456 * CYCLE, "path": 18912 * CYCLE, "memory": 2 * 302592 / 17.064e9 * 1e12}
    )
    assert bound.cause == "path"


def test_a_gpu_by_hand():
    """A kernel that flips reads and writes every byte once at 936 GB/s."""
    bound = found("rtx3090-fp16")["layers.0.in_proj_x"]
    assert bound.causes["memory"] == pytest.approx(bound.bytes / 936e9 * 1e12, rel=1e-3)
