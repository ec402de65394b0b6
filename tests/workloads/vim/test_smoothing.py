import copy

import numpy as np
import pytest
import torch

from workloads.vim.errors import WorkloadError
from workloads.vim.fakequant import FakeQuantized
from workloads.vim.model import points
from workloads.vim.schemes import FLOAT, Scheme
from workloads.vim.smoothing import calibrate, explicit, factors, fold


def test_calibration_keeps_the_largest_of_each_token_and_feature(model, config, images, calibration):
    assert list(calibration.maxima) == points(config)
    assert calibration.maxima["layers.0.conv"].shape == (10, 96)
    assert calibration.maxima["head"].shape == (1, 48)
    parts = [calibrate(model, image[None]).maxima["layers.1.out_proj"] for image in images]
    torch.testing.assert_close(calibration.maxima["layers.1.out_proj"], torch.stack(parts).amax(0))
    assert calibration.provenance["images"] == 3


def test_factor_is_the_root_of_activation_over_weight(model, calibration):
    s = factors(model, calibration)
    x = calibration.maxima["layers.0.forward.x_proj"].amax(0)
    w = model.layers[0].mixer.x_proj.weight.abs().amax(0)
    torch.testing.assert_close(s["layers.0.forward.x_proj"], torch.sqrt(x / w).detach())


def test_convolutions_share_the_larger_factor(model, calibration):
    x = calibration.maxima["layers.0.conv"].amax(0)
    mixer = model.layers[0].mixer
    each = [torch.sqrt(x / conv.weight.abs().amax((1, 2))) for conv in (mixer.conv1d, mixer.conv1d_b)]
    torch.testing.assert_close(factors(model, calibration)["layers.0.conv"], torch.maximum(*each).detach())


def test_folding_changes_nothing(model, calibration, images):
    s = factors(model, calibration)
    folded = fold(model, s)
    with torch.no_grad():
        expected = model(images)
        got = folded(images, lambda point, x: x / s[point] if explicit(point) else x)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert not torch.equal(folded.layers[0].norm.weight, model.layers[0].norm.weight)


def test_norm_weights_fit_the_engine(model, images):
    """A norm weight of 1000 is below 1 after folding, its factors doubled alike, and nothing changes."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        model.norm_f.weight[0] += 1000
        heavy = calibrate(model, images)
        s = factors(model, heavy)
        folded = fold(model, s)
        got = folded(images, lambda point, x: x / s[point] if explicit(point) else x)
        torch.testing.assert_close(got, model(images), rtol=1e-3, atol=1e-4)
    assert folded.norm_f.weight.abs().max() < 1
    plain = torch.sqrt(heavy.maxima["head"].amax(0) / model.head.weight.abs().amax(0)).detach()
    gain = s["head"] / plain
    torch.testing.assert_close(gain, torch.full_like(gain, gain[0].round().item()))
    assert np.log2(gain[0].round().item()) % 1 == 0


def test_explicit_factors_fit_the_engine(model, calibration):
    """A channel that is nearly always 0 wants 1/s beyond 64; the engine has six integer bits."""
    maxima = {k: v.clone() for k, v in calibration.maxima.items()}
    maxima["layers.0.out_proj"][:, 0] = 1e-9
    quiet = type(calibration)(calibration.resolution, maxima, {})
    assert 1 / factors(model, quiet)["layers.0.out_proj"][0] < 64


def test_calibration_refuses_what_is_not_finite(model, images):
    with pytest.raises(WorkloadError, match=r"activations at layers\.0\.in_proj are not finite"):
        calibrate(model, images * float("nan"))
    with pytest.raises(WorkloadError, match="at least one image"):
        calibrate(model, images[:0])


def test_float_scheme_is_the_float_model(model, calibration, images):
    with torch.no_grad():
        torch.testing.assert_close(FakeQuantized(model, calibration, FLOAT)(images), model(images))


def error_of(model, calibration, images, scheme):
    with torch.no_grad():
        return float((FakeQuantized(model, calibration, scheme)(images) - model(images)).square().mean())


def test_more_bits_are_closer(model, calibration, images):
    w3, w5 = (error_of(model, calibration, images, Scheme(bits=bits)) for bits in (3, 5))
    w8 = error_of(model, calibration, images, Scheme(weights="uniform", bits=8))
    assert w8 < w5 < w3


@pytest.mark.parametrize("granularity", ["token", "tensor"])
def test_static_scales_come_from_calibration(model, images, granularity):
    """On the one image that calibrated it, static is dynamic; a louder image is cut off."""
    one = calibrate(model, images[:1])
    weights = {"weights": "float", "bits": 32, "activation_granularity": granularity}
    static = FakeQuantized(model, one, Scheme(activations="static", **weights))
    dynamic = FakeQuantized(model, one, Scheme(activations="dynamic", **weights))
    torch.testing.assert_close(static(images[:1]), dynamic(images[:1]), rtol=0.05, atol=0.02)
    assert not torch.allclose(static(images[1:2] * 4), dynamic(images[1:2] * 4), rtol=0.05, atol=0.02)
