"""Links between a port and its memory, and what they take."""

import pytest

from analysis.links import Links
from analysis.platform_path import find_platform
from tlm.platform import load_platform

BOARD = load_platform(find_platform("zcu102"), ["clocks.ports=300 MHz"])


def test_the_links_of_a_port():
    """128 bits at 350 and 300 MHz; the last first. All ports of an interconnect share its way on."""
    links = Links(BOARD)
    assert list(links["linear.in_r"].items()) == [("ps.hpc0", 4.8e9), ("interconnect0", 5.6e9)]
    assert list(links["ssm.in_u"]) == ["ps.hpc1", "interconnect1"]
    assert Links(load_platform(find_platform("zcu102-rtl")))["linear.in_r"] == {}


def test_reads_and_writes_have_a_channel_each():
    """4.8 GB read by two ports take 1 s, the 2.4 GB written meanwhile half of it."""
    moved = [
        ("norm_sum.in_a", "read", 2_400_000_000),
        ("norm_sum.in_b", "read", 2_400_000_000),
        ("norm_sum.out_r", "write", 2_400_000_000),
    ]
    assert Links(BOARD).seconds(moved) == pytest.approx({"ps.hpc0": 1, "interconnect0": 4.8 / 5.6})


@pytest.mark.parametrize(
    ("initiator", "route"),
    [
        ("linear.in_r", ("interconnect0.in8", "ps.hpc0", "ddr.port0")),
        ("interconnect1.out", ("ps.hpc1", "ddr.port0")),  # one of its ports stands for all
        ("ps.path2", ("ddr.port1",)),
        ("ddr.port0", ()),
    ],
)
def test_routes(initiator, route):
    assert BOARD.route(initiator) == route
