"""`import tlm`: light, and runs and comparisons for notebooks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tlm
from tlm.errors import InputError
from workloads.vim.errors import WorkloadError

ROOT = Path(__file__).parents[1]
RTL = ROOT / "platforms" / "zcu102-rtl.yaml"
SMALL = {"d_model": 64, "layers": 2, "image_size": 64, "classes": 10}


def test_importing_is_light():
    """Neither torch nor anything that draws or reports is imported, by `run` no torch either."""
    code = (
        "import sys, tlm\n"
        "assert not {'torch', 'numpy', 'analysis', 'components', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "tlm.run('zcu102-rtl', model='digits')\n"
        "assert not {'torch', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "assert callable(tlm.run)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_only_what_is_there():
    assert {"run", "compare"} <= set(dir(tlm))
    with pytest.raises(AttributeError, match="has no attribute 'walk'"):
        _ = tlm.walk


def test_a_run_and_its_tables():
    """2 layers of 24 calls, the embedding and three behind the layers: 52 calls."""
    result = tlm.run(RTL, model=SMALL)
    assert len(result.spans) == 2 * 24 + 4
    assert sum(row["calls"] for row in result.engines) == 52
    assert sum(row["cycles"] for row in result.calls) == sum(row["busy_cycles"] for row in result.engines)
    assert result.latency_ms == pytest.approx(result.cycles / 350e3)
    assert sum(row["energy_j"] for row in result.energy) == pytest.approx(result.energy_j)
    assert result.energy_j == pytest.approx(result.power_w * result.latency_ms * 1e-3)
    assert result.frames_per_s == pytest.approx(1e3 / result.latency_ms)
    assert result.to_dict() == result.report
    assert json.loads(json.dumps(result.report)) == result.report
    assert {row["key"]: row["value"] for row in result.inputs}["components.ssm.lanes"] == "8"


@pytest.mark.parametrize("table", ["engines", "ports", "calls", "spans", "energy", "inputs"])
def test_tables_are_what_a_data_frame_takes(table):
    """Rows with the same keys and plain values."""
    rows = getattr(tlm.run(RTL, model=SMALL), table)
    assert rows
    assert len({tuple(row) for row in rows}) == 1
    assert all(
        value is None or isinstance(value, str | int | float) for row in rows for value in row.values()
    )


def test_resolution_batch_and_overrides():
    one = tlm.run(RTL, model=SMALL)
    assert tlm.run(RTL, model=SMALL, batch=2).cycles == 2 * one.cycles
    assert tlm.run(RTL, model=SMALL, resolution=96).report["resolution"] == 96
    wide = tlm.run(RTL, model=SMALL, overrides=["components.ssm.lanes=16"])
    assert wide.name == "zcu102-rtl@ssm.lanes=16"
    assert wide.cycles < one.cycles
    assert one.report["baselines"] == {}
    assert "rtx3090-quant" in tlm.run("zcu102-rtl", model="digits", baselines=True).report["baselines"]


def test_html():
    result = tlm.run(RTL, model=SMALL)
    assert result._repr_html_().count("<tr>") == 1 + len(result.calls)
    assert repr(result) == f"<ViM custom at 64, batch 1, on zcu102-rtl: {result.latency_ms:.3f} ms, " + (
        f"{result.energy_j:.4g} J>"
    )


def test_comparing_results_and_kept_runs(tmp_path):
    a = tlm.run(RTL, model=SMALL)
    b = tlm.run(RTL, model=SMALL, overrides=["components.ssm.lanes=16"])
    found = tlm.compare(a, b)
    assert found.summary[0].startswith("zcu102-rtl@ssm.lanes=16 takes")
    assert [row["key"] for row in found.inputs] == ["components.ssm.lanes"]
    assert repr(found) == "\n".join(found.summary)
    assert found._repr_html_().count("<table>") == 3
    b.save(tmp_path / "kept")
    again = tlm.compare(a, tmp_path / "kept")
    assert again.movers == [row | {"to": "kept"} for row in found.movers]
    assert tlm.compare(b, tmp_path / "kept").differences[0].changed_nothing


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="did you mean tile"):
        tlm.run(RTL, model=SMALL, overrides=["components.linear.tyle=32"])
    with pytest.raises(WorkloadError, match="resolution must be"):
        tlm.run(RTL, model=SMALL, resolution=100)
    with pytest.raises(InputError):
        tlm.compare(tmp_path / "none", tmp_path / "neither")
    with pytest.raises(ValueError, match="two runs"):
        tlm.compare(tlm.run(RTL, model=SMALL))
