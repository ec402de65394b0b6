"""DDR4-2133 behind its controller. Sums are cycles of the controller, 533.25 MHz; a request at 0 is seen at
cycle 8 (front); data take CL 8, 2 of the burst and 10 of the data path, then 16 bytes a cycle.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.ddr4 import Ddr4, Ddr4Params
from components.dram_timing import load_device, presets
from tlm.payload import Command, ResponseStatus
from tlm.units import Clock

CYCLE = Clock("ddr", 533_250_000)
FRONT, DATA = 8, 8 + 2 + 10
ROW = 128 * 1024  # bytes from a row of a bank to its next: all 16 banks are between


def ps(cycle):
    return CYCLE.edge(cycle)


def at_ns(cycle):
    """A time of the bench (whole ns) that the controller sees at or just before a cycle."""
    return ps(cycle) // 1000


@pytest.fixture
def ddr(bench):
    return bench(Ddr4, Ddr4Params(ports=2))


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
    """16 bytes a cycle from 0: 64 bytes are there at 4, in the store at 4 + 8."""
    burst = ddr.write(0, 0, 4, width=16)
    ddr.run()
    assert burst.runs == [(0, ps(3), 4)]
    assert burst.response == ps(12)


def test_write_to_read(ddr):
    """The write goes at 12 + 8 = 20; a read of its row that comes at 20 goes 14 later, its data 20 later."""
    ddr.write(0, 0, 4, width=16)
    read = ddr.read(at_ns(20 - FRONT + 1), 64, 4, port=1, width=16)
    ddr.run()
    assert read.runs[0][0] == ps(20 + 14 + DATA)


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


BURST = st.tuples(
    st.sampled_from(["read", "write"]),
    st.integers(0, 3000),  # ns
    st.integers(0, 255),  # of 64 places of 16 bytes in each of 4 rows of a bank
    st.integers(1, 16),
    st.integers(0, 1),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(BURST, max_size=60), policy=st.sampled_from(["fr-fcfs", "fcfs"]))
def test_nothing_is_lost_under_any_arbitration(bench, plan, policy):
    """Every burst ends once and well, with all its beats; bytes by command are those asked for."""
    master = bench(Ddr4, Ddr4Params(ports=2, policy=policy))
    bursts = [
        getattr(master, command)(at, place // 64 * ROW + place % 64 * 16, beats, port=port, width=16)
        for command, at, place, beats, port in plan
    ]
    ends = []
    for burst in bursts:
        burst.listener = ends.append
    master.run()
    assert sorted(map(id, ends)) == sorted(map(id, bursts))
    for (_, at, *_), burst in zip(plan, bursts, strict=True):
        assert burst.status is ResponseStatus.OK
        assert sum(n for _, _, n in burst.runs) == burst.beats
        assert at * 1000 <= burst.runs[0][0] <= burst.runs[-1][1] <= burst.response
    for command in Command:
        asked = sum(burst.length for burst in bursts if burst.command is command)
        assert master.trace.counters[f"memory.{command.value}_bytes"] == asked
    scheduler = master.sim.components["memory"].schedulers[0]
    assert (scheduler.reading, scheduler.writing, scheduler.reads, scheduler.writes) == (0, 0, {}, {})


def test_in_order_is_slower_where_rows_alternate(bench):
    """Alternate rows of a bank: in order of arrival each read pays tRC or more, first-ready two rows in all."""
    ends = {}
    for policy in ("fr-fcfs", "fcfs"):
        master = bench(Ddr4, Ddr4Params(ports=2, policy=policy))
        bursts = [master.read(0, n % 2 * ROW + n // 2 * 64, 4, width=16) for n in range(8)]
        master.run()
        ends[policy] = max(burst.response for burst in bursts)
    assert ends["fcfs"] > ps(8 + 7 * 26)
    assert ends["fr-fcfs"] < ps(8 + 3 * 26)


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
        ValueError, match=r"device must be one of .*not 'ddr4-2134' \(did you mean ddr4-2133\?\)"
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
