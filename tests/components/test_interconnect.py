"""The interconnect: 5 cycles each way, a port of 128 bit. Cycles of 1 ns; the memory behind answers at once."""

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.axi import PAGE
from components.ddr4 import Ddr4, Ddr4Params
from components.ideal_memory import IdealMemory, IdealMemoryParams
from components.interconnect import Interconnect, InterconnectParams
from components.ps_ports import PsPorts, PsPortsParams
from tlm.payload import Command, ResponseStatus

SIZE = 1 << 20
EXAMPLES = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def net(build, parts):
    """`net(inputs=2, ..., rlat=...)`: a master with a port at each input."""

    def master(inputs=2, rlat=0, **params):
        simulation = build(
            {
                "master": (parts["Master"], parts["MasterParams"](ports=inputs)),
                "net": (
                    Interconnect,
                    InterconnectParams(**{"inputs": inputs, "width": 128, "latency": 5} | params),
                ),
                "memory": (IdealMemory, IdealMemoryParams(size=SIZE, rlat=rlat)),
            },
            [*((f"master.out{i}", f"net.in{i}") for i in range(inputs)), ("net.out", "memory.port0")],
        )
        return simulation.components["master"]

    return master


@pytest.fixture
def master(net):
    return net()


def test_a_read_of_the_same_width(master, beats):
    """Address 5 cycles there, first beat 1 later, 5 cycles back: 11; a beat a cycle."""
    burst = master.read(0, 0, 4, width=16)
    master.run()
    assert beats(burst) == [11, 12, 13, 14]
    assert burst.response == 14_000


def test_a_wide_read_takes_two_cycles_a_word(master, beats):
    """256 bits through 128: eight halves from 11 on, a word is there with its second."""
    burst = master.read(0, 0, 4)
    master.run()
    assert beats(burst) == [12, 14, 16, 18]


def test_a_narrow_read_keeps_its_words(master, beats):
    """64 bits through 128: a word a cycle."""
    burst = master.read(0, 0, 4, width=8)
    master.run()
    assert beats(burst) == [11, 12, 13, 14]


def test_two_reads_share_the_data_channel(master, beats):
    """The first's halves hold it until 18; the second's come at 19 to 22."""
    _, second = master.read(0, 0, 4), master.read(0, 0, 2, port=1)
    master.run()
    assert beats(second) == [20, 22]


def test_a_write(master, beats):
    """Taken at 0, 2, 4, 6; its halves at the memory from 5 to 12, answered at 13, the answer 5 back: 18."""
    burst = master.write(0, 0, 4)
    master.run()
    assert beats(burst) == [0, 2, 4, 6]
    assert burst.response == 18_000


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
    assert beats(read) == [12, 14, 16, 18]


def test_an_address_a_cycle(master):
    """Two masters ask at once: the second is heard a cycle later, and its beat comes a cycle later."""
    first, second = master.read(0, 0, 1, width=16), master.read(0, 64, 1, port=1, width=16)
    master.run()
    assert (first.response, second.response) == (11_000, 12_000)


def test_outstanding_bursts(net):
    """One behind the port: the second goes when the first has been back for a cycle, at 12, and takes 11."""
    master = net(outstanding=1)
    first, second = master.read(0, 0, 1, width=16), master.read(0, 64, 1, port=1, width=16)
    master.run()
    assert (first.response, second.response) == (11_000, 12_000 + 11_000)


def test_turns_are_taken_burst_by_burst(net):
    """All ask at 0, the first master three times. One burst behind the port: the others go before its second."""
    master = net(inputs=3, outstanding=1)
    bursts = [master.read(0, 0, 4, port=port) for port in (0, 0, 0, 1, 2)]
    master.run()
    assert sorted(range(5), key=lambda i: bursts[i].response) == [0, 3, 4, 1, 2]


def test_the_turn_goes_on_from_the_last(net):
    """Master 1 is served at 0. At 2 both others ask: 2 is next after 1, then 0."""
    master = net(inputs=3, outstanding=1)
    master.write(0, 0, 4, port=1)
    zero, two = master.write(2, 0, 4, port=0), master.write(2, 0, 4, port=2)
    master.run()
    assert two.response < zero.response


