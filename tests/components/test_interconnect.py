"""The interconnect: 5 cycles each way, a port of 128 bit. Cycles of 1 ns; the memory behind answers at once."""

import pytest

from components.ideal_memory import IdealMemory, IdealMemoryParams
from components.interconnect import Interconnect, InterconnectParams
from tlm.payload import ResponseStatus


@pytest.fixture
def master(build, parts):
    simulation = build(
        {
            "master": (parts["Master"], parts["MasterParams"](ports=2)),
            "net": (Interconnect, InterconnectParams(inputs=2, width=128, latency=5)),
            "memory": (IdealMemory, IdealMemoryParams(size=1 << 16)),
        },
        [("master.out0", "net.in0"), ("master.out1", "net.in1"), ("net.out", "memory.port0")],
    )
    return simulation.components["master"]


def test_a_read_of_the_same_width(master, beats):
    """Address 5 cycles there, first beat 1 later, 5 cycles back: 11; a beat a cycle."""
    burst = master.read(0, 0, 4, width=16)
    master.run()
    assert beats(burst) == [11, 12, 13, 14]
    assert burst.response == 14_000


def test_a_wide_read_takes_two_cycles_a_word(master, beats):
    """256 bits through 128: the words of the memory's 6, 7, 8, 9 leave at 11, 13, 15, 17."""
    burst = master.read(0, 0, 4)
    master.run()
    assert beats(burst) == [11, 13, 15, 17]


def test_two_reads_share_the_data_channel(master, beats):
    """The first holds it until 17 + 2; the second would have come at 15, behind the first's beats."""
    _, second = master.read(0, 0, 4), master.read(0, 0, 2, port=1)
    master.run()
    assert beats(second) == [19, 21]


def test_a_write(master, beats):
    """Taken at 0, 2, 4, 6; at the memory from 5 to 8, answered at 9, the answer 5 cycles back: 14."""
    burst = master.write(0, 0, 4)
    master.run()
    assert beats(burst) == [0, 2, 4, 6]
    assert burst.response == 14_000


def test_two_writes_share_the_data_channel(master, beats):
    """The first is taken until 8."""
    _, second = master.write(0, 0, 4), master.write(1, 256, 2, port=1)
    master.run()
    assert beats(second) == [8, 10]


def test_reads_and_writes_have_a_channel_each(master, beats):
    """The sums of a read alone and of a write alone."""
    write, read = master.write(0, 0, 4), master.read(0, 0, 4, port=1)
    master.run()
    assert beats(write) == [0, 2, 4, 6]
    assert beats(read) == [11, 13, 15, 17]


def test_an_address_error_comes_back(master):
    burst = master.read(0, 1 << 16, 1)
    master.run()
    assert burst.status is ResponseStatus.ADDRESS_ERROR
