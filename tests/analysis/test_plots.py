"""The numbers behind the pictures, their files, and what the command refuses."""

import os
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from analysis.commands.plot import RUN_KINDS
from analysis.kept_run import KeptRun, save
from analysis.palette import KINDS
from analysis.plots.fifo import HIGH, LINE, LOW, fifo
from analysis.plots.lanes import lanes
from analysis.plots.style import (
    COMPUTE,
    HOST,
    OTHER,
    READ,
    WAIT,
    WRITE,
    fill,
    render,
    spell,
    spell_joules,
    spell_share,
    style,
)  # fmt: skip
from analysis.plots.timeline import timeline
from analysis.report import report
from analysis.resolution import scale
from analysis.simulate import Workload, simulate
from tlm.__main__ import main
from tlm.platform import load_platform
from tlm.trace import POLL
from workloads.lowering import workload

PLATFORMS = Path(__file__).parents[2] / "platforms"
SMALL = {"d_model": 64, "layers": 2, "image_size": 64, "classes": 10}


@cache
def result(platform: str = "zcu102"):
    return simulate(str(PLATFORMS / f"{platform}.yaml"), Workload.of(workload(SMALL)), gauges=True)


@cache
def run(platform: str = "zcu102") -> KeptRun:
    return KeptRun.of(result(platform), report(result(platform), gauges=False))


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("kept"))
    save(result(), run().report, folder)
    return folder


@pytest.mark.parametrize("columns", [3, 50, 100_000])
@pytest.mark.parametrize("platform", ["zcu102", "rtx3090-quant"])
def test_lanes_show_all_of_the_time(platform, columns):
    """Bars and densities of a lane last as long as its calls, whatever the width of a column."""
    window = 0, run(platform).elapsed
    for lane in lanes(run(platform), window, columns):
        if lane.track not in run(platform).engines:
            continue
        bars = sum(bar.end - bar.start for bar in lane.bars)
        thin = sum(share.sum() for share in lane.density.values()) * run(platform).elapsed / columns
        calls = [s for s in run(platform).spans if s.track == lane.track]
        assert lane.calls == len(calls)
        assert bars + thin == pytest.approx(sum(s.end - s.start for s in calls), rel=1e-9)


def test_every_call_of_a_layer_is_a_bar():
    """24 calls a layer, each set up by the host:

    three of NormSum, eleven of Linear, two of Conv, three of Smooth, two scans, three flips."""
    drawn = lanes(run(), run().layers[1], 100_000)
    bars = {lane.track: sum(bar.kind != POLL for bar in lane.bars) for lane in drawn}
    assert bars == {
        "embed": 0, "norm_sum": 3, "linear": 11, "conv": 2, "smooth": 3, "ssm": 2, "patch_ops": 3, "host": 24,
    }  # fmt: skip


def test_few_columns_have_no_bars_of_thin_calls():
    """A call is a bar if it is two columns wide."""
    for lane in lanes(run(), (0, run().elapsed), 50):
        assert all(bar.end - bar.start >= 2 * run().elapsed / 50 for bar in lane.bars)
        for share in lane.density.values():
            assert share.max() <= 1 + 1e-9


def test_the_host_works_between_the_calls():
    """Its lane is what no engine's call covers: the report's share."""
    (host,) = (lane for lane in lanes(run(), (0, run().elapsed), 10**6) if lane.track == "host")
    bars = sum(bar.end - bar.start for bar in host.bars)
    thin = sum(share.sum() for share in host.density.values()) * run().elapsed / 10**6
    # the report adds up whole cycles, whose edges are rounded to 1 ps: at most one for each call
    calls = len(run().spans)
    assert bars + thin == pytest.approx(run().report["host"]["share"] * run().elapsed, abs=calls)


def test_the_timeline_draws_the_lanes():
    with style():
        axes = timeline(run(), run().layers[0]).axes
    assert [label.get_text() for label in axes[0].get_yticklabels()][:3] == ["embed", "norm_sum", "linear"]
    assert sum(len(c.get_paths()) for c in axes[0].collections) == 24 + 24  # calls, and gaps before them
    low, high = axes[0].get_xlim()
    assert (low, high) == pytest.approx(tuple(t / 1e6 for t in run().layers[0]))  # µs


