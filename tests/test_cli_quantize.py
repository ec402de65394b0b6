"""A checkpoint in the published layout through quantize, a simulated run, evaluate and export; and bad input."""

import argparse
import json

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.inference import add_arguments, data_of, inference_report
from analysis.platform_path import SHIPPED
from analysis.simulate import Workload, simulate
from tlm.__main__ import main
from workloads.lowering import workload
from workloads.vim.checkpoint import save_checkpoint
from workloads.vim.integer import execute
from workloads.vim.model import random_model
from workloads.vim.quantized import load_quantized

SIZES = {"d_model": 48, "layers": 2, "image_size": 48, "classes": 5}
MODEL = ["--model", "tiny", *(f"--{size.replace('_', '-')}={n}" for size, n in SIZES.items())]


@pytest.fixture(scope="module")
def config():
    torch.set_num_threads(1)
    return workload("tiny", **SIZES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, config):
    """A checkpoint, calibration images, and pictures in class folders."""
    path = tmp_path_factory.mktemp("published")
    save_checkpoint(path / "vim.pth", random_model(config, 0))
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (path / "images" / name).mkdir(parents=True)
        for i in range(3):
            pixels = rng.integers(0, 256, (64, 50, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(path / "images" / name / f"{i}.png")
    assert main(quantize(path)) == 0
    return path


def quantize(path, *more):
    return ["quantize", *MODEL, "--checkpoint", str(path / "vim.pth"), "--calibration", str(path / "images"),
            "-o", str(path / "vim.safetensors"), *more]  # fmt: skip


def refusal(capsys, arguments):
    """What a command says that ends with exit status 2."""
    assert main([str(a) for a in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err.splitlines()


def test_quantize_says_what_saturated(folder, capsys, tmp_path, config):
    model = random_model(config, 0)
    with torch.no_grad():
        model.patch_embed.proj.weight[0, 0, 0, :2] += 5
    save_checkpoint(tmp_path / "wide.pth", model)
    arguments = quantize(folder)
    arguments[arguments.index("--checkpoint") + 1] = str(tmp_path / "wide.pth")
    arguments[-1] = str(tmp_path / "wide.safetensors")
    assert main(arguments) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(
        f"{tmp_path / 'wide.safetensors'}: tiny(d_model=48, layers=2, image_size=48, classes=5) at 48"
    )
    assert first.endswith("calibrated on 6 images")
    assert second == "saturated: embed.weight, 2 of 36864 values"  # 48 features of 3 x 16 x 16 values


def test_quantize_is_deterministic(folder, capsys, tmp_path):
    arguments = [*quantize(folder, "--json")]
    arguments[arguments.index("-o") + 1] = str(tmp_path / "again.safetensors")
    assert main(arguments) == 0
    assert (tmp_path / "again.safetensors").read_bytes() == (folder / "vim.safetensors").read_bytes()
    told = json.loads(capsys.readouterr().out)
    assert told["calibration"]["images"] == 6
    assert told["saturated"] == {}


def test_another_resolution_and_few_images(folder, capsys, tmp_path):
    arguments = quantize(folder, "--resolution", "80", "--limit", "2", "--json")
    arguments[arguments.index("-o") + 1] = str(tmp_path / "large.safetensors")
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["calibration"]["images"] == 2
    assert load_quantized(tmp_path / "large.safetensors").resolution == 80


@pytest.mark.parametrize("platform", ["zcu102-rtl.yaml", "zcu102.yaml"])
def test_run(folder, config, platform):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    files = {"weights": "vim.safetensors", "checkpoint": "vim.pth", "image": "images/dogs/1.png"}
    chosen = parser.parse_args([f"--{what}={folder / name}" for what, name in files.items()])
    work = Workload.of(config)
    data = data_of(chosen, work)
    result = simulate(str(SHIPPED / platform), work, data=data)
    assert np.array_equal(result.logits, execute(load_quantized(folder / "vim.safetensors"), data.pixels))
    report = inference_report(result)
    assert report["notes"] == []
    assert {"embed", "layers.0", "layers.1", "logits"} < report["snr_db"].keys()
    # 768 products of a token are floored to 18 fraction bits, half of one too low each: 0.0015 of about 0.6
    assert 48 < report["snr_db"]["embed"] < 56


def test_evaluate_float_and_quantized(folder, capsys):
    files = ["--checkpoint", str(folder / "vim.pth"), "--weights", str(folder / "vim.safetensors")]
    assert main(["evaluate", *MODEL, *files, "--images", str(folder / "images"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["images"] == 6
    assert told["resolution"] == 48
    assert told["float_top5"] == told["w4a8_top5"] == 100  # five classes
    # a single image is worth 16.67 points of six
    assert round(told["w4a8_top1"] * 6 / 100, 6).is_integer()
    assert main(["evaluate", *files[2:], "--images", str(folder / "images"), "--limit", "2"]) == 0
    out = capsys.readouterr().out
    assert "at 48 pixels, 2 images" in out
    assert "W4A8, the integers of the hardware: top-1" in out
    assert "float:" not in out


def test_the_papers_table_for_any_checkpoint(folder, capsys):
    images = str(folder / "images")
    arguments = [*MODEL, "--checkpoint", str(folder / "vim.pth"), "--calibration", images, "--images", images]
    assert main(["evaluate", *arguments, "--limit", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["images"] == 2
    row = told["table"][0]
    assert {"weights", "granularity", "activations", "smoothing", "top1"} < row.keys()
    assert told["w4a8_snr_db"] > 10


def test_evaluate_digits(capsys):
    assert main(["evaluate", "--model", "digits", "--limit", "20", "--seeds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["images"] == 20
    assert told["float_top1"] - told["w4a8_top1"] <= 5  # one image
    assert main(["evaluate", "--model", "digits", "--limit", "5", "--seeds", "1"]) == 0
    out = capsys.readouterr().out
    assert "digits, 5 images" in out
    assert "APoT W4" in out


def test_export_and_validate(folder, capsys, tmp_path):
    arguments = [
        "--weights",
        folder / "vim.safetensors",
        "--image",
        folder / "images/cats/0.png",
        "-o",
        tmp_path / "x",
    ]
    assert main(["export", *map(str, arguments), "--base", "0x100000"]) == 0
    assert "calls: 52, 28 of them in golden/" in capsys.readouterr().out
    assert main(["validate", "--golden", str(tmp_path / "x" / "golden"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["files"], told["mismatches"]) == (28, 0)


def test_a_damaged_checkpoint(folder, capsys, tmp_path, config):
    raw = (folder / "vim.pth").read_bytes()
    (tmp_path / "images").symlink_to(folder / "images")
    (tmp_path / "vim.pth").write_bytes(raw[: len(raw) // 2])
    (line,) = refusal(capsys, quantize(tmp_path))
    assert line.startswith(f"{tmp_path / 'vim.pth'}: not a readable checkpoint")

    checkpoint = torch.load(folder / "vim.pth", weights_only=True)
    weights = checkpoint["model"]
    weights["head.weights"] = weights.pop("head.weight")
    weights["norm_f.weight"][0] = float("nan")
    torch.save(checkpoint, tmp_path / "vim.pth")
    assert refusal(capsys, quantize(tmp_path)) == [
        f"{tmp_path / 'vim.pth'}: head.weight is missing",
        f"{tmp_path / 'vim.pth'}: head.weights is not a weight of {config.name}",
        f"{tmp_path / 'vim.pth'}: norm_f.weight must be finite, but 1 of 48 values are not",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "vim.pth"]


def test_bad_images(folder, capsys, tmp_path):
    weights = ["--weights", folder / "vim.safetensors"]
    (tmp_path / "empty").mkdir()
    arguments = quantize(folder)
    arguments[arguments.index("--calibration") + 1] = tmp_path / "empty"
    arguments[-1] = tmp_path / "out.safetensors"
    assert refusal(capsys, arguments) == [f"{tmp_path / 'empty'}: no PNG or JPEG file in this folder"]
    (line,) = refusal(capsys, ["evaluate", *weights, "--images", tmp_path / "empty"])
    assert line == f"{tmp_path / 'empty'}: no PNG or JPEG file in a class folder of this folder"
    (tmp_path / "bad.png").write_bytes(b"GIF89a")
    (line,) = refusal(capsys, ["export", *weights, "--image", tmp_path / "bad.png", "-o", tmp_path / "out"])
    assert line.startswith(f"{tmp_path / 'bad.png'}: not a readable image")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.png", "empty"]


def test_a_damaged_quantized_model(folder, capsys, tmp_path):
    path = tmp_path / "vim.safetensors"
    path.write_bytes((folder / "vim.safetensors").read_bytes()[:-100])
    for command in (["evaluate", "--images", folder / "images"], ["export", "-o", tmp_path / "out"]):
        (line,) = refusal(capsys, [*command, "--weights", path])
        assert line.startswith(f"{path}: not a readable safetensors file")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            "quantize --model tiny -o x",
            [
                "--checkpoint must be given: only digits comes with its own",
                "--calibration must be given: only digits comes with its own",
            ],
        ),
        ("quantize --model digits --limit 0 -o x", ["--limit must be at least 1, not 0"]),
        (
            "quantize --model digits --resolution 65 -o none/x",
            [
                "digits: resolution must be 16 plus a multiple of 16, not 65",
                "none/x: must lie in a folder that is there; none is not",
            ],
        ),
        ("evaluate", ["--model must be given, or --weights of a quantized model",
                      "--images must be given: only digits comes with its own"]),
        ("evaluate --model tiny --images x", ["--checkpoint or --weights must be given with --images"]),
        ("evaluate --model digits --weights x",
         ["--weights must be left out without --images: digits is evaluated on its own"]),
        ("evaluate --model tini --checkpoint x --images x",
         ["model must be tiny, small, base or digits, not 'tini' (did you mean tiny?)"]),
        ("export -o x", ["--weights of a quantized model or --model must be given"]),
        ("export --weights w --layers 2 -o x", ["--layers must come with --model"]),
        ("export --model digits --base 100 -o x",
         ["--base must be a multiple of 4096, such as 0x10000000, not 100"]),
        ("export --model digits --calls foot -o x", ["foot must match the name of a call"]),
    ],
)  # fmt: skip
def test_refused_options(arguments, lines, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert refusal(capsys, arguments.split()) == lines
    assert list(tmp_path.iterdir()) == []
