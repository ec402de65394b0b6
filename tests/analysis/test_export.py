import json

import numpy as np
import pytest

from analysis import export as export_module
from analysis.data import Data
from analysis.export import export, readmemh
from analysis.golden import validate_golden
from workloads.numerics.layouts import unpack_conv_signs, unpack_linear_codes, unpack_scales
from workloads.vim.config import VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.integer import execute
from workloads.vim.quantized import random_quantized

CONFIG = VimConfig("custom", d_model=48, layers=2, image_size=48, classes=5)
BASE = 0x10000000


@pytest.fixture(scope="module")
def data():
    images = np.random.default_rng(0).normal(size=(1, 3, 48, 48)).astype(np.float32)
    return Data(random_quantized(CONFIG, 0), images, "random, seed 0", ("noise",), notes=("not real",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("export") / "out"
    assert export(path, data, BASE, ["*"]) == json.loads((path / "manifest.json").read_text())
    return path


@pytest.fixture(scope="module")
def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def stored(folder, manifest, name):
    """Bytes of a tensor out of the memory image, by the manifest alone."""
    tensor = next(t for t in manifest["tensors"] if t["name"] == name)
    file = manifest["files"][{"weight": "weights", "input": "input", "output": "output"}[tensor["role"]]]
    first = tensor["address"] - file["address"]
    return (folder / file["binary"]).read_bytes()[first : first + tensor["bytes"]], tuple(tensor["shape"])


def test_memory_images_hold_the_tensors_at_their_addresses(folder, manifest, data):
    model = data.model
    for name, unpack in (
        ("layers.1.out_proj.codes", unpack_linear_codes),
        ("layers.0.backward.conv.signs", unpack_conv_signs),
        ("head.scales", unpack_scales),
    ):
        assert np.array_equal(unpack(*stored(folder, manifest, name)), model.arrays[name])
    raw, shape = stored(folder, manifest, "embed.image")
    patches = np.frombuffer(raw, "<i4").reshape(shape)
    assert shape == (9, 768)
    assert np.array_equal(patches[4].reshape(3, 16, 16), data.pixels[0, :, 16:32, 16:32])
    raw, shape = stored(folder, manifest, "head.y")
    assert np.array_equal(np.frombuffer(raw, "<i4")[:5], execute(model, data.pixels)[0])


def test_the_manifest_places_everything(manifest):
    tensors = {t["name"]: t for t in manifest["tensors"]}
    assert manifest["files"]["weights"]["address"] == BASE
    assert all(t["address"] >= BASE and t["address"] % 4096 == 0 for t in tensors.values())
    calls = {call["name"]: call for call in manifest["calls"]}
    assert len(calls) == 1 + 2 * 24 + 3
    assert calls["layers.0.in_proj_z"]["registers"] == {"flags": 2}
    assert calls["layers.0.forward.dt_proj"]["registers"] == {"flags": 5}
    assert calls["layers.0.merge"]["registers"] == {"mode": 3}
    assert calls["load_cls"]["registers"] == {"mode": 1, "cls_token_idx": 4}
    for call in calls.values():
        assert set(call["operands"].values()) <= tensors.keys()
    assert tensors["embed.weight"]["layout"] == "int16"
    assert manifest["notes"] == ["not real"]


def test_readmemh_lines(folder, manifest):
    """32 bytes 0 to 31 at 0x40: word 2, highest byte first."""
    assert readmemh(bytes(range(32)), 0x40) == "@2\n" + bytes(range(31, -1, -1)).hex() + "\n"
    for file in manifest["files"].values():
        lines = (folder / file["hex"]).read_text().splitlines()
        assert lines[0] == f"@{file['address'] // 32:x}"
        assert (
            b"".join(bytes.fromhex(line)[::-1] for line in lines[1:])
            == (folder / file["binary"]).read_bytes()
        )


def test_golden_calls_validate(folder, manifest):
    report = validate_golden(folder / "golden")
    assert report.mismatches == 0
    assert len(report.per_file) == len(manifest["calls"]) == 52
    assert {call["golden"] for call in manifest["calls"]} == {f"golden/{name}" for name in report.per_file}
    with np.load(folder / "golden" / "LINEAR_layers.0.forward.x_proj_dt_P10.npz") as arrays:
        assert np.array_equal(unpack_linear_codes(arrays["w_words"], (16, 96)), arrays["w_codes"])


def test_calls_are_chosen_by_pattern(tmp_path, data):
    manifest = export(tmp_path / "out", data, calls=["layers.1.*.scan", "head"])
    chosen = [call["name"] for call in manifest["calls"] if call["golden"]]
    assert chosen == ["layers.1.forward.scan", "layers.1.backward.scan", "head"]
    with pytest.raises(WorkloadError) as error:
        export(tmp_path / "none", data, calls=["head", "layers.7.*", "foot"])
    assert error.value.messages == [
        "layers.7.* must match the name of a call",
        "foot must match the name of a call",
    ]
    assert not (tmp_path / "none").exists()


def test_the_folder_must_be_new(tmp_path, data):
    (tmp_path / "empty").mkdir()
    export(tmp_path / "empty", data, calls=["head"])
    for path, rule in (
        (tmp_path / "empty", "must be a new or an empty folder"),
        (tmp_path / "a" / "b", "must lie in a folder that is there"),
    ):
        with pytest.raises(WorkloadError, match=rule):
            export(path, data)


def test_nothing_is_left_of_an_export_that_fails(tmp_path, data, monkeypatch):
    def full(*_args, **_arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_module.np, "savez_compressed", full)
    with pytest.raises(WorkloadError, match=r"out: cannot be written \(No space left on device\)"):
        export(tmp_path / "out", data)
    assert list(tmp_path.iterdir()) == []