def test_data_come_in_the_order_of_the_grants(build, parts):
    """A DRAM may end a later burst first: master 1's row is open at 100, master 0's is not. Data keep the order."""
    simulation = build(
        {
            "master": (parts["Master"], parts["MasterParams"](ports=2)),
            "net": (Interconnect, InterconnectParams(inputs=2, width=128, latency=5)),
            "memory": (Ddr4, Ddr4Params()),
        },
        [("master.out0", "net.in0"), ("master.out1", "net.in1"), ("net.out", "memory.port0")],
    )
    master = simulation.components["master"]
    row = 128 * 1024
    master.read(0, 0, 4, width=16)
    miss, hit = master.read(500, row, 4, width=16), master.read(500, 64, 4, port=1, width=16)
    master.run()
    assert miss.runs[-1][1] < hit.runs[0][0]


@pytest.mark.parametrize("address", [SIZE, 2 * SIZE])
@pytest.mark.parametrize("what", ["read", "write"])
def test_an_address_error_comes_back(master, what, address):
    bad = getattr(master, what)(0, address, 1)
    behind = getattr(master, what)(0, 0, 1, port=1)
    master.run()
    assert (bad.status, behind.status) == (ResponseStatus.ADDRESS_ERROR, ResponseStatus.OK)


@pytest.mark.parametrize(
    ("address", "beats", "status"),
    [
        (PAGE - 32, 1, ResponseStatus.OK),
        (0, 128, ResponseStatus.OK),
        (PAGE - 32, 2, ResponseStatus.BURST_ERROR),
        (32, 128, ResponseStatus.BURST_ERROR),
    ],
)
def test_no_burst_crosses_4_kib(master, address, beats, status):
    burst = master.read(0, address, beats)
    master.run()
    assert burst.status is status


def test_bytes_and_waits_are_counted(net):
    """128 bytes read by each; the second waits from 0 until the place is free, at 12 + 7 halves."""
    master = net(outstanding=1)
    master.read(0, 0, 4), master.read(0, 256, 4, port=1)
    master.run()
    counters = master.trace.counters
    assert (counters["net.read_bytes"], counters["net.read_bursts"]) == (256, 2)
    assert counters["net.read_wait_cycles"] == 19
    assert counters["net.write_bytes"] == 0


def test_what_is_held_is_told(build, parts):
    """For the report of a deadlock: one burst on its way to the DRAM, one waiting for its turn."""
    simulation = build(
        {
            "master": (parts["Master"], parts["MasterParams"](ports=2)),
            "net": (Interconnect, InterconnectParams(inputs=2, latency=5, outstanding=1)),
            "ps": (PsPorts, PsPortsParams()),
            "ddr": (Ddr4, Ddr4Params(ports=5)),
        },
        [
            *((f"master.out{i}", f"net.in{i}") for i in range(2)),
            ("net.out", "ps.hpc0"),
            *((f"ps.path{i + 1}", f"ddr.port{i}") for i in range(5)),
        ],
    )
    master = simulation.components["master"]
    for port in range(2):
        simulation.env.process(master._send(0, port, master.read(0, 0, 4, port=port)))
    simulation.env.run(until=100_000)
    told = {name: simulation.components[name].occupancy() for name in ("net", "ps", "ddr")}
    assert told == {
        "net": ["net: 1 read bursts waiting for their turn, 1 of 1 behind net.out"],
        "ps": ["ps.hpc0: 1 bursts under way"],
        "ddr": ["ddr: 1 bursts at its ports, 0 accesses in its stores"],
    }
    simulation.env.run()
    assert [simulation.components[name].occupancy() for name in ("net", "ps", "ddr")] == [[], [], []]


class Greedy:
    """A master at each input that always has `ahead` bursts under way; stops asking at a time."""

    def __init__(self, master, command, sizes, ahead, until):
        self.master, self.command, self.sizes, self.until = master, command, sizes, until
        self.granted = []  # (when its first beat moved, port, bytes)
        self.left = [ahead] * len(sizes)
        for port in range(len(sizes)):
            self.ask(port)

    def ask(self, port):
        env = self.master.env
        while self.left[port] and env.now < self.until:
            self.left[port] -= 1
            payload = self.master._plan(self.command, 0, 0, self.sizes[port], port, 32)
            payload.listener = partial(self.ended, port)
            self.master.out[port].nb_transport(payload, int(env.now))

    def ended(self, port, payload):
        self.granted.append((payload.runs[0][0], port, payload.length))
        wake = self.master.env.timeout(max(0, payload.response - int(self.master.env.now)))
        wake.callbacks.append(partial(self.again, port))

    def again(self, port, _):
        self.left[port] += 1
        self.ask(port)


