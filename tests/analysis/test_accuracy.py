import numpy as np
import pytest
import torch

from analysis.accuracy import (
    SCHEMES,
    evaluate_digits,
    evaluate_folder,
    layer_snr,
    logits,
    mean_kl,
    snr_db,
    top,
)
from workloads.vim import digits
from workloads.vim.checkpoint import load_checkpoint
from workloads.vim.errors import WorkloadError
from workloads.vim.quantize import quantize
from workloads.vim.smoothing import calibrate


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model():
    return load_checkpoint(digits.CHECKPOINT, digits.CONFIG)


@pytest.fixture(scope="module")
def quantized(model):
    return quantize(model, calibrate(model, torch.from_numpy(digits.calibration_images())))


def test_measures_by_hand():
    scores = np.array([[1.0, 3.0, 2.0], [5.0, 5.0, 0.0]])
    assert top(scores, np.array([1, 1]), 1) == 50  # of two equal scores the first class counts
    assert top(scores, np.array([2, 1]), 2) == 100
    assert snr_db(np.array([10.0]), np.array([9.0])) == pytest.approx(20)  # 100 over 1
    assert snr_db(np.ones(2), np.ones(2)) == float("inf")
    # (1/2, 1/2) against (1/4, 3/4): 1/2 ln 2 + 1/2 ln(2/3) = 0.1438 nats
    assert mean_kl(np.zeros((1, 2)), np.log([[1.0, 3.0]])) == pytest.approx(0.143841, abs=1e-6)


def test_digits_lose_less_than_a_point(model, quantized):
    images, labels = (part[:200] for part in digits.load("test"))
    exact, integer = (top(logits(m, images), labels, 1) for m in (model, quantized))
    assert exact >= 97
    assert abs(exact - integer) <= 1


def test_table_over_the_schemes():
    steps = []
    found = evaluate_digits(limit=30, seeds=[0], progress=lambda done, total: steps.append((done, total)))
    assert found["images"] == 30
    assert {"float_top1", "float_top5", "w4a8_top1", "w4a8_top5"} < found.keys()
    assert len(found["table"]) == len(SCHEMES)
    first = found["table"][0]
    assert {"weights", "granularity", "activations", "smoothing", "top1"} < first.keys()
    assert (first["weights"], first["granularity"]) == ("uniform W8", "channel")
    rows = {(r["weights"], r["granularity"]): r for r in found["table"][:6]}
    # eight uniform bits are far closer to float than four; blocks of APoT closer than channels of PoT
    assert rows["uniform W8", "block 32"]["snr_db"] > rows["APoT W4", "block 32"]["snr_db"] + 6
    assert rows["APoT W4", "block 32"]["snr_db"] > rows["PoT W4", "channel"]["snr_db"] + 3
    assert steps[-1] == (30 * (2 + len(SCHEMES)), 30 * (2 + len(SCHEMES)))


def test_wrong_limits():
    with pytest.raises(WorkloadError, match="limit must be at least 1, not 0"):
        evaluate_digits(limit=0)
    with pytest.raises(WorkloadError, match="at least one seed"):
        evaluate_digits(seeds=[])


def write_digits(folder, each):
    from sklearn.datasets import load_digits

    data = load_digits()
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
        for k, i in enumerate(np.flatnonzero(data.target == label)[:each]):
            digits.digit_image(data.images[i]).save(folder / str(label) / f"{k}.png")
    return folder


def test_folder_of_digits(tmp_path, model, quantized):
    """PNG files of the digits, a folder a class, go through the same preprocessing as the data set."""
    folder = write_digits(tmp_path / "digits", 3)
    seen = []
    found = evaluate_folder(model, folder, progress=lambda done, total: seen.append((done, total)))
    assert found["images"] == 30
    assert found["top1"] >= 90
    assert found["top5"] == 100
    assert seen[-1] == (30, 30)
    assert evaluate_folder(quantized, folder, limit=10)["images"] == 10


def test_folder_errors(tmp_path, model):
    (tmp_path / "empty").mkdir()
    with pytest.raises(WorkloadError, match="no PNG or JPEG file"):
        evaluate_folder(model, tmp_path / "empty")
    folder = write_digits(tmp_path / "digits", 1)
    (folder / "eleven").mkdir()
    with pytest.raises(
        WorkloadError, match="must hold at most 10 class folders, the classes of digits, not 11"
    ):
        evaluate_folder(model, folder)
    (folder / "eleven").rmdir()
    (folder / "3" / "bad.png").write_bytes(b"x")
    with pytest.raises(WorkloadError, match=r"bad\.png: not a readable image"):
        evaluate_folder(model, folder)


def test_noise_per_layer(model, quantized):
    found = layer_snr(model, quantized, digits.load("test")[0][:4])
    names = [name for i in range(4) for name in (f"layers.{i}.out_proj", f"layers.{i}")]
    assert list(found) == ["embed", *names, "logits"]
    assert all(np.isfinite(value) and value > 10 for value in found.values())
    assert found["embed"] > 60  # 15-bit weights, 22-bit pixels
