"""The report: its keys, and sums that a reader can redo."""

import io
import json
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from analysis.baselines import load_baselines, run_baselines
from analysis.bottleneck import bottleneck
from analysis.calls import CallGroup
from analysis.report import report
from analysis.report_text import show
from analysis.simulate import Result, Workload, simulate
from tlm.errors import InputError
from tlm.platform import load_platform
from workloads.lowering import workload

PLATFORMS = Path(__file__).parents[2] / "platforms"


@cache
def result(platform: str = "zcu102-rtl", batch: int = 1) -> Result:
    return simulate(str(PLATFORMS / f"{platform}.yaml"), Workload.of(workload("tiny"), 224, batch))


@cache
def told(platform: str = "zcu102-rtl") -> dict:
    run = result(platform)
    others, notes = run_baselines(load_baselines(run.platform), run.workload)
    return report(run, others, notes)


def text(data: dict, verbose: bool = False) -> str:
    out = io.StringIO()
    show(data, verbose, Console(file=out, width=140))
    return out.getvalue()


@pytest.mark.parametrize("platform", ["zcu102-rtl", "zcu102", "rtx3090-quant"])
def test_shares_add_up(platform):
    """Engines work one at a time: with the host their shares make the whole, and so do the parts of time."""
    data = told(platform)
    engines = data["engines"].values()
    assert sum(e["share"] for e in engines) + data["host"]["share"] == pytest.approx(1, abs=1e-9)
    assert sum(data["time"].values()) == pytest.approx(1, abs=1e-9)
    assert sum(c["share"] for c in data["calls"]) == pytest.approx(sum(e["share"] for e in engines))
    assert sum(c["calls"] for c in data["calls"]) == sum(e["calls"] for e in engines)
    assert json.loads(json.dumps(data)) == data


def test_cycles_add_up():
    """580 calls; busy cycles and the host's make the latency."""
    data = told()
    assert sum(e["calls"] for e in data["engines"].values()) == 580
    busy = sum(e["busy_cycles"] for e in data["engines"].values())
    assert busy + data["host"]["cycles"] == data["cycles"]
    assert data["latency_ms"] == pytest.approx(data["cycles"] / 350e3)
    assert data["frames_per_s"] == pytest.approx(1000 / data["latency_ms"])


def test_flips_of_the_paper():
    """Three flips a layer of 197 x 384 values, 8 a word: 9,456 words and 11,968 cycles each (RTL)."""
    (flips,) = (c for c in told()["calls"] if c["kind"] == "Flip 384")
    assert (flips["calls"], flips["cycles"], flips["compute_cycles"]) == (72, 72 * 11_968, 72 * 9_456)
    assert flips["cycles"] == flips["compute_cycles"] + flips["other_cycles"] + sum(flips["waits"].values())
    port = told()["engines"]["patch_ops"]["ports"]["in_r"]
    assert port["beats"] == 72 * 9_456 + 24
    assert port["bursts"] == 72 * 9_456 + 1  # a flip reads every word by itself, the class token is one burst
    assert port["utilization"] == pytest.approx(port["beats"] / told()["engines"]["patch_ops"]["busy_cycles"])


def test_traffic_is_what_the_ports_moved():
    data = told()
    for command, key in (("read", "read_bytes"), ("write", "write_bytes")):
        beats = sum(
            p["beats"]
            for e in data["engines"].values()
            for p in e["ports"].values()
            if p["command"] == command
        )
        assert data["traffic"][key] == 32 * beats


def test_bandwidth_against_the_peak():
    """2133 MT/s x 8 bytes."""
    memory = told("zcu102")["traffic"]["memories"]["ddr"]
    assert memory["peak_bytes_per_s"] == pytest.approx(2133e6 * 8)
    moved = memory["read_bytes"] + memory["write_bytes"]
    assert memory["utilization"] == pytest.approx(
        moved / (told("zcu102")["latency_ms"] * 1e-3) / (2133e6 * 8)
    )
    assert told()["traffic"]["memories"]["memory"]["peak_bytes_per_s"] is None


def test_energy_is_power_times_time():
    data = told()
    assert data["energy_j"] == pytest.approx(data["power_w"] * data["latency_ms"] * 1e-3)
    assert sum(data["energy"]["by_action_j"].values()) == pytest.approx(data["energy_j"])
    assert sum(data["energy"]["by_owner_j"].values()) == pytest.approx(data["energy_j"])


def test_ratios_against_the_published_gpu():
    """Paper, Table VII: 117.1 ms and 18.00 J against 53.76 ms and 0.686 J: 2.18 times and 26.2 times."""
    gpu = told()["baselines"]["rtx3090-quant"]
    assert gpu["speedup"] == pytest.approx(2.18, rel=0.005)
    assert gpu["energy_ratio"] == pytest.approx(26.2, rel=0.01)
    assert gpu["speedup"] == pytest.approx(gpu["latency_ms"] / told()["latency_ms"])
    assert set(told()["baselines"]) == {f"rtx3090-{n}" for n in ("quant", "fp16", "quant-lean", "fp16-lean")}


def test_a_platform_compared_with_itself():
    data = report(result(), {"self": result()})
    assert data["baselines"]["self"]["speedup"] == data["baselines"]["self"]["energy_ratio"] == 1


