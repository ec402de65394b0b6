"""The PS's ports at 1 GHz, 128 bit, in front of a memory that answers at once: 1 ns and no latency of its own.

Reads go 80 ns there and 80 back, writes 52 and 52; parts are of 256 bytes. What bandwidth on the board calibrates is
set here, so that the sums stay.
"""

import pytest

from components.ddr4 import Ddr4, Ddr4Params
from components.ideal_memory import IdealMemory, IdealMemoryParams
from components.ps_ports import PsPorts, PsPortsParams
from tlm.payload import Command, GenericPayload, ResponseStatus

CALIBRATED = {
    "reads": 16,
    "writes": 16,
    "read_interval": 0,
    "read_tolerance": 0,
    "read_fifo": 128,
    "read_request": 80_000,
    "read_return": 80_000,
    "write_request": 52_000,
    "write_return": 52_000,
    "crossing": 0,
}
PORTS = ("hp0", "hp1", "hp2", "hp3", "hpc0", "hpc1")


def board(build, parts, memory, hz=10**9, **params):
    components = {
        "master": (parts["Master"], parts["MasterParams"](ports=len(PORTS))),
        "ps": (PsPorts, PsPortsParams(**CALIBRATED | params)),
        "memory": memory,
    }
    bindings = [(f"master.out{i}", f"ps.{port}") for i, port in enumerate(PORTS)]
    bindings += [(f"ps.path{i + 1}", f"memory.port{i}") for i in range(5)]
    return build(components, bindings, hz).components["master"]


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


def test_a_slow_clock_takes_longer_across(ideal, beats):
    """At 100 MHz: 80 ns there, 1 cycle in the memory, 80 back, and 3 cycles into the PL's clock: at 200 ns."""
    master = ideal(hz=10**8, crossing=3)
    burst = master.read(0, 0, 1, width=16)
    master.run()
    assert beats(burst) == [200]


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


def test_reads_keep_their_interval(ideal, beats):
    """One every 4 ns: the n-th of 16 bytes is there at 161 + 4n."""
    master = ideal(read_interval=4000)
    bursts = [master.read(0, 16 * n, 1, width=16) for n in range(3)]
    master.run()
    assert [beats(burst) for burst in bursts] == [[161], [165], [169]]


def test_reads_may_be_early_by_the_tolerance(ideal, beats):
    """They are due at 0, 4, 8 and 12; the second goes at 1, the next ones 3 ns early, at 5 and 9; 161 to the data."""
    master = ideal(read_interval=4000, read_tolerance=3000)
    bursts = [master.read(0, 16 * n, 1, width=16) for n in range(4)]
    master.run()
    assert [beats(burst) for burst in bursts] == [[161], [162], [166], [170]]


def test_a_late_read_moves_those_behind_it(ideal, beats):
    """Due at 0 and 4, the second comes at 20 only: the third is due at 24, goes at 21, as early as it may."""
    master = ideal(read_interval=4000, read_tolerance=3000)
    bursts = [master.read(at, 16 * n, 1, width=16) for n, at in enumerate((0, 20, 20))]
    master.run()
    assert [beats(burst) for burst in bursts] == [[161], [181], [182]]


@pytest.mark.parametrize(("fifo", "full"), [(16, True), (33, True), (1000, False)])
def test_the_read_fifo_never_overflows(build, parts, fifo, full):
    """The port takes 16 bytes every 10 ns, the controller could send them at 8.53 GB/s. The last of K beats is sent
    when the beat `fifo` before it is in the PL, not sooner; with room for all in flight nobody waits. None is lost.
    """
    master = board(build, parts, (Ddr4, Ddr4Params(ports=5)), hz=10**8, read_fifo=fifo)
    path = master.sim.components["ps"].sockets["path3"]
    send, sent = path.nb_transport, []

    def spy(part, at):
        take = part.take

        def taken(clock, first, beats, length):
            last = take(clock, first, beats, length)
            sent.append((beats, clock.edge(first + beats - 1), clock.edge(last)))
            return last

        part.take = taken
        send(part, at)

    path.nb_transport = spy
    bursts = [master.read(0, 1024 * n, 64, width=16) for n in range(8)]
    master.run()
    drained = [first + 10_000 * n for b in bursts for first, _, beats in b.runs for n in range(beats)]
    assert len(drained) == sum(beats for beats, _, _ in sent) == 8 * 64
    count, waits = 0, 0
    for beats, ready, last in sent:
        count += beats
        assert last >= ready
        if count > fifo:
            assert last >= drained[count - 1 - fifo]
        waits += last > ready
    assert (waits > 0) is full


