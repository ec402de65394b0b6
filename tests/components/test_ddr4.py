"""DDR4-2133 behind its controller. Sums are cycles of the controller, 533.25 MHz; a request at 0 is in the store at
cycle 8 (front); data take CL 8, 2 of the burst and 10 of the data path, then 16 bytes a cycle. Parameters that
bandwidth on the board calibrates are set here, so that the sums stay.
"""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.ddr4 import Ddr4, Ddr4Params
from components.dram_scheduler import FAR, READ, TURN, WRITE
from components.dram_timing import load_device, presets
from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.units import Clock

CYCLE = Clock("ddr", 533_250_000)
CALIBRATED = {
    "read_front": 8,
    "write_front": 8,
    "data_path": 10,
    "bursts": 64,
    "initiator_writes": 64,
    "write_buffer": 4096,
    "read_timeout": 1000,
    "store_timeout": 1000,
    "write_timeout": 1000,
    "starve": 64,
    "run": 8,
    "fewest_writes": 1,
    "idle_gap": 2,
    "row_hold": 0,
    "read_turn": 0,
    "read_credit": 0,
    "write_credit": 0,
}
FRONT, DATA = 8, 8 + 2 + 10
ROW = 128 * 1024  # bytes from a row of a bank to its next: all 16 banks are between


def ps(cycle):
    return CYCLE.edge(cycle)


def at_ns(cycle):
    """A time of the bench (whole ns) that the controller sees at or just before a cycle."""
    return ps(cycle) // 1000


@pytest.fixture
def controller(bench):
    """`controller(**parameters)`: a master at the ports of a DRAM."""

    def master(ports=2, **params):
        names = tuple(f"port{i}" for i in range(ports))
        return bench(Ddr4, Ddr4Params(ports=ports, **CALIBRATED | params), ports=names)

    return master


@pytest.fixture
def ddr(controller):
    return controller()


def scheduled(master, channel=0):
    """Lists that get (cycle, is a read, urgent) of what enters the store and (cycle, command) of what is done."""
    scheduler = master.sim.components["memory"].schedulers[channel]
    add, commit = scheduler.add, scheduler.commit
    entered, done = [], []

    def adds(is_read, bank, row, entry, now, deadline=FAR, since=None):
        entered.append((now, is_read, deadline <= now))
        add(is_read, bank, row, entry, now, deadline, since)

    def commits(at, command, bank, row):
        done.append((at, command))
        return commit(at, command, bank, row)

    scheduler.add, scheduler.commit = adds, commits
    return entered, done


def test_an_unloaded_read(ddr):
    """8 front + 8 tRCD, data 20 later at 36, 64 bytes in beats at 36, 37, 38, 39: 67.5 to 73.1 ns."""
    burst = ddr.read(0, 0, 4, width=16)
    ddr.run()
    assert burst.runs == [(ps(FRONT + 8 + DATA), ps(FRONT + 8 + DATA + 3), 4)]
    assert (burst.response, burst.status) == (ps(39), ResponseStatus.OK)


def test_a_row_hit(ddr):
    """The row is open: no tRCD. Asked at cycle 100, data at 100 + 8 + 20."""
    ddr.read(0, 0, 4, width=16)
    hit = ddr.read(at_ns(100), 64, 4, width=16)
    ddr.run()
    assert hit.runs[0][0] == ps(100 + FRONT + DATA)


def test_a_row_miss(ddr):
    """Another row is open: tRP 9 and tRCD 8 more than a hit."""
    ddr.read(0, 0, 4, width=16)
    miss = ddr.read(at_ns(100), ROW, 4, width=16)
    ddr.run()
    assert miss.runs[0][0] == ps(100 + FRONT + 9 + 8 + DATA)


def test_a_bank_conflict(ddr):
    """Both at once: activate 8, read 16, precharge 8 + tRAS 18 = 26, activate 35, read 43, data 63."""
    ddr.read(0, 0, 4, width=16)
    second = ddr.read(0, ROW, 4, port=1, width=16)
    ddr.run()
    assert second.runs[0][0] == ps(8 + 18 + 9 + 8 + DATA)


def test_no_conflict_between_banks(ddr):
    """The second bank's activate follows tRRD_S 2 later, its read tCCD_S 2 later: data at 38."""
    ddr.read(0, 0, 4, width=16)
    second = ddr.read(0, 8 * 1024, 4, port=1, width=16)
    ddr.run()
    assert second.runs[0][0] == ps(38)


