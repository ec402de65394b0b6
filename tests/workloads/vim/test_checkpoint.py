import argparse

import pytest
import torch

from workloads.vim.checkpoint import load_checkpoint, save_checkpoint
from workloads.vim.config import PRESETS
from workloads.vim.errors import WorkloadError


@pytest.fixture
def path(tmp_path, model):
    save_checkpoint(tmp_path / "model.pth", model)
    return tmp_path / "model.pth"


def edited(path, edit):
    checkpoint = torch.load(path, weights_only=True)
    edit(checkpoint)
    torch.save(checkpoint, path)
    return path


def test_round_trip(path, model, config, images):
    with torch.no_grad():
        assert torch.equal(load_checkpoint(path, config)(images), model(images))


def test_half_precision_is_widened(tmp_path, model, config):
    save_checkpoint(tmp_path / "half.pth", model, torch.float16)
    loaded = load_checkpoint(tmp_path / "half.pth", config)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert torch.equal(loaded.norm_f.weight, model.norm_f.weight.half().float())


def test_arguments_stored_beside_the_weights_are_accepted(path, config):
    edited(path, lambda c: c.update(args=argparse.Namespace(lr=1e-3), epoch=3))
    load_checkpoint(path, config)


def test_everything_wrong_is_named_at_once(path, config):
    def spoil(checkpoint):
        weights = checkpoint["model"]
        del weights["layers.1.mixer.A_b_log"]
        weights["layers.9.norm.weight"] = torch.ones(48)
        weights["head.weight"] = torch.ones(7, 48)
        weights["norm_f.weight"][3] = float("nan")

    with pytest.raises(WorkloadError) as error:
        load_checkpoint(edited(path, spoil), config)
    assert error.value.messages == [
        f"{path}: head.weight must have shape [5, 48], not [7, 48]",
        f"{path}: layers.1.mixer.A_b_log is missing",
        f"{path}: layers.9.norm.weight is not a weight of custom",
        f"{path}: norm_f.weight must be finite, but 1 of 48 values are not",
    ]


def test_another_size_is_refused(path):
    with pytest.raises(WorkloadError) as error:
        load_checkpoint(path, PRESETS["digits"])
    assert f"{path}: cls_token must have shape [1, 1, 64], not [1, 1, 48]" in error.value.messages
    assert f"{path}: layers.3.norm.weight is missing" in error.value.messages


@pytest.mark.parametrize("keep", [0, 1, 100, 5_000, -1_000, -1])
def test_truncated_file(path, config, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WorkloadError, match="not a readable checkpoint"):
        load_checkpoint(path, config)


@pytest.mark.parametrize("content", [b"hello", b"\x80\x04N.", b"\x00" * 64])
def test_something_else(path, config, content):
    path.write_bytes(content)
    with pytest.raises(WorkloadError) as error:
        load_checkpoint(path, config)
    assert len(error.value.messages) == 1


def test_code_in_a_pickle_is_not_run(path, config, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "bomb"), "w"))

    torch.save({"model": Bomb()}, path)
    with pytest.raises(WorkloadError, match="not a readable checkpoint"):
        load_checkpoint(path, config)
    assert not (tmp_path / "bomb").exists()


def test_weights_must_lie_under_model(path, config):
    torch.save({"state_dict": {}}, path)
    with pytest.raises(WorkloadError, match='must be a dict with the weights under "model"'):
        load_checkpoint(path, config)


def test_missing_file(tmp_path, config):
    with pytest.raises(WorkloadError, match=r"none\.pth: no such file"):
        load_checkpoint(tmp_path / "none.pth", config)
