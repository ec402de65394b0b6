"""Comparisons: what differs, what moved and why, with sums that a reader can redo."""

from functools import cache
from pathlib import Path

import pytest

from analysis import lanes
from analysis.bound import bound, parts, words
from analysis.compare import changed_inputs, compare
from analysis.compare_plot import draw, plot
from analysis.compare_runs import Runs, needed
from analysis.kept_run import KeptRun
from analysis.report import report
from analysis.simulate import Workload, simulate
from analysis.subject import Bar, Input, Subject
from analysis.variants import Variant, labels, parse, split
from workloads.lowering import workload

PLATFORMS = Path(__file__).parents[2] / "platforms"
MHZ = 100  # clock of the made-up engines: 100,000 cycles are 1 ms


def calls(kind: str, cycles: int, n: int = 1, compute: int = 0, waits: dict | None = None, beats: int = 1):
    """A report's entry: `cycles`, `compute` and `waits` a call, in bursts of `beats` words."""
    waits = waits or {}
    return {
        "kind": kind, "engine": "e", "calls": n, "cycles": n * cycles, "compute_cycles": n * compute,
        "waits": {port: n * wait for port, wait in waits.items()},
        "other_cycles": n * (cycles - compute - sum(waits.values())),
        "ports": {port: {"command": "read", "beats": 10 * beats, "bursts": 10} for port in waits},
    }  # fmt: skip


def subject(
    label: str, *entries: dict, host: int = 0, mhz: float = MHZ, inputs: dict | None = None
) -> Subject:
    """A run of engine e whose calls follow each other, and `host` cycles between them."""
    cycles = sum(e["cycles"] for e in entries) + host
    ms = cycles / mhz * 1e-3
    told = {
        "model": "made up", "resolution": 1, "batch": 1, "latency_ms": ms, "cycles": cycles, "clock_hz": mhz * 1e6,
        "frames_per_s": 1e3 / ms,
        "energy_j": None, "power_w": None, "energy": None, "bottleneck": "", "memory": None, "resources": None,
        "time": dict.fromkeys(("compute", "memory", "latency", "host"), 0.0),
        "host": {"share": host / cycles, "cycles": host},
        "engines": {"e": {"compute_utilization": 0.5, "share": 1 - host / cycles}},
        "calls": [e | {"share": e["cycles"] / cycles} for e in entries],
        "traffic": {"read_bytes": 0, "write_bytes": 0, "memories": {}},
    }  # fmt: skip
    return Subject(label, told, {k: Input(v, "here") for k, v in (inputs or {}).items()}, ())


@cache
def run(*overrides: str, platform: str = "zcu102-rtl", model: str = "digits") -> KeptRun:
    work = Workload.of(workload(model))
    result = simulate(str(PLATFORMS / f"{platform}.yaml"), work, overrides)
    return KeptRun.of(result, report(result))


def real(label: str, *overrides: str, **of) -> Subject:
    return Subject.of(label, run(*overrides, **of))


def test_parts_make_the_call():
    """10 calls of 100 cycles: 60 compute, 25 waiting, 15 neither."""
    entry = calls("K", 100, 10, compute=60, waits={"e.in": 25})
    assert parts(entry) == {"compute": 60, "e.in": 25, "latency": 15}
    assert str(bound(entry)) == "compute 60%"
    assert str(bound(calls("K", 100, compute=20, waits={"e.in": 50}))) == "waits on e.in 50%"
    assert str(bound(calls("K", 100, compute=20))) == "latency 80%"
    assert bound(calls("K", 0)) is None


def test_words_of_a_port():
    assert words(calls("K", 9, waits={"e.in": 1}), "e.in") == "single-beat reads"
    assert words(calls("K", 9, waits={"e.in": 1}, beats=16), "e.in") == "reads in bursts of 16 words"
    assert words(calls("K", 9), "e.in") == "words"


def test_a_slower_memory_is_the_reason():
    """4 calls that wait 300 cycles instead of 0: 1,200 cycles at 100 MHz are 0.012 ms."""
    a = subject("a", calls("K", 1000, 4, compute=900, waits={"e.in": 0}), calls("L", 6000, compute=6000))
    b = subject("b", calls("K", 1300, 4, compute=900, waits={"e.in": 300}), calls("L", 6000, compute=6000))
    (row, *rest) = compare([a, b]).movers
    assert (row["kind"], row["from_cycles"], row["to_cycles"]) == ("K", 1000, 1300)
    assert row["delta_ms"] == pytest.approx(0.012)
    assert row["why"] == "its single-beat reads wait for memory, 300 cycles a call on in, before 0"
    assert row["from_bound"] == "compute 90%"
    assert row["to_bound"] == "compute 69%"  # 900 of 1,300
    assert all(r["delta_ms"] == pytest.approx(0) for r in rest)
    first, second = compare([a, b]).summary
    assert first == "b takes 0.112 ms, 0.012 ms (12.0%) more than a, 0.100 ms."
    assert second.startswith("K on e takes 1,300 cycles a call instead of 1,000 (+0.012 ms, 100% of the diff")


