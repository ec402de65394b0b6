import pytest

from analysis.binding import binding
from analysis.calls import group, labels
from analysis.depths import advise
from analysis.platform_path import find_platform
from analysis.report import report
from analysis.simulate import Workload, simulate
from workloads.lowering import workload

OVERLAPPED = "components.host.schedule=overlapped"


@pytest.mark.parametrize(
    ("cycles", "compute", "beats", "waits", "stalls", "host", "bound"),
    [
        (80, 24, {"in": 24}, {}, {}, 310, "host"),  # longer than the call
        (1000, 900, {"in": 300}, {"in": 50}, {"fifo": 800}, 310, "compute"),  # works 90 %, whatever else
        (1000, 300, {"in": 950}, {}, {}, 0, "in"),  # a word a cycle in 95 %
        (1000, 100, {"in": 100}, {"in": 700, "out": 20}, {}, 0, "in"),
        (1000, 390, {"in": 770}, {"in": 50}, {"fifo": 200}, 0, "fifo"),
        (1000, 390, {"in": 470}, {"out": 400}, {"fifo": 600}, 0, "out"),  # FIFOs fill behind a slow port
        (1000, 600, {"in": 300}, {"in": 99}, {}, 0, "compute"),  # waits are below 10 %
        (1000, 300, {"in": 300}, {}, {}, 0, "latency"),
    ],
)
def test_the_first_rule_that_holds(cycles, compute, beats, waits, stalls, host, bound):
    assert binding(cycles, compute, beats, waits, stalls, host) == bound


def run(platform, *overrides, **options):
    work = Workload.of(workload("tiny", layers=1), 224)
    return simulate(find_platform(platform), work, overrides, **options)


def test_what_bounds_the_calls_of_a_layer():
    told = {c["kind"]: c["binding"] for c in report(run("zcu102-rtl"))["calls"]}
    assert told["Scan 384"] == "compute"
    assert told["Linear 384 to 16"] == "linear.scale_fifo"
    assert told["Linear 16 to 384"] == "linear.out_r"  # 48 words a token, 1 block of inputs
    assert told["Conv 384"] == "conv.in_r"  # reads the tensor twice
    assert told["NormSum norm 192"] == "latency"  # sum, root and division of a token, then its products
    assert told["LoadClassToken 192"] == "host"
    told = {c["kind"]: c["binding"] for c in report(run("zcu102"))["calls"]}
    assert told["Flip 384"] == "patch_ops.in_r"
    # 2 x 9,456 words of 256 bit, two cycles each, keep ps.hpc0 busy for 37,824 cycles: more than nine tenths
    assert told["NormSum mean 384"] == "ps.hpc0"
    assert told["Smooth 384"] == "smooth.out_r"  # one way each: half of that


def test_advice_is_tried():
    """12 of 60 cycles a token, 2352 of 12170, go with a third place; a fourth adds nothing."""
    result = run("zcu102-rtl", gauges=True)
    (advice,) = advise(result, group(result, labels(result.workload.program)))
    assert (advice.fifo, advice.depth, advice.cycles) == ("linear.scale_fifo", 2, 12_170)
    assert advice.tried == {3: 12_170 - 2_352}
    assert str(advice) == (
        "linear.scale_fifo is full 97% of Linear 384 to 16: 3 places instead of 2 would save 19.3% of it"
    )


def test_gauges_are_of_all_calls_of_a_kind():
    result = run("zcu102-rtl", gauges=True)
    told = {g["kind"]: g["fifos"] for g in report(result)["gauges"]}
    scales = told["Linear 384 to 16"]["linear.scale_fifo"]
    assert (scales["capacity"], scales["peak"]) == (2, 2)
    assert scales["full_share"] == pytest.approx(11_760 / 12_170)
    assert report(run("zcu102-rtl"))["gauges"] is None


def test_the_bottleneck_of_overlapped_calls_is_that_of_the_critical_path():
    told = report(run("zcu102-rtl", OVERLAPPED))
    assert told["schedule"] == "overlapped"
    assert "of the critical path" in told["bottleneck"]
    assert "of the time" in report(run("zcu102-rtl"))["bottleneck"]