def test_batch_is_counted_in_images():
    one, two = report(result()), report(result(batch=2))
    assert two["cycles"] == 2 * one["cycles"]
    assert two["frames_per_s"] == pytest.approx(one["frames_per_s"])
    assert two["energy"]["per_image_j"] == pytest.approx(one["energy_j"])


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("zcu102-rtl", ["Scan on ssm", "bound by its compute", "151,296 of 153,705 cycles a call (98.4%)"]),
        ("zcu102", ["Flip on patch_ops", "waits for memory", "on patch_ops.in_r, in single-word bursts"]),
        ("rtx3090-quant", ["The host takes 93.0% of the time"]),
    ],
)
def test_bottleneck_names_what_bounds(platform, words):
    for word in words:
        assert word in told(platform)["bottleneck"]


def test_bottleneck_of_neither_compute_nor_memory():
    """A norm: 9,456 cycles of compute in 30,154, the rest square roots and quotients in turn."""
    norm = CallGroup("norm_sum", "NormSum", calls=1, time=30_154, cycles=30_154, compute=9_456)
    assert "20,698 of 30,154 cycles a call are neither compute nor" in bottleneck([norm], 40_000, 9_846)


def test_first_line_tells_what_was_run():
    first = text(told()).splitlines()[0]
    assert first == "ViM tiny, 224 x 224, batch 1, on zcu102-rtl: ideal memory per master, read latency 0"
    assert "one shared DRAM channel" in text(told("zcu102")).splitlines()[0]


@pytest.mark.parametrize("platform", ["zcu102-rtl", "zcu102", "rtx3090-quant"])
def test_text_shows_the_figures(platform):
    data = told(platform)
    shown = text(data, verbose=True)
    assert f"Latency {data['latency_ms']:.3f} ms ({data['cycles']:,} cycles" in shown
    for name in (*data["engines"], *data["baselines"]):
        assert name in shown
    assert ("DRAM devices" in shown) == (data["energy"]["dram_j"] is not None)


def test_baselines_that_cannot_be_read(tmp_path):
    path = tmp_path / "board.yaml"
    listed = "report:\n  baselines: [a.yaml, b.yaml]\n"
    path.write_text(f"uses: {PLATFORMS / 'zcu102-rtl.yaml'}\n{listed}")
    with pytest.raises(InputError) as caught:
        load_baselines(load_platform(path))
    first, second = str(caught.value).splitlines()
    assert first == (
        f"{path}:3:1: report.baselines must name platform files that can be read, not '{tmp_path / 'a.yaml'}'"
    )
    assert "b.yaml" in second


def test_a_baseline_too_small_is_a_note(tmp_path):
    path = tmp_path / "narrow.yaml"
    path.write_text(f"uses: {PLATFORMS / 'zcu102-rtl.yaml'}\nmemory_map:\n  memory:\n    size: 1 MiB\n")
    others, notes = run_baselines({"narrow": load_platform(path)}, result().workload)
    assert not others
    assert notes[0].startswith("No comparison with narrow: tiny: its tensors must fit in 1.00 MiB")


def test_the_dram_tells_its_rows_and_turns():
    """tRFC 260.6 ns every tREFI 7.8 us are 3.34 % of the time. Every access of 64 bytes is a hit, a miss or a
    conflict. A turn to reads costs at least 11 - 2 cycles of the controller, one to writes 6 - 2; they alternate."""
    run, memory = told("zcu102"), told("zcu102")["traffic"]["memories"]["ddr"]
    dram = memory["dram"]
    assert dram["row_hits"] + dram["row_misses"] + dram["row_conflicts"] == pytest.approx(1)
    assert dram["row_hits"] > 0.9  # tensors are read from their first word to their last
    assert dram["refresh"] == pytest.approx(260.6e-9 / 7.8e-6, rel=1e-3)
    seconds = run["latency_ms"] * 1e-3
    assert dram["data_bus"] == pytest.approx(memory["device_bytes"] / 17.064e9 / seconds)
    assert dram["turnaround"] == pytest.approx(dram["turns"] * (9 + 4) / 2 / 533.25e6 / seconds, rel=1e-3)
    asked = memory["read_bytes"] + memory["write_bytes"]
    assert dram["wanted"] == pytest.approx(asked / memory["device_bytes"])
    assert told("zcu102-rtl")["traffic"]["memories"]["memory"]["dram"] is None


def test_links_pass_what_the_memory_moves():
    """16 bytes a cycle of 350 MHz each way; each interconnect leads to one port."""
    traffic = told("zcu102")["traffic"]
    links = traffic["links"]
    assert list(links) == ["interconnect0", "interconnect1", "ps.hpc0", "ps.hpc1"]
    for what in ("read_bytes", "write_bytes"):
        moved = [link[what] for link in links.values()]
        assert moved[:2] == moved[2:]
        assert sum(moved[:2]) == traffic[what]
    for link in links.values():
        assert link["peak_bytes_per_s"] == 5.6e9
        seconds = told("zcu102")["latency_ms"] * 1e-3
        assert link["read_utilization"] == pytest.approx(link["read_bytes"] / 5.6e9 / seconds)
    assert links["interconnect0"]["read_wait_cycles"] > 0
    assert links["ps.hpc0"]["read_wait_cycles"] is None
    assert told("zcu102-rtl")["traffic"]["links"] == {}