def test_a_refresh_holds_a_read_up(ddr):
    """Seen when the refresh begins, at 4,160: 139 of tRFC, tRCD 8, data 20."""
    burst = ddr.read(at_ns(4160 - FRONT), 0, 4, width=16)
    ddr.run()
    assert burst.runs[0][0] == ps(4160 + 139 + 8 + DATA)


@pytest.mark.parametrize("at", [4400, 8000])
def test_a_refresh_while_nothing_waits_costs_nothing(ddr, at):
    """One was due at 4160 and is over at 4299, 260.6 ns later; a read at 4400 or 8000 is as an unloaded one."""
    burst = ddr.read(at_ns(at), 0, 4, width=16)
    ddr.run()
    assert burst.runs[0][0] == ps(at + FRONT + 8 + DATA)


def test_just_before_a_refresh(ddr):
    """Seen nine cycles earlier its read goes at 4,159, before the refresh."""
    burst = ddr.read(at_ns(4151 - FRONT), 0, 4, width=16)
    ddr.run()
    assert burst.runs[0][0] == ps(4151 + 8 + DATA)


def test_a_long_read_streams_a_page(ddr):
    """4 KiB, 64 accesses of one bank group at tCCD_L 3, but the port takes 4 cycles for 64 bytes."""
    burst = ddr.read(0, 0, 256, width=16)
    ddr.run()
    assert burst.runs == [(ps(36), ps(36 + 255), 256)]


def test_a_write_is_answered_from_the_store(ddr):
    """16 bytes a cycle from 0: the last of 64 are there at 3, in the store at 3 + 8."""
    burst = ddr.write(0, 0, 4, width=16)
    ddr.run()
    assert burst.runs == [(0, ps(3), 4)]
    assert burst.response == ps(3 + FRONT)


def test_write_data_are_taken_as_they_come(ddr):
    """Told first of the one that comes at 20, a port still begins at 0 with the other."""
    late, early = (GenericPayload(Command.WRITE, 64 * n, 4, 16, "w") for n in range(2))
    ddr.out[0].nb_transport(late, ps(20))
    ddr.out[0].nb_transport(early, ps(0))
    ddr.run()
    assert [early.runs, late.runs] == [[(0, ps(3), 4)], [(ps(20), ps(23), 4)]]


def test_write_bursts_follow_each_other(controller):
    """Data of three bursts of 2 beats: from 0, 2 and 4."""
    master = controller()
    bursts = [master.write(0, 32 * n, 2, width=16) for n in range(3)]
    master.run()
    assert [burst.runs for burst in bursts] == [[(ps(n * 2), ps(n * 2 + 1), 2)] for n in range(3)]


def test_write_to_read(ddr):
    """The write goes at 11 + 8 = 19; a read of its row that comes at 20 goes 14 behind it, its data 20 later."""
    ddr.write(0, 0, 4, width=16)
    read = ddr.read(at_ns(20 - FRONT), 64, 4, port=1, width=16)
    ddr.run()
    assert read.runs[0][0] == ps(3 + FRONT + 8 + 14 + DATA)


def test_small_writes_of_an_access_are_combined(ddr):
    """While a read of 4 KiB goes on, four writes of 16 bytes meet in the store: one access of the DRAM."""
    ddr.read(0, 0, 256, width=16)
    for n in range(4):
        ddr.write(10, ROW + 16 * n, 1, port=1, width=16)
    ddr.run()
    assert ddr.trace.counters["memory.write_bytes"] == 4 * 16
    assert ddr.trace.counters["memory.device_bytes"] == 4096 + 64


def test_an_address_outside(ddr):
    """4 GiB of DRAM."""
    inside, outside = ddr.read(0, (4 << 30) - 64, 4, width=16), ddr.read(0, (4 << 30) - 48, 4, width=16)
    ddr.run()
    assert (inside.status, outside.status) == (ResponseStatus.OK, ResponseStatus.ADDRESS_ERROR)


