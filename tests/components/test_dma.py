"""DMA ports: bursts, outstanding reads, back-pressure, the write law. Cycles of 1 ns, 32 bytes a beat."""

import numpy as np
import pytest

from components.dma import ReadPortParams, WritePortParams
from components.engine import EngineParams
from components.ideal_memory import IdealMemory, IdealMemoryParams
from tlm.payload import AddressError, Command
from tlm.simulation import DeadlockError


@pytest.fixture
def probe(build, parts):
    """`probe(read={}, write={}, **memory)`: an engine with one read and one write port, a memory at each."""

    def engine(read=None, write=None, size=1 << 24, **memory):
        params = EngineParams(read=ReadPortParams(**read or {}), write=WritePortParams(**write or {}))
        simulation = build(
            {
                "probe": (parts["Probe"], params),
                "memory": (IdealMemory, IdealMemoryParams(size=size, ports=2, **memory)),
            },
            [("probe.in_r", "memory.port0"), ("probe.out_r", "memory.port1")],
        )
        return simulation.components["probe"]

    return engine


def arrivals(probe, address, beats, start=0):
    stream = probe.source.read(address, beats, start)
    return probe.sim.run(stream.all()).tolist()


def addresses(probe):
    """(cycle, beats) of each read burst."""
    return [(cycle, n) for cycle, _, _, n in probe.source.bursts]


def test_a_long_read_is_split_into_128_beats(probe):
    """300 = 128 + 128 + 44, an address a cycle; the beats come one a cycle from 1 on."""
    engine = probe()
    assert arrivals(engine, 0, 300) == list(range(1, 301))
    assert addresses(engine) == [(0, 128), (1, 128), (2, 44)]


def test_no_burst_crosses_4_kib(probe):
    """64 bytes, 2 beats, are left before 4,096; the rest, 10 - 2, lies behind."""
    engine = probe()
    assert arrivals(engine, 4096 - 64, 10) == list(range(1, 11))
    assert addresses(engine) == [(0, 2), (1, 8)]


def test_read_latency_is_paid_once(probe):
    """The first beat at 0 + 1 + 64, then one a cycle: queued bursts hide it."""
    assert arrivals(probe(rlat=64), 0, 300) == list(range(65, 365))


def test_at_most_sixteen_bursts_are_outstanding(probe):
    """The 17th address goes out a cycle behind the last beat of the first burst: 1 + 1000 + 127 + 1 = 1129."""
    engine = probe(rlat=1000, read={"buffer": 4096})
    arrivals(engine, 0, 18 * 128)
    assert [cycle for cycle, _ in addresses(engine)] == [*range(16), 1129, 1129 + 128]


def test_two_outstanding_bursts_wait_for_each_other(probe):
    """Bursts of 4, latency 10. First 11-14, second behind it 15-18; the third's address goes out at 15 and its
    beats come at 15 + 11 = 26-29, the fourth's address at 19: 30-33."""
    engine = probe(rlat=10, read={"burst": 4, "outstanding": 2, "buffer": 64})
    assert arrivals(engine, 0, 16) == [*range(11, 19), *range(26, 34)]
    assert [cycle for cycle, _ in addresses(engine)] == [0, 1, 15, 19]


def test_a_full_buffer_holds_beats_up(probe):
    """Four places, one taken every ten cycles from 100 on. Beats 0-3 come at once; beat 4 + i is in the buffer a
    cycle behind the i-th taking at 100 + 10 i."""
    engine = probe(read={"burst": 4, "buffer": 4})
    stream = engine.source.read(0, 12, 0)

    def process():
        for i in range(12):
            yield from stream.until(i + 1)
            stream.take(np.array([100 + 10 * i]))

    engine.sim.run(process())
    assert stream.arrivals.tolist() == [1, 2, 3, 4, *(101 + 10 * i for i in range(8))]


def test_a_buffer_holds_a_burst_at_least():
    with pytest.raises(ValueError, match="buffer must hold a burst of 128 beats, not 64"):
        ReadPortParams(buffer=64)
    with pytest.raises(ValueError, match="buffer must hold a burst of 128 beats, not 64"):
        WritePortParams(buffer=64)


