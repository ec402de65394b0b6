"""Resources of a platform: sums, the device's limits, what a comparison says of them."""

import io
import json
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from analysis.api import Result
from analysis.compare import compare
from analysis.compare_resources import changes, movers
from analysis.compare_runs import Runs
from analysis.compare_text import show as show_comparison
from analysis.kept_run import KeptRun
from analysis.page.tables import tables
from analysis.report import report
from analysis.report_text import show
from analysis.resources import KINDS, amount, boards, load_device, resources, verdict
from analysis.simulate import Workload, simulate
from analysis.subject import Subject
from analysis.variants import Variant
from tlm.errors import InputError
from tlm.platform import load_platform
from tlm.simulation import Simulation
from workloads.lowering import workload

PLATFORMS = Path(__file__).parents[2] / "platforms"


def told(*overrides: str, platform: str = "zcu102-published") -> dict | None:
    return resources(Simulation(load_platform(PLATFORMS / f"{platform}.yaml", overrides)))


@cache
def run(*overrides: str, platform: str = "zcu102-rtl") -> KeptRun:
    result = simulate(str(PLATFORMS / f"{platform}.yaml"), Workload.of(workload("digits")), overrides)
    return KeptRun.of(result, report(result))


def subject(label: str, *overrides: str, **of) -> Subject:
    return Subject.of(label, run(*overrides, **of))


def test_sums():
    """Parts make components, components make the whole; shares are of the device: 2,520 DSP and so on."""
    found = told()
    for kind in (*KINDS, "memory_lut"):
        by_component = {name: of[kind] for name, of in found["by_component"].items()}
        for name, value in by_component.items():
            assert sum(p[kind] for p in found["parts"] if p["component"] == name) == value
        assert sum(by_component.values()) == found["total"][kind]
    device = {"lut": 274_080, "ff": 548_160, "bram36": 912, "dsp": 2_520}
    assert {kind: found["device"][kind] for kind in KINDS} == device
    assert found["utilization"]["dsp"] == found["total"]["dsp"] / 2_520
    assert json.loads(json.dumps(found)) == found


def test_the_published_build_fits():
    """758.5 of 912 blocks of RAM are what there is least of."""
    found = told()
    assert found["fits"]
    assert verdict(found) == "Fits ZCU102 (XCZU9EG): 83.2% of its BRAM36 at most."


def test_a_build_for_base_does_not():
    """EMBED's weights, 96 banks of 6,144 x 16 bit, take 3 blocks each; LINEAR's codes, 9,216 x 1,024 bit, 9 rows of
    57 half blocks."""
    found = told(platform="zcu102-rtl")
    assert not found["fits"]
    text = verdict(found)
    assert text.startswith(
        "Does not fit ZCU102 (XCZU9EG): BRAM36 1,221 of 912. Most BRAM36: embed's weights 288 (by max_f"
    )
    assert "linear's codes 256.5 (by max_in, max_out, tile)" in text


def test_a_tile_of_64():
    """4,096 cells of 128 look-up tables are 524,288."""
    found = told("components.linear.tile=64")
    assert not found["fits"]
    assert "LUT 7" in verdict(found)
    assert "linear's cells" in verdict(found)


def test_near_the_limit():
    """A tile of 32 takes 1 % more flip-flops than there are; the model is no better than 10 %."""
    found = told("components.linear.tile=32")
    assert not found["fits"]
    assert max(found["utilization"].values()) < 1.1
    assert "(by less than the model may be wrong)" in verdict(found)
    small = told("device.board=zcu102", "components.embed.max_features=384", "components.linear.max_in=768")
    assert small["fits"]
    assert 0.9 < small["utilization"]["bram36"] < 1
    assert "near enough to the limit for the model to be wrong" in verdict(small)


@pytest.mark.parametrize(
    ("board", "fits"),
    [("zcu102", True), ("zcu104", False), ("kv260", False), ("u250", True), ("u280", True), ("vck190", True)],
)
def test_boards(board, fits):
    found = told(f"device.board={board}")
    assert found["fits"] is fits
    assert found["device"]["description"] == load_device(board).description


def test_every_board_is_known():
    assert boards() == ["kv260", "u250", "u280", "vck190", "zcu102", "zcu104"]


def test_a_board_that_is_not():
    with pytest.raises(InputError) as caught:
        told("device.board=zcu103")
    assert "board must be kv260, u250" in str(caught.value)
    assert "not 'zcu103' (did you mean zcu10" in str(caught.value)


def test_without_a_device(tmp_path):
    path = tmp_path / "bare.yaml"
    path.write_text(f"uses: {PLATFORMS / 'zcu102-published.yaml'}\ndevice: ~\n")
    found = resources(Simulation(load_platform(path)))
    assert (found["fits"], found["utilization"], found["device"]) == (None, None, None)
    assert verdict(found) == "The platform names no device."


