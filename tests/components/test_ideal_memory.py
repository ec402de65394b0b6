"""The ideal memory: each knob by its arithmetic. Cycles of 1 ns."""

import pytest

from components.ideal_memory import IdealMemory, IdealMemoryParams
from tlm.payload import ResponseStatus


@pytest.fixture
def memory(bench):
    return lambda **knobs: bench(IdealMemory, IdealMemoryParams(size=1 << 20, ports=2, **knobs))


def test_without_latency_the_first_beat_comes_a_cycle_behind_the_address(memory, beats):
    """Address at 10: beats at 11, 12, 13, 14; the burst is over with the last."""
    master = memory()
    burst = master.read(10, 0, 4)
    master.run()
    assert beats(burst) == [11, 12, 13, 14]
    assert (burst.response, burst.status) == (14_000, ResponseStatus.OK)


def test_read_latency(memory, beats):
    """10 + 1 + 5 = 16."""
    master = memory(rlat=5)
    burst = master.read(10, 0, 4)
    master.run()
    assert beats(burst) == [16, 17, 18, 19]


def test_read_interval(memory, beats):
    """Three cycles a beat; the next burst's first beat comes three behind the last: 20 + 3."""
    master = memory(rint=3)
    first, second = master.read(10, 0, 4), master.read(11, 128, 2)
    master.run()
    assert beats(first) == [11, 14, 17, 20]
    assert beats(second) == [23, 26]


def test_write_interval_and_latency(memory, beats):
    """Beats at 10, 12, 14, 16; the response comes 1 + 7 behind the last. The next write waits until 18."""
    master = memory(wint=2, wlat=7)
    first, second = master.write(10, 0, 4), master.write(11, 128, 1)
    master.run()
    assert beats(first) == [10, 12, 14, 16]
    assert (first.response, second.response) == (24_000, 26_000)
    assert beats(second) == [18]


def test_latencies_of_queued_bursts_overlap(memory, beats):
    """First at 10 + 21; the second is ready at 11 + 21 = 32 and follows the first's last beat, 34."""
    master = memory(rlat=20)
    first, second = master.read(10, 0, 4), master.read(11, 128, 2)
    master.run()
    assert beats(first) == [31, 32, 33, 34]
    assert beats(second) == [35, 36]


def test_latency_from_the_end_of_the_burst_before(memory, beats):
    """The second counts from 34: 34 + 1 + 20."""
    master = memory(rlat=20, overlap=False)
    _, second = master.read(10, 0, 4), master.read(11, 128, 2)
    master.run()
    assert beats(second) == [55, 56]


def test_one_burst_at_a_time(memory, beats):
    """The second's address is taken at 35, behind the first's last beat: 35 + 1 + 20."""
    master = memory(rlat=20, one_outstanding=True)
    _, second = master.read(10, 0, 4), master.read(11, 128, 2)
    master.run()
    assert beats(second) == [56, 57]


def test_ports_are_independent(memory, beats):
    master = memory()
    first, second = master.read(0, 0, 3), master.read(0, 0, 3, port=1)
    master.run()
    assert beats(first) == beats(second) == [1, 2, 3]


def test_a_shared_bus_goes_round_robin(memory, beats):
    """One beat a cycle, in turn; when the shorter burst is done the other has every cycle."""
    master = memory(shared=True)
    first, second = master.read(0, 0, 4), master.read(0, 0, 2, port=1)
    master.run()
    assert beats(first) == [1, 3, 5, 6]
    assert beats(second) == [2, 4]


def test_a_shared_bus_fills_the_gaps_of_slow_ports(memory, beats):
    """Two cycles a beat for each port, one for the bus: the ports do not notice each other."""
    master = memory(shared=True, rint=2)
    first, second = master.read(0, 0, 3), master.read(0, 0, 3, port=1)
    master.run()
    assert beats(first) == [1, 3, 5]
    assert beats(second) == [2, 4, 6]


@pytest.mark.parametrize(
    ("knob", "expected"),
    [({}, [35, 36]), ({"overlap": False}, [55, 56]), ({"one_outstanding": True}, [56, 57])],
)
def test_a_shared_bus_heeds_the_other_knobs(memory, beats, knob, expected):
    """A port alone on the shared bus sees what it sees on a bus of its own (sums as above)."""
    master = memory(rlat=20, shared=True, **knob)
    _, second = master.read(10, 0, 4), master.read(11, 128, 2)
    master.run()
    assert beats(second) == expected


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (0x0FE0, ResponseStatus.ADDRESS_ERROR),
        (0x1000, ResponseStatus.OK),
        (0x1FE0, ResponseStatus.OK),
        (0x2000, ResponseStatus.ADDRESS_ERROR),
    ],
)
@pytest.mark.parametrize("command", ["read", "write"])
def test_both_ends_of_the_memory(bench, command, address, status):
    """One beat of 32 bytes; the memory has 0x1000 bytes from 0x1000."""
    master = bench(IdealMemory, IdealMemoryParams(base=0x1000, size=0x1000, ports=2))
    burst = getattr(master, command)(0, address, 1)
    master.run()
    assert burst.status is status


def test_traffic_is_counted(memory):
    master = memory()
    master.read(0, 0, 4)
    master.write(0, 0, 2, port=1)
    master.run()
    assert master.trace.counters == {"memory.read_bytes": 128, "memory.write_bytes": 64}
