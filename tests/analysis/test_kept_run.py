"""A kept run: what comes back is what went in, what views ask of it adds up, what is broken is refused."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from analysis.bins import extremes, spread
from analysis.kept_run import COLUMNS, FILES, KeptRun, edges, save
from analysis.levels import binned, tracks
from analysis.page.page import kept_files
from analysis.report import report
from analysis.simulate import Result, Workload, simulate
from analysis.trace_file import from_bytes, to_bytes
from tlm.errors import InputError
from tlm.gauge import Gauge
from tlm.platform import load_platform
from tlm.trace import CallRecord, PortActivity, Trace
from tlm.units import Clock
from workloads.lowering import workload

PLATFORMS = Path(__file__).parents[2] / "platforms"
SMALL = {"d_model": 64, "layers": 2, "image_size": 64, "classes": 10}


@cache
def result(platform: str = "zcu102", batch: int = 1) -> Result:
    work = Workload.of(workload(SMALL), None, batch)
    return simulate(str(PLATFORMS / f"{platform}.yaml"), work, gauges=True)


@cache
def run(platform: str = "zcu102", batch: int = 1) -> KeptRun:
    done = result(platform, batch)
    return KeptRun.of(done, report(done, gauges=False), command="tlm run it")


@pytest.fixture
def kept(tmp_path):
    folder = tmp_path / "kept"
    save(result(), run().report, str(folder), command="tlm run it")
    return folder


@pytest.mark.parametrize("platform", ["zcu102", "zcu102-rtl", "rtx3090-quant"])
def test_what_is_loaded_is_what_was_saved(platform, tmp_path):
    """Written again, the loaded run gives the same bytes: nothing was lost, and nothing depends on the time."""
    save(result(platform), run(platform).report, str(tmp_path), command="tlm run it")
    back = KeptRun.load(str(tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(FILES)
    assert back.files() == run(platform).files()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == back.files()
    assert back.elapsed == result(platform).run.elapsed
    assert back.platform.resolved() == result(platform).platform.resolved()
    assert back.platform.name == platform
    assert back.workload.program == result(platform).workload.program


def test_records_stay_shared(kept):
    """Calls that were replayed have one record, in the file and after it."""
    spans = KeptRun.load(str(kept)).spans
    before = run().spans
    assert len({id(s.record) for s in spans}) == len({id(s.record) for s in before}) < len(spans)
    for a, b in zip(spans, before, strict=True):
        assert (a.track, a.name, a.kind, a.start, a.end) == (b.track, b.name, b.kind, b.start, b.end)
        assert (a.record.cycles, a.record.compute, a.record.counts) == (
            b.record.cycles, b.record.compute, b.record.counts,
        )  # fmt: skip
        for p, q in zip(a.record.ports, b.record.ports, strict=True):
            assert np.array_equal(p.bursts, q.bursts)
            assert (p.port, p.command, p.beats, p.bytes, p.wait) == (
                q.port,
                q.command,
                q.beats,
                q.bytes,
                q.wait,
            )
        assert a.record.gauges == b.record.gauges
        for g, h in zip(a.record.gauges, b.record.gauges, strict=True):
            assert np.array_equal(g.levels, h.levels)


def test_the_kept_platform_runs_the_same(kept):
    again = simulate(load_platform(str(kept / "platform.yaml")), result().workload)
    assert again.run.elapsed == result().run.elapsed


def test_provenance_names_command_versions_and_files(kept):
    made = json.loads((kept / "provenance.json").read_text())
    assert made["command"] == "tlm run it"
    assert made["versions"].keys() >= {"python", "simpy", "numpy"}
    assert [Path(file).name for file in made["platform"]["files"]] == ["zcu102.yaml"]
    assert made["platform"]["origins"]["components.linear.tile"].rpartition(":")[0].endswith("zcu102.yaml")
    assert made["platform"]["origins"]["components.linear.fifo"] == "default, LinearParams"


def test_calls_are_the_reports_calls():
    table = run().calls()
    assert tuple(table) == COLUMNS
    for engine, of in run().report["engines"].items():
        rows = [i for i, e in enumerate(table["engine"]) if e == engine]
        assert len(rows) == of["calls"]
        assert sum(table["cycles"][i] for i in rows) == of["busy_cycles"]
    assert sum(table["read_bytes"]) == run().report["traffic"]["read_bytes"]
    assert set(table["layer"]) == {None, 0, 1}


@pytest.mark.parametrize("bins", [1, 7, 1000])
@pytest.mark.parametrize("platform", ["zcu102", "zcu102-rtl", "rtx3090-quant"])
def test_bins_add_up_to_the_bytes(platform, bins):
    """However fine the bins, in all they hold what the report says was read and written."""
    told = run(platform).report["traffic"]["memories"]
    traffic = run(platform).traffic(bins)
    for memory, moved in traffic.reads.items():
        assert moved.sum() == pytest.approx(told[memory]["read_bytes"], rel=1e-12)
        assert traffic.writes[memory].sum() == pytest.approx(told[memory]["write_bytes"], rel=1e-12)


def test_windows_add_up_to_the_whole():
    """What crosses a port in three windows that follow each other is what crosses it in all."""
    end = run().elapsed
    cuts = [0, end // 3, end // 2, end]
    parts = [run().traffic(10, a, b).ports for a, b in pairwise(cuts)]
    for port, moved in run().traffic(1).ports.items():
        assert sum(part[port].sum() for part in parts) == pytest.approx(moved.sum(), rel=1e-9)


def test_spread_by_hand():
    """100 from 5 to 15 and 8 from 12 to 13 over bins of 10: half of the 100 each, the 8 in the second."""
    start, end, amount = np.array([5, 12]), np.array([15, 13]), np.array([100, 8])
    assert spread(start, end, amount, np.array([0, 10, 20])).tolist() == [50, 58]
    assert spread(start, end, amount, np.array([10, 12, 14])).tolist() == [20, 28]


def test_bursts_lie_in_their_calls():
    for port in run().ports:
        bursts = run().bursts(port)
        assert (bursts.asked <= bursts.start).all() or bursts.command == "write"
        assert (bursts.start < bursts.end).all()
        spans = [s for s in run().spans if s.track == port.partition(".")[0]]
        assert bursts.start.min() >= spans[0].start
        assert bursts.end.max() <= spans[-1].end


def test_burst_times_by_hand():
    """At 350 MHz a call that starts at cycle 7: beats of cycles 3 to 4 after it last from edge 10 to edge 12."""
    clock = Clock("fabric", 350_000_000)
    trace = Trace()
    port = PortActivity("linear.in_r", "read", 2, 64, np.array([[1, 3, 4, 2]]), 0)
    trace.span("linear", "head", "Linear", clock.edge(7), clock.edge(20), CallRecord(13, 0, (port,), {}))
    kept = KeptRun(run().report, run().platform, trace, clock.edge(30))
    bursts = kept.bursts("linear.in_r")
    times = [int(column[0]) for column in (bursts.asked, bursts.start, bursts.end, bursts.bytes)]
    assert times == [clock.edge(8), clock.edge(10), clock.edge(12), 64]


def test_level_times_by_hand():
    """A call of four cycles from cycle 7: one item in its second, two in its third; nothing before and after."""
    clock = Clock("fabric", 350_000_000)
    trace = Trace()
    gauge = Gauge.of("linear.fifo", 2, [8, 9], [10, 10], 7, 11)
    record = CallRecord(4, 0, (), {}, {}, (gauge,))
    for first in (7, 20):
        trace.span("linear", "head", "Linear", clock.edge(first), clock.edge(first + 4), record)
    kept = KeptRun(run().report, run().platform, trace, clock.edge(30))
    assert kept.fifos == {"linear.fifo": 2}
    levels = kept.levels("linear.fifo")
    assert levels.start.tolist() == [clock.edge(n) for n in (7, 8, 9, 10, 20, 21, 22, 23)]
    assert levels.end.tolist() == [clock.edge(n) for n in (8, 9, 10, 11, 21, 22, 23, 24)]
    assert levels.low.tolist() == levels.mean.tolist() == levels.high.tolist() == [0, 1, 2, 0] * 2
    inside = kept.levels("linear.fifo", clock.edge(9), clock.edge(21))
    assert inside.start.tolist() == [clock.edge(n) for n in (9, 10, 20)]
    (track,), width = tracks(kept, (clock.edge(9), clock.edge(21)))
    assert (track.times.tolist(), width) == ([clock.edge(n) for n in (9, 10, 11, 20, 21)], 0)
    assert track.high.tolist() == [2, 0, 0, 0]
    assert track.average == 2 * (clock.edge(10) - clock.edge(9)) / (clock.edge(21) - clock.edge(9))


def test_extremes_by_hand():
    """From 5 to 15 between 2 and 4, from 15 to 18 between 1 and 9, nothing before, between 18 and 22, and after."""
    parts = [np.array(column) for column in ([5, 15, 22], [15, 18, 30], [2, 1, 3], [4, 9, 3])]

    def binned(*edges):
        return [found.tolist() for found in extremes(*parts, np.array(edges))]

    assert binned(0, 10, 20, 30, 40) == [[0, 0, 0, 0], [4, 9, 3, 0]]
    assert binned(5, 15, 18, 22) == [[2, 1, 0], [4, 9, 0]]
    assert binned(6, 8, 10) == [[2, 2], [4, 4]]
    none = np.empty(0, dtype=np.int64)
    assert [f.tolist() for f in extremes(none, none, none, none, np.array([0, 1, 2]))] == [[0, 0], [0, 0]]


@pytest.mark.parametrize("bins", [1, 30, 5000])
def test_bins_keep_peaks_and_means(bins):
    """However fine the bins: the highest of all is the highest peak, the mean that of all calls."""
    for track in binned(run(), (0, run().elapsed), bins):
        calls = [(s, g) for s in run().spans for g in s.record.gauges if g.name == track.name]
        assert track.peak == max(g.peak for _, g in calls)
        held = sum(g.mean * (s.end - s.start) for s, g in calls)
        assert track.average == pytest.approx(held / run().elapsed, rel=1e-4)
        assert (track.low <= track.mean + 1e-9).all()
        assert (track.mean <= track.high + 1e-9).all()


@pytest.mark.parametrize("hz", [350_000_000, 333_333_333, 1])
def test_many_edges_at_once(hz):
    cycles = np.array([0, 1, 2, 1_234_567])
    assert edges(Clock("c", hz), cycles).tolist() == [Clock("c", hz).edge(int(n)) for n in cycles]


def test_layers_follow_each_other():
    """Layer 1 starts where layer 0 ends, with its norm; the class token comes behind the last."""
    layers = run().layers
    starts = {s.name: s.start for s in run().spans}
    assert list(layers) == [0, 1]
    assert layers[0] == (starts["layers.0.norm"], starts["layers.1.norm"])
    assert layers[1] == (starts["layers.1.norm"], starts["load_cls"])
    assert run(batch=2).layers[0][1] < run(batch=2).elapsed / 2


def test_busy_time_is_the_reports():
    """Intervals of an engine last as long as its busy cycles."""
    clock = run().platform.clocks["fabric"]
    for engine in run().engines:
        lasted = sum(end - start for start, end in run().busy(engine))
        assert clock.cycles(lasted) == run().report["engines"][engine]["busy_cycles"]
    start, end = run().busy("ssm")[0]
    assert run().busy("ssm", start + 5, end - 5) == [(start + 5, end - 5)]


def test_ports_lead_to_the_memory():
    assert {run().memory_of(port) for port in run().ports} == {"ddr"}
    assert run("rtx3090-quant").hosts == ("launcher",)


def refused(folder) -> list[str]:
    with pytest.raises(InputError) as caught:
        KeptRun.load(str(folder))
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_no_folder(tmp_path):
    assert refused(tmp_path / "none") == [f"{tmp_path}/none: must be a folder that `tlm run --out` has kept"]


def test_everything_broken_is_told_at_once(kept):
    """A missing file, half a report, half a trace, and a platform with a wrong key."""
    (kept / "provenance.json").unlink()
    (kept / "report.json").write_text((kept / "report.json").read_text()[:500])
    trace = (kept / "trace.npz").read_bytes()
    (kept / "trace.npz").write_bytes(trace[: len(trace) // 2])
    text = (kept / "platform.yaml").read_text()
    (kept / "platform.yaml").write_text(text.replace("tile:", "tyle:"))
    errors = refused(kept)
    assert [error.split(":")[0] for error in errors] == [
        "report.json", "provenance.json", "trace.npz", "platform.yaml",
    ]  # fmt: skip
    assert "must be a whole JSON object" in errors[0]
    assert "No such file" in errors[1]
    assert "must be a whole trace file" in errors[2]
    assert "did you mean tile?" in errors[3]


def test_foreign_files(kept):
    (kept / "report.json").write_text('{"model": "tiny"}')
    np.savez(kept / "trace.npz", anything=np.arange(3))
    errors = refused(kept)
    assert errors[0] == (
        "report.json: must be that of a kept run, but has no resolution, batch, platform, sizes, latency_ms"
    )
    assert errors[1] == "trace.npz: must be a trace, but has no column format"


def test_half_of_the_levels(kept):
    with np.load(kept / "trace.npz") as archive:
        columns = dict(archive)
    whole = len(columns["levels"])
    np.savez(kept / "trace.npz", **(columns | {"levels": columns["levels"][:7]}))
    assert refused(kept) == [f"trace.npz: must have {whole} levels of FIFOs, not 7"]


def test_files_of_two_runs(kept):
    (kept / "trace.npz").write_bytes(run("rtx3090-quant").files()["trace.npz"])
    assert refused(kept) == ["trace.npz: must be of the platform beside it, which has no gpu, launcher"]


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_any_cut_of_a_trace_is_refused(cut, kept):
    content = (kept / "trace.npz").read_bytes()[:cut]
    (kept / "trace.npz").write_bytes(content)
    (error,) = refused(kept)
    assert error.startswith("trace.npz: must be a")


def test_spans_without_records_come_back():
    trace = Trace()
    trace.span("host", "set-up", "Setup", 0, 10, None, registers=17)
    trace.count("host.calls", 3)
    back, elapsed = from_bytes(to_bytes(trace, 12))
    assert (back.spans, back.counters, elapsed) == (trace.spans, trace.counters, 12)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must be a folder to write to"):
        save(result(), run().report, str(tmp_path / "file" / "x"))


def test_files_of_tiny_are_small():
    """20 MB are the most that a run of tiny at 224 may leave."""
    done = simulate(str(PLATFORMS / "zcu102-rtl.yaml"), Workload.of(workload("tiny")), gauges=True)
    sizes = [len(content) for content in kept_files(KeptRun.of(done, report(done))).values()]
    assert sum(sizes) < 20e6