def test_reads_are_in_flight_until_the_pl_has_them(build, parts):
    """A beat goes to the PL every 100 ns, a burst to the memory too. With two of 16 beats in flight the third is sent
    when the first is through, though the memory has sent that long before.
    """
    master = board(build, parts, (IdealMemory, IdealMemoryParams(size=1 << 24, ports=5)), hz=10**7, reads=2)
    path = master.sim.components["ps"].sockets["path3"]
    send, sent = path.nb_transport, []
    path.nb_transport = lambda part, at: (sent.append(at), send(part, at))
    bursts = [master.read(0, 256 * n, 16, width=16) for n in range(3)]
    master.run()
    assert sent == [80_000, 180_000, bursts[0].response + 80_000]


@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("memory", ["ddr4", "ideal"])
def test_a_port_moves_no_more_than_its_width(build, parts, width, memory):
    """At 100 MHz width / 80 GB/s each way, whatever the width of what is behind it."""
    memories = {
        "ddr4": (Ddr4, Ddr4Params(ports=5)),
        "ideal": (IdealMemory, IdealMemoryParams(size=1 << 24, ports=5)),
    }
    for way in ("read", "write"):
        master = board(build, parts, memories[memory], hz=10**8, width=width)
        for n in range(16):
            getattr(master, way)(0, 1024 * n, 64, width=16)
        master.run()
        bursts = [payload for _, _, payload in master.plan]
        cycles = (bursts[-1].runs[-1][1] - bursts[0].runs[0][0]) / 10_000
        assert cycles >= (16 * 64 - 1) * 128 / width, way


@pytest.mark.parametrize("address", [0, 1 << 32])
@pytest.mark.parametrize("memory", ["ddr4", "ideal"])
def test_the_write_fifo_is_emptied(build, parts, memory, address):
    """20 bursts of 16 beats through a FIFO of 32, whatever memory is behind it and whether it has the address."""
    memories = {
        "ddr4": (Ddr4, Ddr4Params(ports=5)),
        "ideal": (IdealMemory, IdealMemoryParams(size=1 << 24, ports=5)),
    }
    master = board(build, parts, memories[memory], write_fifo=32)
    bursts = [master.write(0, address + 256 * n, 16, width=16) for n in range(20)]
    master.run()
    assert {b.status for b in bursts} == {ResponseStatus.ADDRESS_ERROR if address else ResponseStatus.OK}
    assert master.sim.components["ps"].occupancy() == []


def test_a_full_write_fifo_stops_the_pl(build, parts, beats):
    """Two bursts of 16 beats fill it until 31. The first is sent at 16, at the controller at 68 and taken there, a
    beat a cycle of 533.25 MHz, from 37 (the edge at 69.4) to 52 (97.5): then the third comes.
    """
    master = board(build, parts, (Ddr4, Ddr4Params(ports=5)), write_fifo=32)
    bursts = [master.write(0, 256 * n, 16, width=16) for n in range(3)]
    master.run()
    edge = master.sim.components["memory"].memory_clock.edge
    assert [beats(b)[0] for b in bursts] == [0, 16, -(-edge(37 + 15) // 1000)]


def test_writes_keep_the_pace_of_the_port(ideal):
    """Five bursts of 16 parts of 16 beats: the last part of each is sent when its data are there, at 256, 512, ...;
    52 there, 16 in the memory, 52 back.
    """
    master = ideal()
    bursts = [master.write(0, 4096 * n, 256, width=16) for n in range(5)]
    master.run()
    assert [b.response for b in bursts] == [1000 * (256 * n + 52 + 16 + 52) for n in range(1, 6)]


def test_who_writes_hears_of_data_before_they_move(build, parts):
    """Else an interconnect could not let the next burst follow. The third comes when the first leaves the FIFO, long
    before that is answered; quantum 0: every action is an event, nothing is known ahead of it.
    """
    master = board(build, parts, (Ddr4, Ddr4Params(ports=5)), write_fifo=32)
    master.sim.quantum.quantum = 0
    lead = []
    for n in range(6):
        burst = master.write(0, 256 * n, 16, width=16)
        burst.watcher = lambda payload: lead.append(payload.runs[-1][0] - master.env.now)
    master.run()
    assert len(lead) == 6
    assert min(lead) >= 0


def test_a_burst_sent_for_another_comes_behind_it(ideal, beats):
    """The first write is heard of while it is taken in, and answered by a second. Each is sent with its last beat, at
    4 and at 8, 52 there, 4 in the memory, 52 back.
    """
    master = ideal()
    first = master.write(0, 0, 4, width=16)
    second = GenericPayload(Command.WRITE, 64, 4, 16, first.initiator)
    first.watcher = lambda _: master.out[0].nb_transport(second, 0)
    master.run()
    assert (beats(first), beats(second)) == ([0, 1, 2, 3], [4, 5, 6, 7])
    assert (first.response, second.response) == (112_000, 116_000)


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
    with pytest.raises(ValueError, match="write_fifo must hold a burst of 16 beats, not 8"):
        PsPortsParams(write_fifo=8)
