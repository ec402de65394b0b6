import copy

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from workloads.vim.config import PRESETS, VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.model import random_model
from workloads.vim.quantize import CONV_LEVELS, quantize
from workloads.vim.quantized import check, load_quantized, random_quantized, save_quantized, schema
from workloads.vim.schemes import Scheme, quantized_weight
from workloads.vim.smoothing import calibrate, factors, fold


@pytest.fixture(scope="module")
def quantized(model, calibration):
    return quantize(model, calibration)


def linear_weights(op):
    """What the linear engine multiplies by: level in 1/256 times scale with 26 fraction bits."""
    level = np.array([0, 128, 64, 16, 32, 160, 96, 48])[op["codes"] & 7] * np.where(op["codes"] & 8, -1, 1)
    scale = np.repeat(op["scales"].T / 2.0**26, 32, axis=1)[:, : level.shape[1]]
    return level / 256 * scale


def test_every_array_is_there_with_its_type_and_shape(quantized, config):
    found = {name: (str(a.dtype), a.shape) for name, a in quantized.arrays.items()}
    assert found == schema(config, 48)
    assert found["layers.0.out_proj.codes"] == ("uint8", (48, 96))
    assert found["layers.0.in_proj_x.scales"] == ("uint32", (2, 96))  # 48 inputs: a block of 32, one of 16
    assert found["layers.1.backward.dt_proj.codes"] == ("uint8", (96, 16))
    assert found["head.bias"] == ("int32", (16,))


def test_linear_weights_are_the_apot_levels_of_the_folded_ones(quantized, model, calibration):
    """The 1/0.625 of the levels' normalization lies in the stored scale, exact to half of 2**-26."""
    mixer = fold(model, factors(model, calibration)).layers[0].mixer
    for name, weight in (
        ("layers.0.in_proj_x", mixer.in_proj.weight[:96]),
        ("layers.0.in_proj_z", mixer.in_proj.weight[96:]),
        ("layers.0.backward.x_proj_c", mixer.x_proj_b.weight[-16:]),
        ("layers.0.out_proj", mixer.out_proj.weight),
    ):
        expected = quantized_weight(weight.detach().numpy(), "apot", 4, 32)
        np.testing.assert_allclose(linear_weights(quantized.op(name)), expected, atol=2.0**-26)


def test_a_block_by_hand():
    """Block maximum 0.5: scale 0.5 / 0.625 = 0.8. Weights 0.5, 0.26, -0.1, 0.02 over 0.5:

    1, 0.52, 0.2, 0.04. The nearest levels are 1, 0.6, 0.2 and 0: codes 5, 6, 8 + 4 and 0.
    """
    model = random_model(VimConfig("one", d_model=16, layers=1, image_size=32, classes=3), 0)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.weight[1, :4] = torch.tensor([0.5, 0.26, -0.1, 0.02])
    plain = calibrate(model, torch.ones(1, 3, 32, 32))
    # activations chosen so that every factor of the head is 1: max|X| = max|W|, at least the floor
    plain.maxima["head"][:] = model.head.weight.detach().abs().amax(0).clamp(min=1e-5)
    model.norm_f.weight.data.fill_(0.5)
    op = quantize(model, plain).op("head")
    assert op["codes"].shape == (16, 16)
    assert op["codes"][1].tolist() == [5, 6, 12, 0] + [0] * 12
    assert op["scales"][0, 1] == round(0.8 * 2**26)
    assert not op["codes"][[0, *range(2, 16)]].any()
    assert not op["bias"][3:].any()


def test_padding_is_zero_codes(quantized, config):
    rank = config.dt_rank
    assert rank == 3
    assert not quantized.arrays["layers.0.forward.x_proj_dt.codes"][rank:].any()
    assert not quantized.arrays["layers.0.forward.dt_proj.codes"][:, rank:].any()
    assert quantized.arrays["layers.0.forward.x_proj_dt.codes"][:rank].any()


def test_convolution_weights(quantized, model, calibration):
    conv = fold(model, factors(model, calibration)).layers[1].mixer.conv1d_b.weight[:, 0].detach().numpy()
    op = quantized.op("layers.1.backward.conv")
    level = CONV_LEVELS[op["codes"]] / 256 * np.where(op["signs"], -1, 1)
    got = level * op["scales"][:, None] / 2.0**26
    np.testing.assert_allclose(got, quantized_weight(conv, "apot", 5, None), atol=2.0**-26)
    assert CONV_LEVELS.tolist()[:6] == [0, 128, 32, 8, 64, 192]


