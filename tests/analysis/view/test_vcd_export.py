"""A run as a value change dump, read back by a parser of others."""

from itertools import pairwise

import pytest

from analysis import levels
from analysis.exports import vcd as vcd_module
from analysis.exports.vcd import vcd
from analysis.kept_run import KeptRun

VCDVCD = pytest.importorskip("vcdvcd", reason="vcdvcd is not installed").VCDVCD


@pytest.fixture(scope="module")
def run(kept):
    return KeptRun.load(kept)


def read(text: str):
    return VCDVCD(vcd_string=text)


def texts(text: str, path: str) -> list[str]:
    """Values of a variable of text, an extension of GTKWave that the parser passes over."""
    scope, name = path.split(".")
    declared = text[text.index(f"$scope module {scope} $end") :]
    code = declared[declared.index("$var string") :].split(f" {name} $end")[0].split()[-1]
    return [
        line[1:].split()[0] for line in text.splitlines() if line.startswith("s") and line.split()[1] == code
    ]


def test_busy_time_and_calls_are_those_of_the_report(run):
    text = vcd(run)
    dump = read(text)
    for engine, told in run.report["engines"].items():
        changes = dump[f"{engine}.busy"].tv
        up = [t for t, value in changes if value == "1"]
        down = [t for t, value in changes if value == "0" and t]
        assert len(up) == len(down) == told["calls"]
        busy = sum(down) - sum(up)
        assert busy == pytest.approx(
            told["share"] * run.elapsed, abs=told["calls"]
        )  # each edge is rounded to a ps
        assert run.clock(engine).cycles(busy) == pytest.approx(told["busy_cycles"], abs=1)
        names = [s.name for s in run.spans if s.track == engine]
        assert [name for name in texts(text, f"{engine}.name") if name != "idle"] == names
        calls = [int(value, 2) for _, value in dump[f"{engine}.call"].tv if not value.startswith("1" * 32)]
        assert [run.trace.calls[i].name for i in calls] == names


@pytest.mark.parametrize("bursts", [40_000, 100])
def test_every_byte_of_a_port_is_counted(run, bursts):
    """Also where ports are sampled."""
    text = vcd(run, bursts=bursts)
    assert ("ports sampled every" in text) == (bursts == 100)
    dump = read(text)
    for engine, told in run.report["engines"].items():
        for name, port in told["ports"].items():
            nbytes = sum(p.bytes for s in run.spans for p in s.record.ports if p.port == f"{engine}.{name}")
            assert nbytes == port["beats"] * 32  # a bus word is 256 bit
            assert int(dump[f"{engine}.{name}.moved"].tv[-1][1], 2) == nbytes
            assert int(dump[f"{engine}.{name}.outstanding"].tv[-1][1], 2) == 0


def test_a_port_is_active_while_its_beats_move(run):
    """Bursts of one port follow each other, so that the time they are active is the sum of theirs."""
    dump = read(vcd(run))
    for port in run.ports:
        bursts = run.bursts(port)
        changes = dump[f"{port}.active"].tv
        active = sum(b - a for (a, v), (b, _) in pairwise(changes) if v == "1")
        assert active == int((bursts.end - bursts.start).sum())


@pytest.mark.parametrize("most", [10**6, 0])
def test_fifos_tell_what_the_gauges_told(run, monkeypatch, most):
    """Depths, peaks, and means over all calls of an engine: as kept, and in bins."""
    monkeypatch.setattr(levels, "MOST", most)
    text = vcd(run)
    assert ("FIFO levels: highest and mean over" in text) == (most == 0)
    dump = read(text)
    for name, capacity in run.fifos.items():
        engine, _, local = name.partition(".")
        scope = f"{engine}.{local.replace(' ', '_')}"
        gauges = [(s, g) for s in run.spans if s.track == engine for g in s.record.gauges if g.name == name]
        assert int(dump[f"{scope}.depth"].tv[0][1], 2) == capacity
        highest = [int(value, 2) for _, value in dump[f"{scope}.level"].tv]
        assert max(highest) == max(g.peak for _, g in gauges)
        assert highest[-1] == 0
        mean = [(t, float(value)) for t, value in dump[f"{scope}.mean"].tv]
        held = sum(level * (after - at) for (at, level), (after, _) in pairwise(mean))
        told = sum(g.mean * (s.end - s.start) for s, g in gauges)
        assert held == pytest.approx(told, rel=1e-4, abs=5e-5 * run.elapsed)  # a level has four decimals


def test_a_window_starts_and_ends_where_it_is_told(run):
    begin, end = run.layers[1]
    text = vcd(run, (begin, end))
    assert f"{begin / 1e9:.6f} ms to {end / 1e9:.6f} ms of {run.elapsed / 1e9:.6f} ms" in text
    stamps = [int(line[1:]) for line in text.splitlines() if line.startswith("#") and line[1:].isdigit()]
    assert (stamps[0], stamps[-1]) == (begin, end)
    assert stamps == sorted(stamps)


def test_a_long_run_is_cut_and_it_is_said(run, monkeypatch):
    monkeypatch.setattr(vcd_module, "CALLS", 10)
    text = vcd(run)
    assert "the first 10 of 52 calls" in text
    dump = read(text)
    assert sum(value == "1" for e in run.engines for _, value in dump[f"{e}.busy"].tv) == 10


def test_the_file_lies_in_the_folder_of_the_run(kept, run_tlm):
    assert run_tlm("trace", kept, "--format", "vcd").startswith(f"{kept}/trace.vcd: ")
