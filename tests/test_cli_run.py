"""`tlm run` from its arguments to what it prints, keeps and refuses."""

import csv
import json
import re
from pathlib import Path

import pytest

from analysis.kept_run import KeptRun
from tlm.__main__ import main

RTL = str(Path(__file__).parents[1] / "platforms" / "zcu102-rtl.yaml")
KEYS = {
    "model", "resolution", "batch", "platform", "memory", "latency_ms", "cycles", "frames_per_s", "energy_j",
    "power_w", "engines", "host", "time", "calls", "traffic", "energy", "baselines", "bottleneck", "notes", "sim",
}  # fmt: skip


def run(capsys, *arguments: str) -> dict:
    assert main(["run", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def refused(capsys, *arguments: str) -> list[str]:
    """Lines on standard error of a command that ends with 2 and prints nothing else."""
    assert main(["run", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_json_is_one_object(capsys):
    data = run(capsys, RTL)
    assert data.keys() >= KEYS
    assert data["engines"]["ssm"].keys() >= {"calls", "busy_cycles", "share", "compute_utilization", "ports"}
    assert data["traffic"].keys() >= {"read_bytes", "write_bytes"}
    assert data["baselines"]["rtx3090-quant"].keys() >= {"latency_ms", "energy_j", "speedup", "energy_ratio"}
    assert data["sim"].keys() >= {"wall_s", "events"}


def test_tiny_takes_the_published_time(capsys):
    """Paper, Table VII: 53.76 ms."""
    assert run(capsys, "zcu102-rtl", "--no-baselines")["latency_ms"] == pytest.approx(53.76, rel=0.005)


def test_bare_names_stand_for_shipped_platforms(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("zcu102-rtl", "zcu102-rtl.yaml"):
        data = run(capsys, name, "--resolution", "96", "--no-baselines")
        assert data["platform"] == "zcu102-rtl"
        assert data["baselines"] == {}


def test_sizes_from_flags_and_file_agree(capsys, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("d_model: 64\nlayers: 2\nimage_size: 64\nclasses: 10\n")
    small = ("--resolution", "64", "--no-baselines", "--no-data")
    a = run(capsys, RTL, "--model", str(path), *small)
    b = run(capsys, RTL, "--d-model", "64", "--layers", "2", "--image-size", "64", "--classes", "10", *small)
    assert a["model"] == "mine"
    assert a["cycles"] == b["cycles"]
    deeper = run(capsys, RTL, "--model", str(path), "--layers", "3", *small)
    assert deeper["engines"]["ssm"]["calls"] == 3 * 2  # both directions of each layer


def test_set_changes_a_figure(capsys):
    base = (RTL, "--resolution", "96", "--no-baselines")
    plain, wide = run(capsys, *base), run(capsys, *base, "--set", "components.ssm.lanes=16")
    assert wide["engines"]["ssm"]["busy_cycles"] < plain["engines"]["ssm"]["busy_cycles"]
    assert wide["engines"]["conv"] | {"share": 0} == plain["engines"]["conv"] | {"share": 0}


def test_out_keeps_report_and_calls(capsys, tmp_path):
    folder = tmp_path / "kept" / "here"
    data = run(capsys, RTL, "--resolution", "96", "--no-baselines", "--out", str(folder))
    files = ["calls.csv", "platform.yaml", "provenance.json", "report.html", "report.json", "trace.npz"]
    assert sorted(p.name for p in folder.iterdir()) == files
    assert json.loads((folder / "report.json").read_text()) == data
    rows = list(csv.DictReader((folder / "calls.csv").read_text().splitlines()))
    assert len(rows) == 580
    assert rows[0]["name"] == "embed"
    for engine, of in data["engines"].items():
        assert sum(int(r["cycles"]) for r in rows if r["engine"] == engine) == of["busy_cycles"]
    for row in rows:
        assert int(row["end_cycle"]) - int(row["start_cycle"]) == int(row["cycles"])
    assert sum(int(r["read_bytes"]) for r in rows) == data["traffic"]["read_bytes"]


def test_out_keeps_levels_of_fifos_and_gauges_tells_them(capsys, tmp_path):
    """Levels are kept without --gauges, which only adds to the report."""
    base = (RTL, "--model", str(tmp_path / "mine.yaml"), "--no-baselines", "--out")
    (tmp_path / "mine.yaml").write_text("d_model: 64\nlayers: 1\nimage_size: 64\nclasses: 10\n")
    plain = run(capsys, *base, str(tmp_path / "plain"))
    told = run(capsys, *base, str(tmp_path / "told"), "--gauges")
    assert (plain["gauges"], plain["advice"]) == (None, None)
    peaks = {name: g["peak"] for calls in told["gauges"] for name, g in calls["fifos"].items()}
    kept = KeptRun.load(str(tmp_path / "plain"))
    assert kept.fifos.keys() == peaks.keys()
    assert (tmp_path / "plain" / "trace.npz").read_bytes() == (tmp_path / "told" / "trace.npz").read_bytes()


def test_text_by_default(capsys):
    assert main(["run", RTL, "--resolution", "96", "--no-baselines"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(
        "ViM tiny, 96 x 96, batch 1, on zcu102-rtl: ideal memory per master, read latency 0\n"
    )
    assert err == ""


def test_everything_wrong_is_told_at_once(capsys, tmp_path):
    """The platform's problem and the model's and the folder's, in one go, and nothing written."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    errors = refused(
        capsys, RTL, "--set", "components.linear.tyle=32", "--model", "huge", "--out", str(blocked / "x")
    )
    assert len(errors) == 3
    assert errors[0].startswith("--set components.linear.tyle=32: components.linear.tyle is not a parameter")
    assert "did you mean tile?" in errors[0]
    assert errors[1].startswith("--model huge: model must be tiny, small, base or digits, not 'huge'")
    assert errors[2] == f"--out {blocked / 'x'}: must be a folder to write to: {blocked} is no folder"


def test_resolution_and_batch(capsys):
    errors = refused(capsys, RTL, "--resolution", "100", "--batch", "0")
    assert errors == [
        "--model tiny: tiny: resolution must be 16 plus a multiple of 16, not 100",
        "--model tiny: tiny: batch must be a positive integer, not 0",
    ]


def test_missing_platform(capsys):
    (error,) = refused(capsys, "zcu103")
    assert "platform must name a file that can be read, not 'zcu103'" in error


def test_unknown_key_in_set(capsys):
    (error,) = refused(capsys, RTL, "--set", "components.liner.tile=32")
    assert error.endswith("components.liner must be a key of the platform to be set (did you mean linear?)")


def test_model_file_problems_have_places(capsys, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("d_model: 65\nlayer: 2\nd_state: 8\nstride: x\nd_model: 64\n")
    errors = refused(capsys, RTL, "--model", str(path))
    assert [e.split(str(path))[1].split(" ")[0] for e in errors] == [":", ":2:1:", ":4:9:", ":5:1:"]
    assert "layers is missing" in errors[0]
    assert "layer is not a size of a model (did you mean layers?)" in errors[1]
    assert "stride must be a positive integer, not 'x'" in errors[2]
    assert "d_model must be given once" in errors[3]


def test_model_file_that_the_engines_cannot_run(capsys, tmp_path):
    path = tmp_path / "states.yaml"
    path.write_text("d_model: 64\nlayers: 2\nd_state: 8\n")
    assert refused(capsys, RTL, "--model", str(path)) == [
        f"{path}:3:10: d_state must be 16, as the engines are built, not 8"
    ]
    assert refused(capsys, RTL, "--model", str(path), "--layers", "0") == [
        "--layers 0: layers must be a positive integer, not 0"
    ]


def test_missing_model_file(capsys, tmp_path):
    (error,) = refused(capsys, RTL, "--model", str(tmp_path / "none.yaml"))
    assert "model must name a file that can be read" in error


def test_tensors_that_do_not_fit_write_nothing(capsys, tmp_path):
    folder = tmp_path / "out"
    (error,) = refused(capsys, RTL, "--set", "memory_map.memory.size=1 MiB", "--out", str(folder))
    assert error.startswith("tiny: its tensors must fit in 1.00 MiB")
    assert not folder.exists()


def test_verbose_logs_simulated_time(capsys):
    """580 calls in order of their ends; the first is the embedding."""
    assert main(["run", RTL, "--resolution", "96", "--no-baselines", "-v", "--json"]) == 0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert len(lines) == 580
    first = next(c for c in json.loads(out)["calls"] if c["engine"] == "embed")
    assert (
        re.fullmatch(r"\[ +\d+\.\d{3} ms\] embed embed ([\d,]+) cycles", lines[0])[1]
        == f"{first['cycles']:,}"
    )
    times = [float(line[1:10]) for line in lines]
    assert times == sorted(times)
    assert main(["run", RTL, "--resolution", "96", "--no-baselines"]) == 0
    assert capsys.readouterr().err == ""


def test_a_platform_without_an_engine_for_a_call_is_refused(capsys, tmp_path):
    """SMOOTH is taken out, and its control port leads to CONV: nothing runs the second call of a direction."""
    path = tmp_path / "no-smooth.yaml"
    wires = "smooth.weights: ~, smooth.in_r: ~, smooth.out_r: ~, host.smooth: conv.control"
    path.write_text(f"uses: {RTL}\ncomponents: {{smooth: ~}}\nbindings: {{{wires}}}\n")
    lines = refused(capsys, str(path), "--no-data", "--no-baselines")
    assert lines == ["no engine bound to host runs Smooth"]


def test_a_platform_without_a_host_is_refused(capsys):
    assert refused(capsys, "zcu102-axi-hp", "--no-data") == [
        "a platform must have one component that runs a program, a host, not none"
    ]


def test_a_call_needs_a_host_too(capsys):
    assert main(["op", "flip", "--tokens", "3", "--in", "32", "--platform", "zcu102-axi-hp"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "a platform must have one component that runs a program, a host, not none\n")