def test_single_reads_wait_for_their_turn(probe):
    """Two in flight, turnaround 9: addresses at 0, 1; beats at 1, 2; the next addresses at 1 + 9, 2 + 9."""
    engine = probe()
    stream = engine.source.read_singles([0, 32, 64, 96], 0, in_flight=2, turnaround=9)
    assert engine.sim.run(stream.all()).tolist() == [1, 2, 11, 12]
    assert [cycle for cycle, _ in addresses(engine)] == [0, 1, 10, 11]


def written(probe, produced, address=0):
    """Cycle of the last response when beats are produced at these cycles."""
    stream = probe.sink.write(address, len(produced))

    def process():
        yield from stream.push(np.array(produced, dtype=np.int64))
        return (yield from stream.finished())

    return probe.sim.run(process())


def law(produced, burst=128):
    """w_end(k) = max(w_end(k-1), produced(last beat of k)) + len(k)."""
    end = 0
    for first in range(0, len(produced), burst):
        part = produced[first : first + burst]
        end = max(end, part[-1]) + len(part)
    return end


def test_a_burst_is_written_when_its_last_beat_is_there(probe):
    """Beats at 10, 20, 30: the burst starts at 30, its beats go at 30, 31, 32, the response comes at 33."""
    engine = probe()
    assert written(engine, [10, 20, 30]) == 33
    assert engine.sink.bursts == [(30, 30, 32, 3)]


def test_the_write_law_of_smooth(probe):
    """SMOOTH 384 at 197 tokens: N = 9,456 beats, beat n at 106 + 2n, 74 bursts; the last has L = 112 beats:
    106 + 9456 + (9456 - 112) + max(128, 2 * 112) = 19,130. Four of them are the end of the call, not the port's."""
    produced = [106 + 2 * n for n in range(1, 9457)]
    assert law(produced) == 106 + 9456 + 9344 + 224 == 19_130
    engine = probe()
    assert written(engine, [t - 4 for t in produced]) == 19_130 - engine.params.finish
    assert len(engine.sink.bursts) == 74


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("beats", [1, 127, 128, 129, 300])
def test_the_write_law(probe, beats, step):
    produced = [50 + step * n for n in range(1, beats + 1)]
    assert written(probe(), produced) == law(produced)


def test_write_latency_is_paid_once(probe):
    """The response of the last burst alone comes late: 33 + 64."""
    assert written(probe(wlat=64), [10, 20, 30]) == 97


def test_a_full_write_buffer_delays_what_is_produced(probe):
    """Bursts of 2, places for 2, four cycles a beat. Beats 0, 1 are there at 1, 2 and leave at 2, 6; beats 2, 3
    find room at 3, 7; the second burst waits for the memory until 10 and leaves at 10, 14: response 15."""
    engine = probe(wint=4, write={"burst": 2, "buffer": 2})
    assert written(engine, [1, 2, 3, 4]) == 15
    assert [(first, last) for _, first, last, _ in engine.sink.bursts] == [(2, 6), (10, 14)]
    assert engine.sink.wait > 0


def test_an_address_without_memory(probe):
    """Beats 0 to 127 fit 4,096 bytes, the next burst does not."""
    with pytest.raises(AddressError) as error:
        arrivals(probe(size=4096), 0, 129)
    assert str(error.value) == "probe.in_r: read of 32 bytes at 0x1000: address error"


def test_a_beat_that_never_comes_is_told(probe):
    """The engine promises two beats and produces one."""
    engine = probe()
    stream = engine.sink.write(0, 2)

    def process():
        yield from stream.push(np.array([1]))
        yield from stream.finished()

    with pytest.raises(DeadlockError) as error:
        engine.sim.run(process())
    assert "  probe.out_r waits for beat 2 of 2 from probe" in str(error.value).splitlines()


def test_activity_counts_from_the_start_of_the_call(probe):
    """Started at 100: the address at 100 is cycle 0 of the call."""
    engine = probe()
    arrivals(engine, 0, 4, start=100)
    activity = engine.source.activity(Command.READ, 100)
    assert (activity.beats, activity.bytes) == (4, 128)
    assert activity.bursts.tolist() == [[0, 1, 4, 4]]