def test_the_scan_and_the_embedding_keep_full_width(quantized, model):
    a = quantized.arrays["layers.0.forward.scan.a"] / 2.0**18
    np.testing.assert_allclose(a, -np.exp(model.layers[0].mixer.A_log.detach().numpy()), atol=2.0**-18)
    w = quantized.arrays["embed.weight"].reshape(48, 3, 16, 16) / 2.0**15
    np.testing.assert_allclose(w, model.patch_embed.proj.weight.detach().numpy(), atol=2.0**-16)
    position = quantized.arrays["embed.position"] / 2.0**18
    np.testing.assert_allclose(position, model.pos_embed[0].detach().numpy(), atol=2.0**-18)


def test_what_does_not_fit_is_counted(model, calibration):
    wide = copy.deepcopy(model)
    with torch.no_grad():
        wide.patch_embed.proj.weight[0, 0, 0, :2] += 5
    found = quantize(wide, calibration)
    assert found.saturated == {"embed.weight": 2}
    assert found.arrays["embed.weight"][0, :2].tolist() == [32767, 32767]


def test_scheme_and_sizes_the_hardware_lacks(calibration):
    odd = random_model(VimConfig("odd", d_model=48, layers=2, image_size=48, classes=5, d_conv=3), 0)
    with pytest.raises(WorkloadError) as error:
        quantize(odd, calibration, Scheme(activations="static"))
    assert error.value.messages == [
        "odd: d_conv must be 4, as the engines are built, not 3",
        "the hardware runs scheme.activations = dynamic only, not static",
    ]


def test_another_resolution(model):
    found = quantize(model, calibrate(model, torch.zeros(1, 3, 80, 80)))
    assert found.resolution == 80
    assert found.arrays["embed.position"].shape == (26, 48)


def test_same_model_same_bytes(tmp_path, model, images, quantized):
    save_quantized(tmp_path / "a", quantized)
    save_quantized(tmp_path / "b", quantize(model, calibrate(model, images)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_round_trip(tmp_path, quantized):
    save_quantized(tmp_path / "m.safetensors", quantized)
    loaded = load_quantized(tmp_path / "m.safetensors")
    assert (loaded.config, loaded.resolution, loaded.scheme) == (quantized.config, 48, Scheme())
    assert loaded.calibration == quantized.calibration
    assert loaded.calibration["images"] == 3
    for name, array in quantized.arrays.items():
        np.testing.assert_array_equal(loaded.arrays[name], array)


def test_unreadable_files(tmp_path, quantized):
    path = tmp_path / "m.safetensors"
    with pytest.raises(WorkloadError, match="no such file"):
        load_quantized(path)
    save_quantized(path, quantized)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WorkloadError, match="not a readable safetensors file"):
        load_quantized(path)
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(WorkloadError, match="the metadata is not that of a quantized Vision Mamba"):
        load_quantized(path)
    with pytest.raises(WorkloadError, match="cannot be written"):
        save_quantized(tmp_path / "none" / "m.safetensors", quantized)


def test_wrong_arrays_are_named_at_once(tmp_path, quantized):
    from safetensors import safe_open

    path = tmp_path / "m.safetensors"
    save_quantized(path, quantized)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    arrays = load_file(path)
    del arrays["norm_f.weight"]
    arrays["more.codes"] = np.zeros(1, np.uint8)
    arrays["head.bias"] = arrays["head.bias"][:5]
    arrays["head.codes"] = arrays["head.codes"] + np.uint8(16)
    save_file(arrays, path, metadata)
    with pytest.raises(WorkloadError) as error:
        load_quantized(path)
    top = arrays["head.codes"].max()
    assert error.value.messages == [
        f"{path}: norm_f.weight is missing",
        f"{path}: more.codes is not an array of custom",
        f"{path}: head.codes must hold 0..15, not {top}",
        f"{path}: head.bias must be int32 [16], not int32 [5]",
    ]


def test_random_weights_are_reproducible_and_valid():
    config = PRESETS["digits"]
    first, again, other = (
        random_quantized(config, 1),
        random_quantized(config, 1),
        random_quantized(config, 2),
    )
    check(first)
    assert all(np.array_equal(first.arrays[name], again.arrays[name]) for name in first.arrays)
    assert not np.array_equal(first.arrays["head.codes"], other.arrays["head.codes"])
    assert random_quantized(config, 1, 96).arrays["embed.position"].shape == (37, 64)
