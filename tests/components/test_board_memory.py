"""A word's way on the board, engine to DDR4 and back, with the sum written out from the platform's parameters.

Fabric and ports at 350 MHz, the controller at 533.25 MHz. One way through an interconnect takes 15 cycles; what
bandwidth on the board calibrates is read from the parameters.
"""

import pytest

from analysis.platform_path import find_platform
from analysis.single_call import run_call
from components.ddr4 import Ddr4Params
from components.dram_timing import load_device
from components.ps_ports import PsPortsParams
from tlm.errors import InputError
from tlm.platform import load_platform
from tlm.simulation import Simulation
from tlm.units import Clock

FABRIC, CONTROLLER = Clock("fabric", 350_000_000), Clock("ddr", 533_250_000)
HOP = 15
DDR, PS = Ddr4Params(), PsPortsParams()
DEVICE = load_device(DDR.device)
THERE, BACK = PS.read_request + PS.coherent, PS.read_return + PS.coherent + FABRIC.edge(PS.crossing)
ROW, DATA = DEVICE.t_rcd, DEVICE.cl + DEVICE.burst + DDR.data_path


def flip(calls, tokens, features, *settings):
    """Rows of the read port: address, first beat, last beat, beats; cycles since the start of the call."""
    simulation = Simulation(load_platform(find_platform("zcu102"), settings))
    record = run_call(simulation, calls.of("flip", tokens, features))
    return next(p for p in record.ports if p.command == "read").bursts.tolist()


def arrival(asked, to_data):
    """Of a word of two halves that is asked for at a cycle."""
    seen = CONTROLLER.next_cycle(FABRIC.edge(asked + HOP) + THERE)
    data = seen + DDR.read_front + to_data
    first = FABRIC.next_cycle(CONTROLLER.edge(data) + BACK)
    second = max(first + 1, FABRIC.next_cycle(CONTROLLER.edge(data + 1) + BACK))
    return second + HOP


def test_the_first_word_of_a_flip(calls):
    """Two hops, the ways through the processing system and the controller; with the second half and the edges of both
    clocks some cycles more than their sum."""
    ((asked, came, _, _),) = flip(calls, 1, 8)
    assert came == arrival(asked, ROW + DATA)
    total = 2 * FABRIC.edge(HOP) + THERE + BACK + CONTROLLER.edge(DDR.read_front + ROW + DATA)
    assert 0 < came - asked - total / FABRIC.edge(1) < 4


def test_the_next_words_find_the_row_open(calls):
    """They lie in the same row. Each wants an access of its own, and goes in the cycle behind the one before it; the
    second waits with the first for the row to open, tCCD_L behind it."""
    bursts = flip(calls, 2, 8)
    assert [beats for _, _, _, beats in bursts] == [1, 1]
    (asked, _, _, _), (also_asked, also_came, _, _) = bursts
    assert also_asked == asked + 1
    assert also_came == arrival(asked, ROW + DATA + DEVICE.t_ccd_l)
    assert also_came > arrival(also_asked, DATA)


def test_eight_words_in_flight_bound_a_flip(calls):
    """A word more is asked for when the one eight before it has come: about latency / 8 cycles a word."""
    (few, many) = (flip(calls, tokens, 64)[-1][1] for tokens in (40, 200))
    ((asked, came, _, _),) = flip(calls, 1, 8)
    words = (200 - 40) * 8
    assert (many - few) / words == pytest.approx((came - asked) / 8, rel=0.1)


@pytest.mark.parametrize(
    ("setting", "less"),
    [
        ("components.interconnect1.latency=5 cycles", 20),
        ("components.ps.coherent=0 ns", 2 * PS.coherent / FABRIC.edge(1)),
        ("components.ps.read_request=10 ns", (PS.read_request - 10_000) / FABRIC.edge(1)),
    ],
)
def test_each_part_of_the_way_can_be_changed(calls, setting, less):
    """10 cycles less each way; no extra way of coherent ports; a request in 10 ns. Edges make a cycle or two."""
    ((asked, came, _, _),) = flip(calls, 1, 8, setting)
    ((default, then, _, _),) = flip(calls, 1, 8)
    assert came - asked == pytest.approx(then - default - less, abs=2)


@pytest.mark.parametrize("device", ["ddr4-2400", "lpddr4-3200", "hbm2-2000"])
def test_another_memory_is_one_line(calls, device):
    assert flip(calls, 17, 64, f"components.ddr.device={device}") != flip(calls, 17, 64)


@pytest.mark.parametrize(
    "setting", ["clocks.ports=200 MHz", "components.ps.reads=2", "components.ps.width=32 bit"]
)
def test_a_lesser_port_is_one_line(calls, setting):
    smooth = calls.of("smooth", 17, 64)
    assert calls.cycles(smooth, setting, platform="zcu102") > calls.cycles(smooth, platform="zcu102")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "components.ddr.device=ddr5-4800",
            "components.ddr.device must be one of ddr4-2133, ddr4-2400, hbm2-2000, lpddr4-3200, not 'ddr5-4800'",
        ),
        (
            "components.interconnect0.width=96 bit",
            "components.interconnect0.width must be an AXI width of 32 to 1024 bit, not '96 bit'",
        ),
        (
            "components.interconnect1.outstanding=0",
            "components.interconnect1.outstanding must be greater than 0, not 0",
        ),
        ("components.ps.reads=17", "components.ps.reads must be at most 16, not 17"),
        ("components.ps.write_fifo=8", "components.ps: write_fifo must hold a burst of 16 beats, not 8"),
        ("clocks.ports=0 MHz", "clocks.ports must be greater than 0 Hz, not '0 MHz'"),
        (
            "memory_map.ddr.size=8 GiB",
            "memory_map.ddr must lie within ddr, 0x0 to 0xffff_ffff, not end at 0x1_ffff_ffff",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(setting, message):
    with pytest.raises(InputError) as error:
        Simulation(load_platform(find_platform("zcu102"), [setting]))
    (problem,) = error.value.problems
    assert problem.message == message