def test_a_gpu_has_none():
    gpu = run(platform="rtx3090-quant")
    assert gpu.report["resources"] is None
    out = io.StringIO()
    show(gpu.report, console=Console(file=out, width=140))
    assert "Resources  none of programmable logic" in out.getvalue()
    assert Result(gpu).resources == []
    assert Result(gpu).fits is None


@pytest.mark.parametrize("verbose", [False, True])
def test_text(verbose):
    found = run().report
    out = io.StringIO()
    show(found, verbose, Console(file=out, width=140))
    shown = out.getvalue()
    assert "Does not fit ZCU102" in shown
    assert f"{found['resources']['total']['lut']:,}" in shown
    assert ("quantized token, " in shown) is verbose


def test_page_and_tables():
    found = run().report
    (table,) = (t for t in tables(found) if t.title == "Resources")
    assert [row[0].text for row in table.rows] == [
        *found["resources"]["by_component"],
        "together",
        "of zcu102",
    ]
    assert table.note.startswith("Does not fit")
    assert "Resources" not in [t.title for t in tables({**found, "resources": None})]
    rows = Result(run()).resources
    assert sum(row["dsp"] for row in rows) == found["resources"]["total"]["dsp"]
    assert Result(run()).fits is False


# Comparisons


def test_lanes_are_told_with_their_cost():
    """Eight lanes more: 96 products of 4 DSP for exponentials instead of 48."""
    a, b = subject("a"), subject("b", "components.ssm.lanes=16")
    found = compare([a, b])
    first, *_ = found.differences[0].resources
    assert (first["component"], first["part"], first["dsp"]) == ("ssm", "exponentials", 192)
    assert (first["from_size"], first["to_size"]) == ("48 of 32 x 32 bit", "96 of 32 x 32 bit")
    text = "\n".join(found.summary)
    assert "DSP 1,366 to 1,654 (+288); most of it ssm's exponentials, 96 of 32 x 32 bit instead of 48" in text
    assert "Neither fits: a BRAM36 1,221 of 912, b BRAM36 1,235 of 912." in text
    row = next(row for row in found.outcome if row["figure"] == "DSP")
    assert (row["a"], row["b"]) == (1_366, 1_654)
    assert json.loads(json.dumps(found.to_dict()))["differences"][0]["resources"][0]["dsp"] == 192


def test_what_fits_no_more():
    a = subject("a", platform="zcu102-published")
    b = subject("b", "components.linear.tile=64", platform="zcu102-published")
    text = compare([a, b]).summary[-1]
    assert text.startswith("b: Does not fit ZCU102")
    assert text.endswith("a does fit.")
    assert compare([b, a]).summary[-1].startswith("a: Fits ZCU102")
    assert compare([b, a]).summary[-1].endswith("b does not.")


def test_no_resource_changes():
    """A memory that answers later is none of programmable logic."""
    a, b = subject("a"), subject("b", "components.memory.rlat=64 cycles")
    found = compare([a, b])
    assert found.differences[0].resources == []
    assert "Resources are the same." in found.summary


def test_a_buffer_that_costs_blocks_and_no_time():
    """LINEAR keeps twice the inputs: the run is the same, the block RAM is not."""
    found = compare([subject("a"), subject("b", "components.linear.max_in=3072")])
    assert not found.differences[0].changed_nothing
    assert found.summary[0].startswith("b takes as long as a")
    assert "Energy is the same" in found.summary[1]
    assert found.summary[2].startswith("Resources: BRAM36 1,221 to ")


def test_another_board():
    found = compare([subject("a"), subject("b", "device.board=u250")])
    assert "Resources are the same, on u250 instead of zcu102." in found.summary
    assert found.summary[-1] == "b: Fits Alveo U250: 45.4% of its BRAM36 at most. a does not."


def test_a_gpu_beside_a_board():
    found = compare([subject("a"), subject("g", platform="rtx3090-quant")])
    assert "g tells no resources of programmable logic." in found.summary
    row = next(row for row in found.outcome if row["figure"] == "LUT")
    assert row["g"] is None
    assert movers(subject("a"), subject("g", platform="rtx3090-quant")) == []


def test_knobs_tell_resources():
    both = Variant(
        str(PLATFORMS / "zcu102-rtl.yaml"), ("components.ssm.lanes=16", "components.memory.rlat=8 cycles")
    )
    lanes, memory = Runs(Workload.of(workload("digits"))).knobs("b", both)
    assert "DSP 1,366 to 1,654 (+288)" in str(lanes)
    assert str(memory).endswith("; no resource changes")


def test_comparison_as_text():
    out = io.StringIO()
    found = compare([subject("a"), subject("b", "components.ssm.lanes=16")])
    show_comparison(found, console=Console(file=out, width=160))
    assert "Resources that change, a to b" in out.getvalue()


def test_figures_in_words():
    assert [amount(v) for v in (7, 14.5, 1_024.0)] == ["7", "14.5", "1,024"]
    before = dict.fromkeys(KINDS, 10)
    assert (
        changes(before, before | {"bram36": 9.5, "dsp": 12}) == "BRAM36 10 to 9.5 (-0.5), DSP 10 to 12 (+2)"
    )