@pytest.mark.parametrize(
    ("after", "mhz", "why"),
    [
        (calls("K", 500, compute=400), 100, "its busiest stage works 400 cycles a call, before 900"),
        (calls("K", 950, compute=900), 100, "loading, filling, draining and dependent steps take 50"),
        (calls("K", 1000, 3, compute=900), 100, "3 calls instead of 1"),
        (calls("K", 1000, compute=900), 125, "runs at 125 instead of 100 MHz"),
    ],
)
def test_reasons(after, mhz, why):
    before = calls("K", 1000, compute=900)
    (row, *_) = compare([subject("a", before), subject("b", after, mhz=mhz)]).movers
    assert row["why"].startswith(why)


def test_a_faster_clock_is_told_once():
    """All 3,000 cycles at 125 instead of 100 MHz."""
    entries = calls("K", 1000, compute=900), calls("L", 2000, compute=50)
    found = compare([subject("a", *entries), subject("b", *entries, mhz=125)])
    assert found.summary[1:] == ["Every engine runs at 125 instead of 100 MHz."]


def test_what_goes_the_other_way_is_told():
    """K gains 500 cycles, L loses 200: 300 in all; 500 of 300 are 167 %."""
    a = subject("a", calls("K", 1000), calls("L", 1000))
    b = subject("b", calls("K", 500), calls("L", 1200))
    lines = compare([a, b]).summary
    assert "167% of the difference" in lines[1]
    assert lines[2].startswith("Against it: L on e takes 1,200 cycles a call instead of 1,000 (+0.002 ms)")


def test_kinds_of_one_side_only():
    a, b = subject("a", calls("K", 1000)), subject("b", calls("L", 3000))
    assert {row["kind"]: row["why"] for row in compare([a, b]).movers if row["engine"] == "e"} == {
        "K": "only on a",
        "L": "only on b",
    }
    assert compare([a, b]).summary[1].startswith("They have no kind of call in common.")


def test_inputs_that_differ():
    a = subject("a", calls("K", 1), inputs={"x": "1", "y": "2"})
    b = subject("b", calls("K", 1), inputs={"x": "1", "y": "3", "z": "4"})
    assert changed_inputs([a, b]) == [
        {"key": "y", "a": "2", "a origin": "here", "b": "3", "b origin": "here"},
        {"key": "z", "a": None, "a origin": None, "b": "4", "b origin": "here"},
    ]


def test_a_knob_that_changes_nothing_is_named():
    found = compare([real("a"), real("b", "components.conv.max_features=4096")])
    assert found.differences[0].changed_nothing
    assert found.summary[0].startswith("components.conv.max_features changed nothing: b takes")
    assert [row["key"] for row in found.inputs] == ["components.conv.max_features"]
    assert found.inputs[0]["b origin"] == "--set components.conv.max_features=4096"
    assert compare([real("a"), real("b")]).summary[0].startswith("b is a: no input differs")


def test_energy_alone_can_change():
    """Static power is 0.81 W: at 1.81 W the run takes 1 W x latency more, and not a cycle longer."""
    found = compare([real("a"), real("b", "energy.static_power=1.81 W")])
    assert not found.differences[0].changed_nothing
    assert found.summary[0].startswith("b takes as long as a:")
    (joules,) = (row for row in found.outcome if row["figure"] == "energy J")
    assert joules["b"] - joules["a"] == pytest.approx(run().report["latency_ms"] * 1e-3)
    assert "most of it static" in found.summary[1]


def test_movers_add_up():
    """What the kinds of calls and the host add makes the whole difference, but for picoseconds a call."""
    a, b = real("a"), real("b", "components.memory.rlat=64 cycles")
    found = compare([a, b])
    delta = b.report["latency_ms"] - a.report["latency_ms"]
    assert sum(row["delta_ms"] for row in found.movers) == pytest.approx(delta, abs=1e-7)


def test_flips_of_tiny_behind_64_cycles():
    """RTL: 11,968 and 87,616 cycles; 72 x 75,648 cycles at 350 MHz are 15.562 ms."""
    found = compare([real("a", model="tiny"), real("b", "components.memory.rlat=64 cycles", model="tiny")])
    (row, *_) = found.movers
    assert (row["kind"], row["from_cycles"], row["to_cycles"]) == ("Flip 384", 11_968, 87_616)
    assert row["delta_ms"] == pytest.approx(72 * 75_648 / 350e3)
    assert "its single-beat reads wait for memory" in found.summary[1]