def test_fifos_are_strips():
    """LINEAR's call is one strip for each of its eight FIFOs and three ports; between calls there is none."""
    (span,) = (s for s in run().spans if s.name == "layers.0.in_proj_x")
    with style():
        axes = fifo(run(), (span.start, span.end)).axes[0]
        empty = fifo(run(), (0, 1000)).axes[0]
    names = [text.get_text() for text in axes.texts if text.get_text().startswith("linear.")]
    assert names == [g.name for g in span.record.gauges if g.peak]
    told = {g.name: f"peak {g.peak:,} of {g.capacity:,}, mean " for g in span.record.gauges}
    shown = [text.get_text() for text in axes.texts if text.get_text().startswith("peak ")]
    assert all(text.startswith(told[name]) for name, text in zip(names, shown, strict=True))
    assert [text.get_text() for text in empty.texts] == ["nothing in any FIFO"]


def test_fifo_fills_differ_in_grey():
    parts = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (LINE, LOW, HIGH, "#ffffff")]
    assert np.diff(np.array(parts) @ (0.299, 0.587, 0.114)).min() >= 40


def test_neighbours_in_bars_differ_without_colours():
    """By 40 of 255 in lightness, or by a hatch."""
    for bars in ((COMPUTE, WAIT, OTHER, HOST), (READ, WRITE)):
        for a, b in combinations(bars, 2):
            grey = [np.dot([int(c[i : i + 2], 16) for i in (1, 3, 5)], (0.299, 0.587, 0.114)) for c in (a, b)]
            assert abs(grey[0] - grey[1]) >= 40 or fill(a)["hatch"] != fill(b)["hatch"]


def test_colours_differ_in_grey():
    """Lightness (ITU-R BT.601) rises by 20 of 255 from kind to kind."""
    parts = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in KINDS.values()]
    grey = np.array(parts) @ (0.299, 0.587, 0.114)
    assert np.diff(grey).min() >= 20


