"""A run as trace events: what Perfetto is given is what the report says."""

import json
from collections import Counter
from itertools import pairwise

import pytest

from analysis import levels
from analysis.exports import chrome_trace as chrome_trace_module
from analysis.exports.chrome_trace import chrome_trace
from analysis.kept_run import KeptRun
from analysis.power import power
from tlm.__main__ import main
from tlm.units import SECOND


@pytest.fixture(scope="module")
def run(kept):
    return KeptRun.load(kept)


@pytest.fixture(scope="module")
def trace(run):
    return json.loads(chrome_trace(run))


def pids(trace: dict) -> dict[str, int]:
    return {e["args"]["name"]: e["pid"] for e in trace["traceEvents"] if e["name"] == "process_name"}


def slices(trace: dict, process: str) -> dict[str, list[dict]]:
    """Slices of a process by the name of their track."""
    pid = pids(trace)[process]
    events = [e for e in trace["traceEvents"] if e["pid"] == pid]
    tracks = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    found: dict[str, list[dict]] = {name: [] for name in tracks.values()}
    for event in events:
        if event["ph"] == "X":
            found[tracks[event["tid"]]].append(event)
    return found


def counter(trace: dict, process: str, name: str, unit: str | None = None) -> list[tuple[float, float]]:
    """(s, value) of a counter."""
    pid = pids(trace)[process]
    events = [e for e in trace["traceEvents"] if e["ph"] == "C" and e["pid"] == pid and e["name"] == name]
    of_unit = [e for e in events if unit is None or unit in e["args"]]
    return [(e["ts"] * 1e-6, *e["args"].values()) for e in of_unit]


def integral(steps: list[tuple[float, float]], end: float) -> float:
    times = [t for t, _ in steps] + [end]
    return sum(value * (after - at) for (at, value), after in zip(steps, times[1:], strict=True))


def test_calls_and_busy_time_are_those_of_the_report(run, trace):
    engines = slices(trace, "engines")
    assert engines.keys() == run.report["engines"].keys()
    for engine, told in run.report["engines"].items():
        calls = engines[engine]
        assert len(calls) == told["calls"]
        assert sum(c["args"]["cycles"] for c in calls) == told["busy_cycles"]
        busy = sum(c["args"]["end_ps"] - c["args"]["start_ps"] for c in calls)
        assert busy == pytest.approx(
            told["share"] * run.elapsed, abs=len(calls)
        )  # each edge is rounded to a ps
        assert sum(c["dur"] for c in calls) == pytest.approx(busy / 1e6, abs=1e-3 * len(calls))  # ns
        told_waits = {f"{engine}.{n}": p["wait_cycles"] for n, p in told["ports"].items() if p["wait_cycles"]}
        waits: Counter[str] = Counter()
        for call in calls:
            waits.update(call["args"]["waits"])
        assert waits == told_waits


def test_what_is_left_is_the_host(run, trace):
    """Engines and the host share the time: together they are the whole run."""
    (host,) = slices(trace, "host").values()
    engines = [s for track in slices(trace, "engines").values() for s in track]
    assert sum(s["args"]["end_ps"] - s["args"]["start_ps"] for s in (*host, *engines)) == run.elapsed


def test_slices_of_a_track_follow_each_other(trace):
    for calls in slices(trace, "engines").values():
        ordered = sorted(calls, key=lambda c: c["ts"])
        for before, after in pairwise(ordered):
            assert round((before["ts"] + before["dur"]) * 1000) <= round(after["ts"] * 1000)


def test_flows_follow_every_activation(trace):
    """A layer's calls read 34 activations: the norm 1, two projections of it 2; conv 1, smooth 1, three
    projections of that 3, delta 1, scan 5 in both directions, 22; three flips 3, merge 2, smooth 1, out 1,
    add 2. The class token, the last norm and the head read one each."""
    events = trace["traceEvents"]
    starts = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    assert len(starts) == len(ends) == 2 * 34 + 3
    calls = [s for track in slices(trace, "engines").values() for s in track]

    def at(event: dict) -> str:
        (call,) = (
            c for c in calls if c["tid"] == event["tid"] and c["ts"] <= event["ts"] < c["ts"] + c["dur"]
        )
        return call["name"]

    pairs = Counter((at(starts[i]), at(ends[i])) for i in starts)
    assert pairs["layers.0.norm", "layers.0.in_proj_x"] == 1
    assert pairs["embed", "layers.0.norm"] == pairs["embed", "layers.0.add"] == 1
    assert pairs["layers.1.forward.scan", "layers.1.merge"] == 1
    assert pairs["norm_f", "head"] == 1
    for i, start in starts.items():
        assert start["name"] == ends[i]["name"]
        assert start["ts"] < ends[i]["ts"]


def test_bandwidth_adds_up_to_the_traffic(run, trace):
    told = run.report["traffic"]
    end = run.elapsed / SECOND
    for what in ("read", "write"):
        moved = integral(counter(trace, "ddr", f"{what} bandwidth"), end) * 1e9
        assert moved == pytest.approx(told[f"{what}_bytes"], rel=1e-3)  # rates have four decimals of a GB/s


def test_power_adds_up_to_the_energy(run, trace):
    found = power(run)
    assert found is not None
    assert found.joules(run.elapsed) == pytest.approx(run.report["energy_j"], rel=1e-12)
    shown = integral(counter(trace, run.name, "power"), run.elapsed / SECOND)
    assert shown == pytest.approx(run.report["energy_j"], rel=1e-4)


