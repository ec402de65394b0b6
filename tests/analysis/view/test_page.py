"""The page of a run as text."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from analysis.kept_run import KeptRun
from analysis.page import timeline_data
from analysis.page.page import page
from analysis.page.tables import tables
from analysis.page.timeline_data import profile, timeline
from tlm.trace import PortActivity


@pytest.fixture(scope="module")
def run(kept):
    return KeptRun.load(kept)


def test_the_command_writes_what_the_run_wrote(kept, tmp_path, run_tlm):
    path = tmp_path / "again.html"
    assert run_tlm("html", kept, "-o", path).startswith(f"{path}: ")
    assert path.read_text() == (Path(kept) / "report.html").read_text()


def test_nothing_comes_from_elsewhere(run):
    text = page(run)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", text)
    assert "default-src 'none'" in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_figures_versions_and_command_are_there(run):
    text = page(run)
    told = run.report
    for figure in (f"{told['latency_ms']:.3f} ms", f"{told['cycles']:,}", "tlm run zcu102", "SHA-256"):
        assert figure in text
    for engine, of in told["engines"].items():
        assert engine in text
        assert f"{of['busy_cycles']:,}" in text


def test_rows_of_the_dram_and_ways_to_memory(run):
    """A column command hits a row, misses it or meets another; what the PS ports pass is what the memory serves."""
    found = {table.title: table for table in tables(run.report)}
    ((name, hits, misses, conflicts, *_),) = found["DRAM"].rows
    assert name.text == "ddr"
    assert hits.value + misses.value + conflicts.value == pytest.approx(1)
    memory = run.report["traffic"]["memories"]["ddr"]
    ports = [row for row in found["Ways to memory"].rows if row[0].text.startswith("ps.")]
    assert sum(row[1].value for row in ports) == pytest.approx(memory["read_bytes"] / 1e6)
    assert sum(row[2].value for row in ports) == pytest.approx(memory["write_bytes"] / 1e6)
    plain = dict(run.report, traffic=dict(run.report["traffic"], memories={}, links={}))
    assert not {"DRAM", "Ways to memory"} & {table.title for table in tables(plain)}


def test_texts_of_a_platform_stay_texts(run):
    told = dict(run.report) | {"description": "</script><b>&"}
    text = page(KeptRun(told, run.platform, run.trace, run.elapsed, run.provenance))
    assert "&lt;/script&gt;&lt;b&gt;&amp;" in text
    assert "</script><b>" not in text


def test_the_timeline_has_every_call_and_all_bytes(run):
    text, left_out = timeline(run)
    assert left_out == ""
    assert "<" not in text
    data = json.loads(text)
    calls = [call for call in data["calls"] if call[1] >= 0]
    assert len(calls) == len(run.spans)
    assert sum(call[3] for call in data["calls"]) == run.elapsed  # engines and host share the time
    moved = {"read": 0, "write": 0}
    for call in calls:
        for flow in data["records"][call[4]]["flows"]:
            assert sum(flow["profile"]) == flow["bytes"]
            moved["write" if flow["write"] else "read"] += flow["bytes"]
    assert moved == {what: run.report["traffic"][f"{what}_bytes"] for what in moved}


def test_a_long_run_is_shortened_and_it_is_said(run, monkeypatch):
    monkeypatch.setattr(timeline_data, "CALLS", 10)
    text, left_out = timeline(run)
    data = json.loads(text)
    assert len([call for call in data["calls"] if call[1] >= 0]) == 10
    assert data["end"] == sorted(s.end for s in run.spans)[9]
    assert left_out == f"Only the first 10 of {len(run.spans)} calls are shown: a page must stay small."


def test_profile_spreads_beats_over_the_time_of_their_burst():
    """Words of 32 bytes: 8 in cycles 0 to 7, 4 in cycles 12 to 15 of a call of 16 cycles, in four parts."""
    bursts = np.array([[0, 0, 7, 8], [9, 12, 15, 4]])
    port = PortActivity("engine.in", "read", 12, 12 * 32, bursts, 0)
    assert profile(port, 16, 4).tolist() == [128, 128, 0, 128]