# what a colour of linear RGB becomes without the cones for red or for green; Machado, Oliveira and Fernandes 2009
BLIND = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("kind", BLIND)
def test_colours_differ_without_a_cone(kind):
    """No two kinds are nearer than 15 in CIELAB, where about 2 can just be told."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in KINDS.values()])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(BLIND[kind]).T, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    f = np.cbrt(np.maximum(seen @ to_xyz.T / (0.9505, 1, 1.089), 216 / 24389))
    lab = np.stack((116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])), axis=1)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 1e9 * np.eye(len(lab))
    assert apart.min() > 15


def test_equal_runs_give_equal_files():
    for form in ("png", "svg"):
        with style():
            first, second = timeline(run()), timeline(run())
        assert render(first, form) == render(second, form)


def test_all_pictures_into_the_folder(kept, capsys):
    assert main(["plot", kept]) == 0
    names = [f"{kind}.{form}" for kind in RUN_KINDS for form in ("png", "svg")]
    assert capsys.readouterr().out == f"Drawn in {kept}: {', '.join(names)}\n"
    for name in names:
        path = os.path.join(kept, name)
        if name.endswith("png"):
            with Image.open(path) as image:
                assert image.width == 1800
                assert len(image.convert("L").getcolors()) > 20
        else:
            assert ElementTree.parse(path).getroot().tag.endswith("svg")


@pytest.mark.parametrize("kind", [kind for kind in RUN_KINDS if kind != "fifo"])
def test_a_gpu_has_pictures_too(kind, tmp_path):
    save(result("rtx3090-quant"), run("rtx3090-quant").report, str(tmp_path))
    assert main(["plot", str(tmp_path), "--kind", kind, "-o", str(tmp_path / "it.svg")]) == 0
    assert (tmp_path / "it.svg").stat().st_size > 1000


@pytest.mark.parametrize("platform", ["rtx3090-quant", "zcu102"])
def test_a_run_without_levels(platform, tmp_path, capsys):
    """A GPU has no FIFOs, and of a run that was not to be kept they were not noted."""
    done = simulate(str(PLATFORMS / f"{platform}.yaml"), Workload.of(workload(SMALL)))
    save(done, report(done), str(tmp_path))
    assert main(["plot", str(tmp_path), "--kind", "fifo"]) == 2
    assert capsys.readouterr().err == (
        "--kind fifo: must be of a run that has kept levels of FIFOs, as `tlm run --out` does of engines with "
        "FIFOs\n"
    )


@pytest.mark.parametrize("kind", ["timeline", "fifo"])
@pytest.mark.parametrize(
    "window", [["--layer", "1"], ["--from", "50 us", "--to", "50.1 us"], ["--to", "1 us"]]
)
def test_any_window_can_be_drawn(kept, tmp_path, window, kind):
    out = tmp_path / "window.png"
    assert main(["plot", kept, "--kind", kind, *window, "-o", str(out)]) == 0
    with Image.open(out) as image:
        assert image.width == 1800


def test_resolution_runs_the_platforms():
    """Two sides of a small model; ratios are latencies and energies divided."""
    platform = load_platform(str(PLATFORMS / "zcu102-rtl.yaml"))
    others = {"gpu": load_platform(str(PLATFORMS / "rtx3090-quant.yaml"))}
    found = scale(platform, others, workload(SMALL), (32, 64))
    ours, theirs = found.samples, found.baselines["gpu"]
    assert [s.side for s in ours] == [32, 64]
    assert ours[1].latency_s == result("zcu102-rtl").latency_s
    assert found.speedups("gpu") == [b.latency_s / a.latency_s for a, b in zip(ours, theirs, strict=True)]
    assert found.energy_ratios("gpu") == [b.energy_j / a.energy_j for a, b in zip(ours, theirs, strict=True)]


def test_resolution_from_the_command_line(tmp_path, capsys):
    model = tmp_path / "mine.yaml"
    model.write_text("d_model: 64\nlayers: 1\nclasses: 10\n")
    out = tmp_path / "r.png"
    arguments = ["plot", "zcu102-rtl", "--kind", "resolution", "--model", str(model), "-o", str(out)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"Drawn in {tmp_path}: r.png\n"
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "errors"),
    [
        (["--layer", "2"], ["--layer 2: must be 0 to 1, not 2"]),
        (["--layer", "1", "--to", "1 ms"], ["--layer 1: must be given without --from and --to"]),
        (
            ["--kind", "energy", "--from", "1 us"],
            ["--kind energy: must be timeline or fifo where --from is given"],
        ),
        (
            ["--from", "1"],
            ["--from 1: must be a time such as '10 ns', not '1' (add a unit: ps, ns, us, ms or s)"],
        ),
        (["--kind", "energy", "-o", "a.pdf"], ["-o a.pdf: must end in .png or .svg"]),
        (["--model", "tiny"], ["--model tiny: must be given with --kind resolution only"]),
    ],
)
def test_what_does_not_go_together(kept, capsys, arguments, errors):
    before = sorted(os.listdir(kept))
    assert main(["plot", kept, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == errors
    assert sorted(os.listdir(kept)) == before


def test_a_window_outside_the_run(kept, capsys):
    for window in (["--from", "2 us", "--to", "1 us"], ["--to", "10 s"], ["--from", "10 s"]):
        assert main(["plot", kept, *window]) == 2
        assert "--from, --to: must be a part of the run's " in capsys.readouterr().err


def test_a_platform_is_no_run(capsys):
    assert main(["plot", str(PLATFORMS / "zcu102.yaml")]) == 2
    assert capsys.readouterr().err.endswith("must be a folder that `tlm run --out` has kept\n")


def test_a_run_without_energy(tmp_path, capsys):
    base = PLATFORMS / "zcu102-rtl.yaml"
    path = tmp_path / "cold.yaml"
    path.write_text(f"uses: {base}\nenergy: ~\n")
    cold = simulate(str(path), Workload.of(workload(SMALL)))
    save(cold, report(cold), str(tmp_path / "run"))
    assert main(["plot", str(tmp_path / "run"), "--kind", "energy"]) == 2
    assert capsys.readouterr().err == "--kind energy: must be of a run whose platform has a section energy\n"
    assert main(["plot", str(tmp_path / "run")]) == 0
    assert not (tmp_path / "run" / "energy.png").exists()


def test_texts():
    assert [spell(t) for t in (0, 751_429, 2_000_000, 91_637_668_571)] == [
        "0 ps",
        "751.4 ns",
        "2 µs",
        "91.64 ms",
    ]
    assert [spell_share(s) for s in (0, 0.0004, 0.321)] == ["0.0%", "<0.1%", "32.1%"]
    assert [spell_joules(e) for e in (1.011, 0.0742, 3e-6, 2e-10)] == ["1.01 J", "74.2 mJ", "3 µJ", "200 pJ"]


def test_matplotlib_comes_with_pictures_only():
    code = "import sys, analysis.commands.run, analysis.commands.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PLATFORMS.parent, check=False).returncode == 0
