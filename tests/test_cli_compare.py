"""`tlm compare` from its arguments to what it prints, draws and refuses."""

import json
from pathlib import Path

import pytest

from tlm.__main__ import main

RTL = str(Path(__file__).parents[1] / "platforms" / "zcu102-rtl.yaml")
SMALL = ("--model", "digits")
LANES = "components.ssm.lanes=16"


def compare(capsys, *arguments: str) -> dict:
    assert main(["compare", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def refused(capsys, *arguments: str) -> list[str]:
    """Lines on standard error of a command that ends with 2 and prints nothing else."""
    assert main(["compare", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_json_is_one_object(capsys):
    data = compare(capsys, RTL, f"{RTL}@{LANES}", *SMALL)
    assert data.keys() == {"subjects", "summary", "inputs", "outcome", "differences", "knobs"}
    before, after = (s["report"]["latency_ms"] for s in data["subjects"])
    (difference,) = data["differences"]
    assert sum(row["delta_ms"] for row in difference["movers"]) == pytest.approx(
        after - before, abs=1e-7
    )  # ps
    assert [row["key"] for row in data["inputs"]] == ["components.ssm.lanes"]
    (knob,) = data["knobs"]
    assert (knob["before_ms"], knob["after_ms"]) == (before, after)


def test_set_makes_variants_of_the_first(capsys):
    """Each --set is one more run; both ways to write a variant are the same."""
    by_set = compare(
        capsys, RTL, "--set", f"{LANES}, clocks.fabric=400 MHz", "--set", "components.linear.tile=32", *SMALL
    )
    by_at = compare(
        capsys, RTL, f"{RTL}@{LANES},clocks.fabric=400 MHz", f"{RTL}@components.linear.tile=32", *SMALL
    )
    labels = ["zcu102-rtl", "zcu102-rtl@ssm.lanes=16,clocks.fabric=400 MHz", "zcu102-rtl@linear.tile=32"]
    assert [s["label"] for s in by_set["subjects"]] == labels
    assert by_set["differences"] == by_at["differences"]
    assert [k["override"] for k in by_set["knobs"]] == [
        LANES,
        "clocks.fabric=400 MHz",
        "components.linear.tile=32",
    ]


def test_text_and_picture(capsys, tmp_path):
    picture = tmp_path / "timeline.png"
    arguments = (RTL, "--set", LANES, "--set", "components.conv.max_features=4096", *SMALL)
    assert main(["compare", *arguments, "-o", str(picture)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith("zcu102-rtl@ssm.lanes=16 takes")
    assert lines[1].startswith("Scan 128 on ssm takes")
    for words in ("Inputs that differ", "Each knob on its own", "What follows", "Largest movers",
                  "Layer 0 call by call", "components.conv.max_features=4096 changes nothing"):  # fmt: skip
        assert words in out
    assert out.count("Largest movers") == 1  # none for what changed nothing
    bars = [line for line in lines if line.startswith("A ") and "MMM" in line]
    assert len(bars) == 2
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_kept_runs(capsys, tmp_path):
    """A kept run names the workload of the others, and tells the origins that its values had."""
    folder = str(tmp_path / "kept")
    small = ("--d-model", "64", "--layers", "2", "--resolution", "96", "--no-baselines")
    assert main(["run", RTL, *small, "--set", LANES, "--out", folder]) == 0
    capsys.readouterr()
    data = compare(capsys, folder, RTL)
    assert [s["report"]["resolution"] for s in data["subjects"]] == [96, 96]
    assert [s["report"]["sizes"]["layers"] for s in data["subjects"]] == [2, 2]
    (row,) = data["inputs"]
    assert (row["kept"], row["kept origin"], row["zcu102-rtl"]) == ("16", f"--set {LANES}", "8")
    assert compare(capsys, folder, f"{RTL}@{LANES}")["differences"][0]["changed_nothing"]
    other = compare(capsys, folder, RTL, "--resolution", "64")
    assert {row["key"] for row in other["inputs"]} >= {"workload.resolution", "components.ssm.lanes"}


def test_a_gpu_has_nothing_in_common(capsys):
    data = compare(capsys, RTL, "rtx3090-quant", *SMALL)
    assert any("no kind of call in common" in line for line in data["summary"])


def test_everything_wrong_is_told_at_once(capsys, tmp_path):
    errors = refused(
        capsys, "zcu103", f"{RTL}@components.linear.tyle=3", str(tmp_path), "--model", "huge", "--layer", "-1",
        "-o", str(tmp_path / "none" / "x.gif"),
    )  # fmt: skip
    assert len(errors) == 7
    assert "platform must name a file that can be read, not 'zcu103'" in errors[0]
    assert "did you mean tile?" in errors[1]
    assert errors[2].startswith(f"{tmp_path}: must be a platform file or a folder that `run --out` kept")
    assert errors[3].startswith("--model huge: model must be")
    assert errors[4].endswith("x.gif: must end in .png, .svg or .pdf")
    assert "must be a file to write" in errors[5]
    assert errors[6] == "--layer: must be 0 or more, not -1"


def test_one_run_is_too_few(capsys):
    assert refused(capsys, RTL) == ["compare: must have two runs or more, or a --set, not one run"]


def test_a_kept_run_cannot_be_changed(capsys, tmp_path):
    (error,) = refused(capsys, str(tmp_path), "--set", "a=1")[1:]
    assert "a kept run is over" in error


def test_what_does_not_fit_is_named(capsys, tmp_path):
    picture = tmp_path / "x.png"
    errors = refused(capsys, RTL, f"{RTL}@components.linear.max_in=64", *SMALL, "-o", str(picture))
    assert errors[0].startswith("zcu102-rtl@linear.max_in=64: ")
    assert "raise components.linear.max_in" in errors[0]
    assert not picture.exists()
