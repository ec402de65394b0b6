"""Generators at 1 GHz and 128 bit on a memory that answers a read of n beats n cycles after its address."""

import pytest

from components.ideal_memory import IdealMemory, IdealMemoryParams
from components.traffic_generator import TrafficGenerator, TrafficGeneratorParams


@pytest.fixture
def run(build):
    def one(**params):
        settings = {"command": "read", "burst": 64, "base": 0x1000, "region": 128} | params
        simulation = build(
            {
                "generator": (TrafficGenerator, TrafficGeneratorParams(**settings)),
                "memory": (IdealMemory, IdealMemoryParams(size=1 << 16, rlat=9)),
            },
            [("generator.out", "memory.port0")],
        )
        generator = simulation.components["generator"]
        addresses = []
        send = generator.out.nb_transport
        generator.out.nb_transport = lambda p, at: (addresses.append(p.address), send(p, at))
        generator.start()
        simulation.env.run(until=1_000_000)
        return generator, addresses

    return one


def test_addresses_wrap_in_the_region(run):
    _, addresses = run(outstanding=1)
    assert addresses[:4] == [0x1000, 0x1040, 0x1000, 0x1040]


def test_one_at_a_time(run):
    """A read of 4 beats: 10 cycles to the first beat, 13 to the last, the next address with it: 64 bytes in 13 ns.
    In 1,000 ns 76 of them, and of the beats of the next, that go from 998 to 1,001, two thirds.
    """
    generator, _ = run(outstanding=1)
    assert generator.bandwidth(0) == pytest.approx((76 + 2 / 3) * 64 / 1e-6)


def test_many_in_flight_fill_the_port(run):
    """16 bytes a ns."""
    generator, _ = run(outstanding=8)
    assert generator.bandwidth(100_000) == pytest.approx(16e9, rel=1e-3)


def test_it_begins_when_told(run):
    generator, _ = run(start=500_000)
    assert generator.moved[0] == (510_000, 513_000, 4)


@pytest.mark.parametrize(("burst", "cycles"), [(16, 11), (64, 11), (256, 16)])
def test_posted_writes(run, burst, cycles):
    """One at a time, answered 11 cycles behind its first data: the next one goes then, or behind its data."""
    generator, _ = run(command="write", burst=burst, region=1024, outstanding=1, posted=11)
    beats = burst // 16
    assert generator.moved[:2] == [
        (0, (beats - 1) * 1000, beats),
        (cycles * 1000, (cycles + beats - 1) * 1000, beats),
    ]


def test_reads_cannot_be_posted():
    with pytest.raises(ValueError, match="posted must be 0 for reads, not 11"):
        TrafficGeneratorParams(command="read", burst=64, base=0, region=128, posted=11)