@EXAMPLES
@given(
    command=st.sampled_from(list(Command)),
    masters=st.integers(2, 5),
    beats=st.integers(1, 16),
    outstanding=st.integers(1, 3),
    rlat=st.integers(0, 40),
)
def test_masters_that_always_ask_get_the_same(build, parts, command, masters, beats, outstanding, rlat):
    """At any time bytes served to each differ by at most one burst."""
    simulation = build(
        {
            "master": (parts["Master"], parts["MasterParams"](ports=masters)),
            "net": (
                Interconnect,
                InterconnectParams(inputs=masters, width=128, latency=5, outstanding=outstanding),
            ),
            "memory": (IdealMemory, IdealMemoryParams(size=SIZE, rlat=rlat, wlat=rlat)),
        },
        [*((f"master.out{i}", f"net.in{i}") for i in range(masters)), ("net.out", "memory.port0")],
    )
    # enough ahead that a master asks again before its turn comes
    greedy = Greedy(
        simulation.components["master"], command, [beats] * masters, 2 * outstanding + 2, 4_000_000
    )
    simulation.env.run()
    served = [0] * masters
    for _, port, length in sorted(greedy.granted):
        served[port] += length
        assert max(served) - min(served) <= beats * 32
    assert min(served) > 0
    assert sum(served) == simulation.trace.counters[f"net.{command.value}_bytes"]


BURST = st.tuples(
    st.sampled_from(["read", "write"]),
    st.integers(0, 400),  # cycle
    st.integers(0, 5),  # master
    st.integers(0, 255),  # page
    st.sampled_from([1, 2, 16, 64, 128]),
)


@EXAMPLES
@given(plan=st.lists(BURST, min_size=1, max_size=40), width=st.sampled_from([64, 128, 256]))
def test_nothing_is_lost_on_the_way_to_the_dram(build, parts, plan, width):
    """Six masters, two interconnects, HPC0 and HPC1, DDR4: every word moves once, in order, and every byte that
    was asked for is counted at each step; nothing is faster than the port."""
    masters = 6
    hop = InterconnectParams(inputs=3, width=width, latency=5, outstanding=4)
    simulation = build(
        {
            "master": (parts["Master"], parts["MasterParams"](ports=masters)),
            "net0": (Interconnect, hop),
            "net1": (Interconnect, hop),
            "ps": (PsPorts, PsPortsParams()),
            "ddr": (Ddr4, Ddr4Params(ports=5)),
        },
        [
            *((f"master.out{i}", f"net{i % 2}.in{i // 2}") for i in range(masters)),
            ("net0.out", "ps.hpc0"),
            ("net1.out", "ps.hpc1"),
            *((f"ps.path{i + 1}", f"ddr.port{i}") for i in range(5)),
        ],
    )
    master = simulation.components["master"]
    bursts = [
        getattr(master, what)(at, page * PAGE, beats, port=port) for what, at, port, page, beats in plan
    ]
    master.run()
    counters = simulation.trace.counters
    for what in ("read", "write"):
        of = [b for b in bursts if b.command.value == what]
        asked = sum(b.length for b in of)
        assert counters[f"ddr.{what}_bytes"] == asked
        assert counters[f"net0.{what}_bytes"] + counters[f"net1.{what}_bytes"] == asked
        assert counters[f"ps.hpc0.{what}_bytes"] + counters[f"ps.hpc1.{what}_bytes"] == asked
    for burst in bursts:
        assert burst.status is ResponseStatus.OK
        assert sum(n for _, _, n in burst.runs) == burst.beats
        times = [t for first, last, _ in burst.runs for t in (first, last)]
        assert times == sorted(times)
        assert (
            burst.runs[-1][1] - burst.runs[0][0] >= (burst.beats - 1) * max(1, 256 // min(width, 128)) * 1000
        )
        assert burst.response >= burst.runs[-1][1]
