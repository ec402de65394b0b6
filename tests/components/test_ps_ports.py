"""The PS's ports at 1 GHz, 128 bit, in front of a memory that answers at once: 1 ns and no latency of its own.

Reads go 80 ns there and 80 back, writes 52 and 52; parts are of 256 bytes.
"""

import pytest

from components.ddr4 import Ddr4, Ddr4Params
from components.ideal_memory import IdealMemory, IdealMemoryParams
from components.ps_ports import PsPorts, PsPortsParams
from tlm.payload import ResponseStatus

PORTS = ("hp0", "hp1", "hp2", "hp3", "hpc0", "hpc1")


def board(build, parts, memory, **params):
    components = {
        "master": (parts["Master"], parts["MasterParams"](ports=len(PORTS))),
        "ps": (PsPorts, PsPortsParams(**params)),
        "memory": memory,
    }
    bindings = [(f"master.out{i}", f"ps.{port}") for i, port in enumerate(PORTS)]
    bindings += [(f"ps.path{i + 1}", f"memory.port{i}") for i in range(5)]
    return build(components, bindings).components["master"]


@pytest.fixture
def ideal(build, parts):
    return lambda **params: board(
        build, parts, (IdealMemory, IdealMemoryParams(size=1 << 24, ports=5)), **params
    )


def test_a_read(ideal, beats):
    """80 there, 1 in the memory, 80 back: beats at 161, 162, 163, 164."""
    master = ideal()
    burst = master.read(0, 0, 4, width=16)
    master.run()
    assert beats(burst) == [161, 162, 163, 164]
    assert burst.response == 164_000


def test_a_wide_beat_takes_two_cycles(ideal, beats):
    """Words of 256 bit are there with their second halves."""
    master = ideal()
    burst = master.read(0, 0, 4)
    master.run()
    assert beats(burst) == [162, 164, 166, 168]


def test_a_coherent_port_is_30_ns_longer_each_way(ideal, beats):
    master = ideal()
    burst = master.read(0, 0, 1, port=PORTS.index("hpc0"), width=16)
    master.run()
    assert beats(burst) == [161 + 60]


def test_a_write(ideal, beats):
    """Data from 0 to 3 into the FIFO, sent at 4, 52 there; the memory ends at 59 and answers at 60; 52 back."""
    master = ideal()
    burst = master.write(0, 0, 4, width=16)
    master.run()
    assert beats(burst) == [0, 1, 2, 3]
    assert burst.response == (4 + 52 + 4 + 52) * 1000


def test_a_long_burst_is_its_parts(ideal):
    """1,024 bytes end when four bursts of 256 at once do."""
    ends = []
    for sizes in ([64], [16] * 4):
        master, address = ideal(), 0
        bursts = []
        for beats in sizes:
            bursts.append(master.read(0, address, beats, width=16))
            address += beats * 16
        master.run()
        ends.append(bursts[-1].response)
    assert ends[0] == ends[1] == (161 + 63) * 1000


def test_sixteen_reads_in_flight(ideal, beats):
    """Of 17 reads of 16 bytes the last is sent when the first's data are back, at 161: 161 later it is there."""
    master = ideal()
    bursts = [master.read(0, 16 * n, 1, width=16) for n in range(17)]
    master.run()
    assert beats(bursts[15]) == [161 + 15]
    assert beats(bursts[16]) == [161 + 161]


def test_the_fifo_bounds_long_reads(ideal, beats):
    """128 beats are eight parts. The ninth is sent when the first part has left the FIFO, at 176: at 337."""
    master = ideal()
    bursts = [master.read(0, 256 * n, 16, width=16) for n in range(9)]
    master.run()
    assert beats(bursts[7])[-1] == 161 + 127
    assert beats(bursts[8])[0] == 161 + 15 + 161


def test_two_ports_of_a_path_share_its_flight(ideal):
    """HP1 and HP2 have 20 reads in flight together, ports of two paths 16 each: 32 reads take a turn more."""
    ends = {}
    for pair in (("hp0", "hp1"), ("hp1", "hp2")):
        master = ideal()
        bursts = [
            master.read(0, 16 * n, 1, port=PORTS.index(port), width=16) for n in range(16) for port in pair
        ]
        master.run()
        ends[pair] = max(burst.response for burst in bursts)
    assert ends["hp0", "hp1"] == (161 + 15) * 1000
    assert ends["hp1", "hp2"] > 2 * 161 * 1000


def test_a_part_keeps_within_a_page(ideal):
    """256 bytes from 4,000: 96 in one page, 160 in the next; as long as a burst within a page."""
    master = ideal()
    across, within = master.read(0, 4000, 16, width=16), master.read(0, 8192, 16, port=3, width=16)
    master.run()
    assert across.response == within.response
    assert sum(n for _, _, n in across.runs) == 16


def test_an_address_outside_comes_back(ideal):
    master = ideal()
    read, write = master.read(0, 1 << 24, 4), master.write(0, 1 << 24, 4, port=3)
    master.run()
    assert {read.status, write.status} == {ResponseStatus.ADDRESS_ERROR}


@pytest.mark.parametrize("pair", [("hp0", "hp3"), ("hp1", "hp2")])
def test_a_shared_path_is_the_narrower(build, parts, pair):
    """A path takes 16 bytes a cycle of 533.25 MHz, 8.53 GB/s. At 16 GB/s each, two ports of a path get no more."""
    master = board(build, parts, (Ddr4, Ddr4Params(ports=5)))
    bursts = [
        master.read(0, (port << 26) + 8192 * port + 256 * n, 16, port=PORTS.index(name), width=16)
        for port, name in enumerate(pair)
        for n in range(64)
    ]
    master.run()
    rate = 2 * 64 * 256 / (max(b.response for b in bursts) - min(b.runs[0][0] for b in bursts)) * 1000  # GB/s
    assert (rate < 8.6) is (pair == ("hp1", "hp2")), rate


def test_wrong_parameters():
    with pytest.raises(ValueError, match="fifo must hold a burst of 16 beats, not 8"):
        PsPortsParams(fifo=8)
