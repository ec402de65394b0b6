import argparse
import json

import numpy as np
import pytest
from PIL import Image

from analysis.data import Data
from analysis.inference import add_arguments, data_of, inference_lines, inference_report
from analysis.platform_path import SHIPPED
from analysis.simulate import Result, Workload, simulate
from workloads.vim.config import PRESETS, VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.images import load_image
from workloads.vim.integer import execute
from workloads.vim.quantized import random_quantized, save_quantized

CONFIG = VimConfig("custom", d_model=48, layers=2, image_size=48, classes=5)
PLATFORM = str(SHIPPED / "zcu102-rtl.yaml")


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cat.png")
    return str(tmp_path / "cat.png")


def test_random_tensors_are_told_as_such():
    workload = Workload.of(CONFIG, 48)
    data, again, other = (data_of(options("--seed", seed), workload) for seed in "112")
    assert [note.split(" (")[0] for note in data.notes] == [
        "random pixels from seed 1",
        "random weights from seed 1: times are real, classes mean nothing",
    ]
    assert np.array_equal(data.pixels, again.pixels)
    assert not np.array_equal(data.pixels, other.pixels)
    assert not np.array_equal(data.model.arrays["head.codes"], other.model.arrays["head.codes"])


def test_weights_and_picture_from_files(tmp_path, picture):
    save_quantized(tmp_path / "m.safetensors", random_quantized(CONFIG, 5))
    workload = Workload.of(CONFIG, 48, 2)
    data = data_of(options("--weights", str(tmp_path / "m.safetensors"), "--image", picture), workload)
    assert data.notes == ()
    assert data.image_sources == (picture, picture)
    assert np.array_equal(data.images[1], load_image(picture, 48))
    result = simulate(PLATFORM, workload, data=data)
    report = inference_report(result)
    assert json.loads(json.dumps(report)) == report
    row = execute(data.model, data.pixels)[1]
    best = report["images"][1]["top"]
    assert [k["class"] for k in best] == np.argsort(-row, kind="stable").tolist()
    assert best[0]["logit"] == row.max() / 2**18
    assert sum(k["probability"] for k in best) == pytest.approx(1)  # all five classes
    assert report["snr_db"] is None
    assert inference_lines(report)[0] == f"weights: {tmp_path / 'm.safetensors'}"


def test_digits_come_with_weights_pictures_and_a_float_model():
    data = data_of(options("--seed", "3"), Workload.of(PRESETS["digits"]))
    result = simulate(PLATFORM, Workload.of(PRESETS["digits"]), data=data)
    report = inference_report(result)
    (image,) = report["images"]
    assert image["source"] == f"held-out digit 3, a {image['label']}"
    assert image["top"][0]["name"] == str(image["label"])
    assert image["top"][0]["probability"] > 0.5
    assert {"embed", "layers.3", "logits"} < report["snr_db"].keys()
    assert report["snr_db"]["embed"] > report["snr_db"]["layers.3"] > 10
    assert report["notes"] == []
    assert any(line.startswith(f"  class {image['label']} ") for line in inference_lines(report))


def test_top_five_by_hand():
    """Logits 0, 1, 3, 2, 1, -1: of equal ones the first class comes first."""
    logits = np.array([[0, 1, 3, 2, 1, -1]], np.int32) << 18
    data = Data(random_quantized(CONFIG, 0), np.zeros((1, 3, 48, 48), np.float32))
    result = Result(Workload.of(CONFIG, 48), None, None, data, logits)
    (image,) = inference_report(result)["images"]
    assert [k["class"] for k in image["top"]] == [2, 3, 1, 4, 0]
    assert [k["logit"] for k in image["top"]] == [3, 2, 1, 1, 0]
    total = np.exp([0, 1, 3, 2, 1, -1]).sum()
    assert image["top"][0]["probability"] == pytest.approx(np.exp(3) / total)


def test_timing_only():
    workload = Workload.of(CONFIG, 48)
    assert data_of(options("--no-data"), workload) is None
    assert inference_report(simulate(PLATFORM, workload)) is None
    with pytest.raises(WorkloadError) as error:
        data_of(options("--no-data", "--image", "a", "--weights", "b"), workload)
    assert error.value.messages == [
        "--weights must be left out with --no-data",
        "--image must be left out with --no-data",
    ]


def test_what_does_not_fit_the_workload(tmp_path, picture):
    path = str(tmp_path / "m.safetensors")
    save_quantized(path, random_quantized(CONFIG, 5))
    wide = VimConfig("wide", d_model=64, layers=2, image_size=48, classes=5)
    with pytest.raises(WorkloadError) as error:
        data_of(options("--weights", path), Workload.of(wide, 80))
    assert error.value.messages == [
        f"{path}: d_model must be 64, as that of wide, not 48",
        f"{path}: must be quantized for 80 pixels, not 48 "
        "(run with --resolution 48, or quantize with --resolution 80)",
    ]
    with pytest.raises(WorkloadError, match="--image must be given once or 3 times, not 2"):
        data_of(options("--image", picture, "--image", picture), Workload.of(CONFIG, 48, 3))
    with pytest.raises(WorkloadError, match="--checkpoint must come with --weights"):
        data_of(options("--checkpoint", "x"), Workload.of(CONFIG, 48))
    with pytest.raises(WorkloadError, match="--seed must be at least 0, not -1"):
        data_of(options("--seed", "-1"), Workload.of(CONFIG, 48))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(WorkloadError, match=r"bad\.png: not a readable image"):
        data_of(options("--image", str(tmp_path / "bad.png")), Workload.of(CONFIG, 48))
