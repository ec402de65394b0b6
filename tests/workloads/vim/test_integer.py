import subprocess
import sys

import numpy as np
import pytest
import torch

from workloads.vim.errors import WorkloadError
from workloads.vim.fakequant import FakeQuantized
from workloads.vim.images import raw_pixels
from workloads.vim.integer import execute
from workloads.vim.quantize import quantize
from workloads.vim.schemes import Scheme

DIRECTION = [
    ("conv", "conv"),
    ("smooth", "smooth"),
    ("x_proj_dt", "linear"),
    ("dt_proj", "linear"),
    ("x_proj_b", "linear"),
    ("x_proj_c", "linear"),
    ("scan", "ssm"),
]
LAYER = [
    ("norm", "norm_sum"),
    ("in_proj_x", "linear"),
    ("in_proj_z", "linear"),
    *((f"forward.{name}", engine) for name, engine in DIRECTION),
    ("flip_x", "patch_ops"),
    ("flip_z", "patch_ops"),
    *((f"backward.{name}", engine) for name, engine in DIRECTION),
    ("flip_scan", "patch_ops"),
    ("merge", "norm_sum"),
    ("smooth", "smooth"),
    ("out_proj", "linear"),
    ("add", "norm_sum"),
]


@pytest.fixture(scope="module")
def quantized(model, calibration):
    return quantize(model, calibration)


@pytest.fixture(scope="module")
def pixels(images):
    return raw_pixels(images.numpy())


@pytest.fixture(scope="module")
def calls(quantized, pixels):
    found = []
    execute(quantized, pixels[0], found.append)
    return found


def test_calls_are_those_of_the_host(calls):
    """24 a layer, in order."""
    assert len(LAYER) == 24
    layers = [(f"layers.{i}.{name}", engine) for i in range(2) for name, engine in LAYER]
    assert [(call.name, call.engine) for call in calls] == [
        ("embed", "embed"),
        *layers,
        ("load_cls", "patch_ops"),
        ("norm_f", "norm_sum"),
        ("head", "linear"),
    ]


def test_calls_hand_their_outputs_on(calls, quantized, pixels):
    by_name = {call.name: call for call in calls}
    layer = "layers.1"
    x, z = by_name[f"{layer}.in_proj_x"].output, by_name[f"{layer}.in_proj_z"].output
    assert np.array_equal(by_name[f"{layer}.backward.conv"].inputs["x"], x[::-1])
    scan = by_name[f"{layer}.backward.scan"]
    assert np.array_equal(scan.inputs["z"], z[::-1])
    assert np.array_equal(scan.inputs["u"], by_name[f"{layer}.backward.conv"].output)
    assert np.array_equal(scan.inputs["b"], by_name[f"{layer}.backward.x_proj_b"].output)
    assert np.array_equal(scan.inputs["delta"], by_name[f"{layer}.backward.dt_proj"].output)
    merge = by_name[f"{layer}.merge"]
    assert np.array_equal(merge.inputs["a"], by_name[f"{layer}.forward.scan"].output)
    assert np.array_equal(merge.inputs["b"], scan.output[::-1])
    add = by_name[f"{layer}.add"]
    assert np.array_equal(add.inputs["a"], by_name["layers.0.add"].output)
    assert np.array_equal(add.output, add.inputs["a"] + add.inputs["b"])
    assert np.array_equal(by_name["load_cls"].output, add.output[4:5])  # 9 patches: the class token is row 4
    assert by_name["head"].output.shape == (1, 16)
    assert np.array_equal(execute(quantized, pixels[0]), by_name["head"].output[0, :5])


def test_images_do_not_see_each_other(quantized, pixels):
    alone = np.stack([execute(quantized, image) for image in pixels])
    assert np.array_equal(execute(quantized, pixels), alone)
    assert np.array_equal(execute(quantized, pixels[::-1].copy()), alone[::-1])
    assert alone.dtype == np.int32
    assert alone.shape == (3, 5)


def test_integers_follow_the_float_arithmetic_of_the_scheme(quantized, model, calibration, images, pixels):
    """Rounded weights and activations explain most of the distance to the float model."""
    got = execute(quantized, pixels) / 2.0**18
    with torch.no_grad():
        exact = model(images).numpy()
    fake = FakeQuantized(model, calibration, Scheme())(images).numpy()
    power = np.square(exact).mean()
    assert np.square(got - fake).mean() < 0.02 * power
    assert np.square(got - exact).mean() < 0.05 * power


def test_pixels_must_fit(quantized):
    for wrong in (np.zeros((3, 32, 32), np.int32), np.zeros((3, 48, 48)), np.zeros((0, 3, 48, 48), np.int32)):
        with pytest.raises(WorkloadError, match=r"custom: pixels must be int32 \[3, 48, 48\]"):
            execute(quantized, wrong)


def test_needs_no_torch():
    """Running a saved model takes NumPy only: torch costs seconds to import."""
    code = (
        "import sys; import workloads.vim.integer, workloads.vim.images; "
        "sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