def test_the_shared_memory_of_the_board():
    """The first lines say that flip's single-beat reads wait for memory."""
    found = compare([real("zcu102-rtl"), real("zcu102", platform="zcu102")])
    assert found.summary[0].startswith("zcu102 takes")
    assert found.summary[1].startswith("Flip ")
    assert "single-beat reads wait for memory" in found.summary[1]
    assert found.movers[0]["to_bound"].startswith("waits on patch_ops.in_r")


def test_one_run_is_no_comparison():
    with pytest.raises(ValueError, match="two runs, not 1"):
        compare([subject("a", calls("K", 1))])


def test_overrides_are_split_at_commas_outside_of_brackets():
    assert split("a.b=1, c=[2, 3],d='x, y',e={f: (4,5)},") == [
        "a.b=1",
        "c=[2, 3]",
        "d='x, y'",
        "e={f: (4,5)}",
    ]


def test_variants(tmp_path):
    assert parse("x.yaml@a=1,b=2") == Variant("x.yaml", ("a=1", "b=2"))
    assert parse("x.yaml") == Variant("x.yaml")
    odd = tmp_path / "odd@name=1.yaml"
    odd.write_text("")
    assert parse(str(odd)) == Variant(str(odd))
    assert parse(str(tmp_path)).kept
    assert "has no report.json" in str(parse(str(tmp_path)).problem())
    assert "a kept run is over" in str(parse(f"{tmp_path}@a=1").problem())
    assert parse("zcu102").path.endswith("zcu102.yaml")


def test_labels_tell_runs_apart():
    a, b = Variant("p/zcu102.yaml"), Variant("q/zcu102.yaml", ("components.ssm.lanes=16",))
    assert labels([a, b]) == ["zcu102", "zcu102@ssm.lanes=16"]
    assert labels([a, Variant("q/zcu102.yaml")]) == ["p/zcu102.yaml", "q/zcu102.yaml"]
    assert labels([a, a]) == ["p/zcu102.yaml (1)", "p/zcu102.yaml (2)"]
    assert labels([Variant("key", kept=True), a])[0] == "key (1)"  # a column has that name


def test_each_knob_on_its_own():
    """Of two overrides each is run alone; both share the platform as it is."""
    both = Variant(
        str(PLATFORMS / "zcu102-rtl.yaml"), ("components.ssm.lanes=16", "components.smooth.max_features=99")
    )
    assert len(needed([both.base, both])) == 4
    small = Runs(Workload.of(workload("digits")))
    lanes_16, buffer = small.knobs("b", both)
    assert lanes_16.after_ms < lanes_16.before_ms
    assert "alone takes" in str(lanes_16)
    assert "less" in str(lanes_16)
    assert buffer.after_ms is None  # digits is 128 wide within
    assert "raise components.smooth.max_features" in str(buffer)


def test_letters_and_columns():
    assert lanes.letters(["embed", "smooth", "ssm", "s"]) == {
        "embed": "E",
        "smooth": "S",
        "ssm": "M",
        "s": "0",
    }
    assert lanes.stack([("a", 1.4), ("b", 1.4), ("c", 1.2)], 1) == ["a", "b", "b", "c"]  # ends at 1.4, 2.8, 4
    bars = [Bar("e", "x", "K", 0, 25), Bar("f", "y", "K", 25, 40), Bar("e", "z", "K", 60, 80)]
    assert lanes.busiest(bars, 0, 80, 4) == ["e", "f", "", "e"]  # f has 15 of the second, e 5


def test_layers_of_the_first_image():
    names = ("embed", "image0.layers.1.norm", "image0.layers.10.norm", "image1.layers.1.norm")
    run = Subject("a", {}, {}, tuple(Bar("e", n, "K", 0, 1) for n in names))
    assert [b.name for b in lanes.layer(run, 1)] == ["image0.layers.1.norm"]
    assert lanes.layer(run, 2) == ()


def test_picture(tmp_path):
    """Two runs and their layer: four timelines, a lane per engine."""
    found = compare([real("a"), real("b", "components.ssm.lanes=16")])
    panels = draw(found).subfigs
    assert [len(p.axes) for p in panels] == [2, 2]
    assert panels[0].axes[1].get_title(loc="left").startswith("Whole run on b: ")
    assert [t.get_text() for t in panels[0].axes[0].get_yticklabels()] == lanes.engines(found.subjects)
    assert len(draw(found, layer=99).subfigs) == 1
    for name in ("x.png", "x.svg", "x.pdf"):
        plot(found, str(tmp_path / name))
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "x.svg").read_text().startswith("<?xml")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.pdf", "x.png", "x.svg"]