def test_ports_tell_what_the_report_tells(run, trace):
    for engine, told in run.report["engines"].items():
        tracks = slices(trace, f"ports of {engine}")
        for name, port in told["ports"].items():
            uses = [s for s in tracks[f"{name} ({port['command']}s)"] if s["name"] != "burst"]
            assert sum(u["args"]["beats"] for u in uses) == port["beats"]
            assert sum(u["args"]["bursts"] for u in uses) == port["bursts"]


@pytest.mark.parametrize("most", [10**6, 0])
def test_fifos_tell_what_the_gauges_told(run, monkeypatch, most):
    """Peaks, and means over all calls of an engine: as kept, and in bins."""
    monkeypatch.setattr(levels, "MOST", most)
    trace = json.loads(chrome_trace(run))
    assert ("over " in trace["otherData"]["FIFO levels"]) == (most == 0)
    assert len({name for name in pids(trace) if name.startswith("FIFOs of ")}) == len(run.engines)
    for name, capacity in run.fifos.items():
        engine, _, local = name.partition(".")
        gauges = [(s, g) for s in run.spans if s.track == engine for g in s.record.gauges if g.name == name]
        high = counter(trace, f"FIFOs of {engine}", f"{local} [{capacity}]", "highest")
        assert max(level for _, level in high) == max(g.peak for _, g in gauges)
        mean = counter(trace, f"FIFOs of {engine}", f"{local} [{capacity}]", "mean")
        end = run.elapsed / SECOND
        told = sum(g.mean * (s.end - s.start) for s, g in gauges) / SECOND
        # four decimals of a level, times rounded to 1 ns
        assert integral(mean, end) == pytest.approx(told, rel=1e-3, abs=5e-5 * end)


def test_fifos_of_idle_engines_are_left_out(run):
    """No patches are embedded in a layer."""
    trace = json.loads(chrome_trace(run, run.layers[1]))
    assert "FIFOs of linear" in pids(trace)
    assert "FIFOs of embed" not in pids(trace)
    assert trace["otherData"]["FIFO levels"] == "highest and mean of each 128th of a call"


def test_bursts_are_slices_where_they_are_few(run):
    begin, end = run.layers[1]
    trace = json.loads(chrome_trace(run, (begin, end)))
    spans = run.spans_in(begin, end)
    told = sum(len(p.bursts) for s in spans for p in s.record.ports)
    bursts = [e for e in trace["traceEvents"] if e["name"] == "burst"]
    assert len(bursts) == told
    assert sum(b["args"]["beats"] for b in bursts) == sum(p.beats for s in spans for p in s.record.ports)
    assert trace["otherData"]["bursts"] == "one slice each"
    outstanding = counter(trace, "ports of patch_ops", "patch_ops.in_r outstanding")
    assert outstanding[-1][1] == 0
    assert max(value for _, value in outstanding) > 1


def test_many_bursts_are_left_out_and_it_is_said(run):
    trace = json.loads(chrome_trace(run, bursts=10))
    assert not [e for e in trace["traceEvents"] if e["name"] == "burst"]
    assert "left out" in trace["otherData"]["bursts"]
    labels = [e["args"]["labels"] for e in trace["traceEvents"] if e["name"] == "process_labels"]
    assert sum("bursts left out" in text for text in labels) == len(run.engines)


def test_a_long_run_is_cut_and_it_is_said(run, monkeypatch):
    """The file ends where the eleventh call starts."""
    monkeypatch.setattr(chrome_trace_module, "CALLS", 10)
    trace = json.loads(chrome_trace(run))
    assert sum(len(track) for track in slices(trace, "engines").values()) == 10
    assert trace["otherData"]["calls"].startswith("the first 10 of 52 calls")
    assert (
        max(e["ts"] for e in trace["traceEvents"] if "ts" in e)
        <= sorted(s.start for s in run.spans)[10] / 1e6 + 1e-3
    )


def test_a_window_has_the_calls_that_touch_it(run, kept, tmp_path, run_tlm):
    path = tmp_path / "layer.json"
    assert run_tlm("trace", kept, "--layer", "1", "-o", path).startswith(f"{path}: ")
    trace = json.loads(path.read_text())
    names = [s["name"] for track in slices(trace, "engines").values() for s in track]
    assert len(names) == 24  # norm, 2 projections, 2 x 7, 3 flips, merge, smooth, out, add
    assert all(name.startswith("layers.1.") for name in names)
    begin, end = (time / 1e9 for time in run.layers[1])
    assert trace["otherData"]["window"].startswith(f"{begin:.6f} ms to {end:.6f} ms of ")


def test_a_gpu_has_tracks_for_host_and_device(tmp_path, capsys):
    assert (
        main(
            ["run", "rtx3090-quant", "--layers", "1", "--resolution", "96", "--json", "--out", str(tmp_path)]
        )
        == 0
    )
    capsys.readouterr()
    run = KeptRun.load(str(tmp_path))
    trace = json.loads(chrome_trace(run))
    assert len(slices(trace, "engines")["gpu"]) == run.report["engines"]["gpu"]["calls"]
    assert slices(trace, "host")["launcher"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layer", "2"), "--layer 2: must be 0 to 1, not 2"),
        (("--layer", "0", "--to", "1 ms"), "--layer 0: must be given without --from and --to"),
        (
            ("--from", "5"),
            "--from 5: must be a time such as '10 ns', not '5' (add a unit: ps, ns, us, ms or s)",
        ),
        (("--from", "2 s"), "--from, --to: must be a part of the run's "),
        (("--to", "2 s"), "--from, --to: must be a part of the run's "),
    ],
)
def test_a_wrong_window_is_refused(kept, tmp_path, capsys, options, message):
    path = tmp_path / "none.json"
    assert main(["trace", kept, "-o", str(path), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(message)
    assert not path.exists()
