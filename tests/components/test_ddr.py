"""DRAM of one channel: 1,000 MT/s of 64 bit are 8 bytes a ns; the shortest access is 8 * 8 = 64 bytes."""

import pytest

from components.ddr import Ddr, DdrParams
from tlm.payload import ResponseStatus


@pytest.fixture
def ddr(bench):
    return bench(
        Ddr,
        DdrParams(
            base=0x1000, size=0x10_0000, ports=2, data_rate=10**9, latency=100_000, write_latency=50_000
        ),
    )


def test_a_read_takes_latency_and_bandwidth(ddr, beats):
    """128 beats of 32 bytes are 4,096 bytes, 512 ns: the first beat at 100 ns, the last 127 * 4 ns later."""
    burst = ddr.read(0, 0x1000, 128)
    ddr.run()
    assert (beats(burst)[0], beats(burst)[1], beats(burst)[-1]) == (100, 104, 608)
    assert (burst.response, burst.status) == (608_000, ResponseStatus.OK)


def test_two_reads_contend_for_the_channel(ddr, beats):
    """The first holds the channel from 100 to 612 ns; the second, ready at 110 ns, has it from then on."""
    first, second = ddr.read(0, 0x1000, 128), ddr.read(10, 0x2000, 128, port=1)
    ddr.run()
    assert beats(first)[0] == 100
    assert (beats(second)[0], beats(second)[-1]) == (612, 612 + 508)


def test_latency_is_hidden_behind_other_data(ddr, beats):
    """Asked at 500 ns the second is ready at 600 and starts when the channel is free, at 612."""
    _, second = ddr.read(0, 0x1000, 128), ddr.read(500, 0x2000, 128)
    ddr.run()
    assert beats(second)[0] == 612


def test_a_write_takes_bandwidth_and_its_response(ddr, beats):
    """4,096 bytes from 0 to 512 ns, the response 50 ns later."""
    burst = ddr.write(0, 0x1000, 128)
    ddr.run()
    assert (beats(burst)[0], beats(burst)[-1], burst.response) == (0, 508, 562_000)


def test_reads_and_writes_share_the_channel(ddr, beats):
    """The write ends at 512 ns; a read asked for at the same time would be there at 100."""
    ddr.write(0, 0x1000, 128)
    read = ddr.read(0, 0x2000, 2, port=1)
    ddr.run()
    assert beats(read) == [512, 516]


@pytest.mark.parametrize(("address", "device_bytes"), [(0x1000, 64), (0x1020, 64), (0x1030, 128)])
def test_a_short_read_takes_a_whole_access(ddr, beats, address, device_bytes):
    """32 bytes within one access of 64 take 8 ns of the channel; across a border they take two, 16 ns."""
    ddr.read(0, address, 1)
    behind = ddr.read(0, 0x2000, 2, port=1)
    ddr.run()
    assert beats(behind)[0] == 100 + device_bytes / 8
    assert ddr.trace.counters["memory.device_bytes"] == device_bytes + 64
    assert ddr.trace.counters["memory.read_bytes"] == 32 + 64
    assert ddr.trace.counters["memory.busy_ps"] == (device_bytes + 64) * 125


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (0x0FE0, ResponseStatus.ADDRESS_ERROR),
        (0x1000, ResponseStatus.OK),
        (0x10_0FE0, ResponseStatus.OK),
        (0x10_0FF0, ResponseStatus.ADDRESS_ERROR),
    ],
)
def test_both_ends_of_the_memory(ddr, address, status):
    """0x10_0000 bytes from 0x1000: the last 32 are at 0x10_0fe0."""
    burst = ddr.read(0, address, 1)
    ddr.run()
    assert burst.status is status


def test_peak_bandwidth(ddr):
    """10^9 transfers of 8 bytes."""
    assert ddr.sim.components["memory"].peak_bandwidth == 8e9


def test_times_are_rounded_up_to_a_picosecond(bench, beats):
    """2,133 MT/s of 64 bit: 64 bytes take 64 / 17.064 ns = 3,750.59 ps, so 3,751."""
    master = bench(Ddr, DdrParams(size=1 << 20, data_rate=2_133_000_000, latency=0, write_latency=0))
    master.read(0, 0, 2)
    behind = master.read(0, 64, 2)
    master.run()
    assert beats(behind)[0] == 3.751