@pytest.mark.parametrize("stride", [ROW // 2, 8 * 1024, 4096 + 64])
def test_peak_bandwidth_is_never_exceeded(bench, stride):
    """17.064 GB/s, though three ports of 8.53 GB/s ask for all at once; apart from the banks they meet in."""
    master = bench(Ddr4, Ddr4Params(ports=3), ports=("port0", "port1", "port2"))
    bursts = [
        master.read(0, port * stride + 256 * n, 16, port=port, width=16)
        for port in range(3)
        for n in range(200)
    ]
    master.run()
    memory = master.sim.components["memory"]
    assert memory.peak_bandwidth == 17.064e9
    assert 3 * 200 * 256 / max(burst.response for burst in bursts) < 17.064e9 / 1e12
    assert master.trace.counters["memory.device_bytes"] == 3 * 200 * 256


def test_data_of_a_port_come_in_order(controller):
    """a2 hits the open row at 19, but asked for behind b1, whose data are there at 43 + 20: at 67 it follows them.
    Asked for by another port it is there at 19 + 20.
    """
    for port, data in ((0, 43 + DATA + 4), (1, 19 + DATA)):
        master = controller()
        a1 = master.read(0, 0, 4, width=16)
        b1 = master.read(0, ROW, 4, width=16)
        a2 = master.read(at_ns(2), 64, 4, port=port, width=16)
        master.run()
        assert [burst.runs[0][0] for burst in (a1, b1, a2)] == [ps(16 + DATA), ps(43 + DATA), ps(data)]


def test_one_read_a_cycle_at_the_arbiter(controller):
    """Three ports with two reads each, all at once: port by port in turn."""
    master = controller(ports=3)
    entered, _ = scheduled(master)
    for n in range(6):
        master.read(0, n * 8 * 1024, 4, port=n % 3, width=16)
    master.run()
    assert entered == [(FRONT + n, True, False) for n in range(6)]


def test_a_write_every_second_cycle_at_the_arbiter(controller):
    """Beside reads, that have a way of their own: 256 bits a cycle, two cycles for an access."""
    master = controller(ports=4)
    entered, _ = scheduled(master)
    for n in range(3):
        master.write(0, n * 8 * 1024, 1, port=n, width=16)
        master.read(0, n * 8 * 1024 + 64, 4, port=3, width=16)
    master.run()
    assert [at for at, is_read, _ in entered if is_read] == [FRONT, FRONT + 1, FRONT + 2]
    assert [at for at, is_read, _ in entered if not is_read] == [FRONT, FRONT + 2, FRONT + 4]


def test_reads_and_writes_have_a_front_each(controller):
    """From cycle 10 a read is 5 cycles on its way to the store, a beat of a write 2."""
    master = controller(read_front=5, write_front=2)
    entered, _ = scheduled(master)
    master.read(at_ns(10), 0, 1, width=16)
    master.write(at_ns(10), 8 * 1024, 1, width=16)
    master.run()
    assert entered == [(12, False, False), (15, True, False)]


def test_bursts_of_a_port_between_arbiter_and_data(controller):
    """One burst at a time: 128 bytes at 8 and 9, data at 36 to 43, then the next one's at 44 and 45."""
    master = controller(bursts=1)
    entered, _ = scheduled(master)
    for n in range(2):
        master.read(0, 128 * n, 8, width=16)
    master.run()
    assert [at for at, *_ in entered] == [8, 9, 44, 45]


def test_the_limit_of_reads_is_each_initiators_own(controller):
    """Two reads of one and one of another, whose turn is first by its name: its data at 36 to 39, the first one's at
    40 to 43. The second waits for that one, of the same initiator.
    """
    master = controller(bursts=1)
    entered, _ = scheduled(master)
    bursts = [master.read(0, 64 * n, 4, width=16) for n in range(3)]
    bursts[1].initiator = "another"
    master.run()
    assert [burst.response for burst in bursts[:2]] == [ps(43), ps(39)]
    assert [at for at, *_ in entered] == [8, 9, 43 + 1]


def test_initiators_take_turns(controller):
    """Three reads of one and one of another at one port, all there at once: data come in the order of their turns, a
    64 bytes every 4 cycles.
    """
    master = controller(ports=1)
    bursts = [master.read(0, 64 * n, 4, width=16) for n in range(4)]
    bursts[3].initiator = "zeta"
    master.run()
    assert [burst.runs[0][0] for burst in bursts] == [ps(36), ps(44), ps(48), ps(40)]


def test_a_read_is_as_old_as_at_its_port(controller):
    """Three rows of a bank. The first port's second read is at its port since 0 and comes in when the first one's
    data have gone, at 40; the other port's is there since 10 and comes in at 18. The row is held until 16 + 30. Then
    that of the one that came first is opened: precharge 46, activate 55, read 63; the other's 63 + 30, 102, 110.
    """
    master = controller(bursts=1, row_hold=30)
    entered, done = scheduled(master)
    for n in range(2):
        master.read(0, n * ROW, 4, width=16)
    other = master.read(at_ns(10), 2 * ROW, 4, port=1, width=16)
    master.run()
    assert [at for at, *_ in entered] == [8, 18, 40]
    assert [at for at, command in done if command == READ] == [16, 63, 110]
    assert other.runs[0][0] == ps(110 + DATA)


def test_a_burst_of_a_port_is_not_parted(controller):
    """Two bursts of 128 bytes, of two initiators: the second follows when both halves of the first have gone."""
    master = controller(ports=1)
    entered, _ = scheduled(master)
    bursts = [master.read(0, 128 * n, 8, width=16) for n in range(2)]
    bursts[1].initiator = "zeta"
    master.run()
    assert [at for at, *_ in entered] == [8, 9, 10, 11]
    assert [burst.runs for burst in bursts] == [[(ps(36), ps(43), 8)], [(ps(44), ps(51), 8)]]


def test_the_limit_of_writes_is_each_initiators_own(controller):
    """One entry each. Of one port's two writes the second has its data at 7, but goes when the first's entry is free:
    turn 3 + 8 + 2 (nothing is read), activate there, write 8 later, and 5 until the credit is back. The other port's
    goes when it is there.
    """
    master = controller(initiator_writes=1, write_credit=5)
    entered, done = scheduled(master)
    for n in range(2):
        master.write(0, 64 * n, 4, width=16)
    other = master.write(at_ns(10), 8 * 1024, 4, port=1, width=16)
    other.initiator = "another"
    master.run()
    first = next(at for at, command in done if command == WRITE)
    assert [at for at, *_ in entered] == [3 + FRONT, 13 + FRONT, first + 5]


def test_write_data_wait_for_room_at_their_port(controller):
    """Room for 64 bytes: beats at 0 to 3, in the store at 3 + 8, then the next four, in the store 3 + 8 later."""
    master = controller(write_buffer=64)
    bursts = [master.write(0, 64 * n, 4, width=16) for n in range(2)]
    master.run()
    assert [burst.runs for burst in bursts] == [[(ps(0), ps(3), 4)], [(ps(11), ps(14), 4)]]
    assert [burst.response for burst in bursts] == [ps(11), ps(22)]


def test_an_initiator_with_no_room_stops_its_port(controller):
    """Of five reads the first's last beat is taken at 200 only. Two are in the port's places: until 201 no other one
    comes into the store. The second's data follow at 201. The other port goes on.
    """
    master = controller(bursts=2)
    _, done = scheduled(master)
    bursts = [master.read(0, 64 * n, 4, width=16) for n in range(5)]
    other = master.read(at_ns(100), 8 * 1024, 4, port=1, width=16)
    bursts[0].take = lambda *_: 200
    master.run()
    assert bursts[0].runs == [(ps(16 + DATA), ps(200), 4)]
    assert bursts[1].runs == [(ps(201), ps(204), 4)]
    assert other.runs[0][0] == ps(100 + FRONT + 8 + DATA)
    reads = [at for at, command in done if command == READ]
    assert reads[:4] == [16, 19, 100 + FRONT + 8, 201]
    assert [sum(n for _, _, n in burst.runs) for burst in bursts] == [4] * 5


def test_an_initiator_with_room_stops_nothing(controller):
    """It takes each beat when it is there: the same times as with one that is not asked."""
    ends = []
    for take in (None, lambda _clock, first, beats, _length: first + beats - 1):
        master = controller()
        burst = master.read(0, 0, 256, width=16)
        burst.take = take
        master.run()
        ends.append(burst.response)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("timeout", [30, 50, 60, 1000])
@pytest.mark.parametrize(("limit", "since"), [("read_timeout", 30 - FRONT), ("store_timeout", 30)])
def test_an_old_read_ends_the_work_on_writes(controller, limit, since, timeout):
    """At its port at 22, in the store at 30. The turn is at its deadline, or when no write is left."""
    master = controller(**{limit: timeout}, starve=1000, writes=64)
    _, done = scheduled(master)
    for n in range(20):
        master.write(0, 64 * n, 1, width=16)
    master.read(at_ns(30 - FRONT), ROW, 1, port=1, width=16)
    master.run()
    turns = [at for at, command in done if command == TURN]
    last = [at for at, command in done if command == WRITE][-1]
    assert turns[1] == min(since + timeout, last)


@pytest.mark.parametrize("timeout", [40, 50, 1000])
def test_an_old_write_ends_the_work_on_reads(controller, timeout):
    """In the store at 10 + 8, among reads that are not critical. The turn is at its deadline, or `idle_gap` (2)
    behind the last read.
    """
    master = controller(write_timeout=timeout, starve=1000, reads=64)
    _, done = scheduled(master)
    for n in range(20):
        master.read(0, 64 * n, 4, width=16)
    master.write(at_ns(10), ROW, 1, port=1, width=16)
    master.run()
    turn = next(at for at, command in done if command == TURN)
    last = [at for at, command in done if command == READ][-1]
    assert turn == min(10 + FRONT + timeout, last + 2)


@pytest.mark.parametrize("send", ["read", "write"])
def test_ports_take_turns(controller, send):
    """The one entry is free again at 16. It is port 1's turn, though port 2 waits since 9 and port 1 since 15."""
    master = controller(ports=3, reads=1, writes=1)
    bursts = [
        getattr(master, send)(at_ns(came - FRONT), 64 * port, 1, port=port, width=16)
        for port, came in ((0, 8), (1, 15), (2, 9))
    ]
    master.run()
    assert sorted(range(3), key=lambda port: bursts[port].response) == [0, 1, 2]


def test_an_entry_is_used_again_when_its_credit_is_back(controller):
    """One entry: a read is commanded at 16, the next one comes into the store 5 later, and goes at once."""
    master = controller(reads=1, read_credit=5)
    entered, done = scheduled(master)
    for n in range(3):
        master.read(0, 64 * n, 4, width=16)
    master.run()
    assert [at for at, *_ in entered] == [8, 16 + 5, 16 + 10]
    assert [at for at, command in done if command == READ] == [16, 21, 26]


BURST = st.tuples(
    st.sampled_from(["read", "write"]),
    st.integers(0, 600),  # ns
    st.integers(0, 255),  # of 64 places of 16 bytes in each of 4 rows of a bank
    st.integers(1, 16),
    st.integers(0, 2),
    st.sampled_from([None, 0, 7, 300]),  # cycles that each beat waits to be taken, None for who does not say
)
SMALL = st.fixed_dictionaries(
    {
        "device": st.sampled_from(["ddr4-2133", "hbm2-2000"]),
        "policy": st.sampled_from(["fr-fcfs", "fcfs"]),
        "reads": st.integers(1, 6),
        "writes": st.integers(1, 6),
        "bursts": st.integers(1, 6),
        "initiator_writes": st.integers(1, 6),
        "write_buffer": st.integers(1, 400),
        "read_timeout": st.integers(0, 100),
        "store_timeout": st.integers(0, 100),
        "write_timeout": st.integers(0, 100),
        "starve": st.integers(0, 100),
        "run": st.integers(1, 10),
        "fewest_writes": st.integers(1, 10),
        "idle_gap": st.integers(0, 10),
        "row_hold": st.integers(0, 20),
        "read_turn": st.integers(0, 30),
        "read_credit": st.integers(0, 40),
        "write_credit": st.integers(0, 40),
    }
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(BURST, max_size=20) | st.lists(BURST, min_size=40, max_size=80), params=SMALL)
def test_nothing_is_lost_under_any_arbitration(controller, plan, params):
    """Every burst ends once and well, with all its beats; bytes by command are those asked for. A port's reads end in
    the order in which they came, and the stores hold no more than they have entries.
    """
    master = controller(ports=3, **params)
    memory = master.sim.components["memory"]
    logs = [scheduled(master, channel) for channel in range(len(memory.schedulers))]
    bursts, ends = [], []
    for command, at, place, beats, port, wait in plan:
        burst = getattr(master, command)(at, place // 64 * ROW + place % 64 * 16, beats, port=port, width=16)
        burst.listener = ends.append
        if wait is not None and command == "read":
            burst.take = lambda _clock, first, beats, _length, wait=wait: first + beats * (1 + wait) - 1
        bursts.append(burst)
    master.run()

    assert sorted(map(id, ends)) == sorted(map(id, bursts))
    for (_, at, *_), burst in zip(plan, bursts, strict=True):
        assert burst.status is ResponseStatus.OK
        assert sum(n for _, _, n in burst.runs) == burst.beats
        assert at * 1000 <= burst.runs[0][0] <= burst.runs[-1][1] <= burst.response
    for command in Command:
        asked = sum(burst.length for burst in bursts if burst.command is command)
        assert master.trace.counters[f"memory.{command.value}_bytes"] == asked

    for port in range(3):
        reads = [n for n, (command, *_, via, _) in enumerate(plan) if (command, via) == ("read", port)]
        came = sorted(reads, key=lambda n: plan[n][1])
        data = [(bursts[n].runs[0][0], bursts[n].response) for n in came]
        assert all(last < first for (_, last), (first, _) in pairwise(data))

    atoms = {command: [] for command in Command}
    for burst in bursts:
        first, last = (
            burst.address // memory.device.atom,
            (burst.address + burst.length - 1) // memory.device.atom,
        )
        atoms[burst.command] += range(first, last + 1)
    done = [command for _, commands in logs for _, command in commands]
    assert done.count(READ) == len(atoms[Command.READ])
    assert len(set(atoms[Command.WRITE])) <= done.count(WRITE) <= len(atoms[Command.WRITE])
    assert master.trace.counters["memory.device_bytes"] == memory.device.atom * (
        done.count(READ) + done.count(WRITE)
    )

    for scheduler, (entered, commands) in zip(memory.schedulers, logs, strict=True):
        for store in (scheduler.reads, scheduler.writes):
            assert (store.count, store.banks, store.deadlines) == (0, {}, [])
        for is_read, command, entries, credit in (
            (True, READ, params["reads"], params["read_credit"]),
            (False, WRITE, params["writes"], params["write_credit"]),
        ):
            uses = [at for at, read, _ in entered if read is is_read]
            again = [at + credit for at, what in commands if what == command]
            # the nth entry beyond the store's is used when the nth is free again
            assert all(at >= free for at, free in zip(uses[entries:], again, strict=False))
            assert len(uses) == len(again)


def test_in_order_is_slower_where_rows_alternate(controller):
    """Eight reads, alternately of two rows of a bank. In order of arrival each but the first pays tRAS and tRP:
    the last activates at 8 + 7 x 27. First-ready reads a row four times from 16 on, every 3 cycles, then the other:
    precharge at 25 + 4, activate 38, read 46. Data go out in order, all but the first behind those of that read.
    """
    ends = {}
    for policy in ("fr-fcfs", "fcfs"):
        master = controller(policy=policy)
        bursts = [master.read(0, n % 2 * ROW + n // 2 * 64, 4, width=16) for n in range(8)]
        master.run()
        ends[policy] = max(burst.response for burst in bursts)
    assert ends["fcfs"] == ps(FRONT + 7 * (18 + 9) + 8 + DATA + 3)
    assert ends["fr-fcfs"] == ps(46 + DATA + 7 * 4 - 1)


@pytest.mark.parametrize("device", presets())
def test_presets_swap(bench, device):
    """Every preset serves the same traffic, each in a time of its own and below its peak."""
    master = bench(Ddr4, Ddr4Params(device=device, ports=2))
    bursts = [master.read(0, 1024 * n, 64, width=16) for n in range(8)]
    master.run()
    memory = master.sim.components["memory"]
    end = max(burst.response for burst in bursts)
    assert all(burst.status is ResponseStatus.OK for burst in bursts)
    assert 8 * 1024 / end < memory.peak_bandwidth / 1e12
    assert device in memory.describe()


def test_peaks_of_the_presets():
    """Width times transfers: 17.064, 19.2, 12.8 and 256 GB/s."""
    peaks = {name: load_device(name).peak_bandwidth / 1e9 for name in presets()}
    assert peaks == {"ddr4-2133": 17.064, "ddr4-2400": 19.2, "lpddr4-3200": 12.8, "hbm2-2000": 256}


def test_an_unknown_preset():
    with pytest.raises(
        ValueError,
        match=r"device must be ddr4-2133, .* or lpddr4-3200, not 'ddr4-2134' \(did you mean ddr4-2133\?\)",
    ):
        Ddr4Params(device="ddr4-2134")


def test_running_ahead_changes_nothing(build, parts):
    """The same times whether every decision is an event or as much as possible goes without."""
    ends = []
    for quantum in (0, None):
        simulation = build(
            {"master": (parts["Master"], parts["MasterParams"]()), "memory": (Ddr4, Ddr4Params(ports=2))},
            [("master.out0", "memory.port0"), ("master.out1", "memory.port1")],
        )
        simulation.quantum.quantum = quantum
        master = simulation.components["master"]
        bursts = [
            (master.read if n % 3 else master.write)(7 * n, n % 4 * ROW + 64 * n, 8, port=n % 2, width=16)
            for n in range(60)
        ]
        master.run()
        ends.append([burst.response for burst in bursts])
    assert ends[0] == ends[1]
