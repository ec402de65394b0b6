"""The torch model against plain loops in NumPy, written from the published description."""

import numpy as np
import pytest
import torch

from workloads.vim.config import PRESETS, VimConfig
from workloads.vim.model import VisionMamba, interpolate_positions, points
from workloads.vim.scan import selective_scan


def silu(x):
    return x / (1 + np.exp(-x))


def rms_norm(x, weight):
    return x / np.sqrt(np.mean(x * x) + 1e-5) * weight


def one_direction(w, x, z, b):
    """x, z: lists of tokens; b: "" or "_b", the suffix of the direction's weights."""
    taps, conv_bias = w[f"conv1d{b}.weight"][:, 0], w[f"conv1d{b}.bias"]
    rates = -np.exp(w["A_b_log" if b else "A_log"])
    rank = w[f"dt_proj{b}.weight"].shape[1]
    state = np.zeros_like(rates)
    outputs = []
    for t in range(len(x)):
        u = conv_bias.copy()
        for tap in range(4):
            if t - 3 + tap >= 0:
                u += taps[:, tap] * x[t - 3 + tap]
        u = silu(u)
        projected = w[f"x_proj{b}.weight"] @ u
        dt, into, out = projected[:rank], projected[rank : rank + 16], projected[rank + 16 :]
        delta = np.log1p(np.exp(w[f"dt_proj{b}.weight"] @ dt + w[f"dt_proj{b}.bias"]))
        for channel in range(len(u)):
            for n in range(16):
                decay = np.exp(delta[channel] * rates[channel, n])
                state[channel, n] = decay * state[channel, n] + delta[channel] * u[channel] * into[n]
        outputs.append((state @ out + w[f"D{b}"] * u) * silu(z[t]))
    return outputs


def reference_logits(state, config, image):
    side, p = config.grid(), config.patch
    kernel = state["patch_embed.proj.weight"]
    tokens = []
    for row in range(side):
        for column in range(side):
            patch = image[:, row * p : (row + 1) * p, column * p : (column + 1) * p]
            tokens.append((kernel * patch).sum((1, 2, 3)) + state["patch_embed.proj.bias"])
    middle = len(tokens) // 2
    tokens.insert(middle, state["cls_token"][0, 0])
    residual = [token + position for token, position in zip(tokens, state["pos_embed"][0], strict=True)]
    for i in range(config.layers):
        prefix = f"layers.{i}.mixer."
        w = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        both = [w["in_proj.weight"] @ rms_norm(token, state[f"layers.{i}.norm.weight"]) for token in residual]
        x, z = [v[: config.d_inner] for v in both], [v[config.d_inner :] for v in both]
        forward = one_direction(w, x, z, "")
        backward = one_direction(w, x[::-1], z[::-1], "_b")[::-1]
        for t in range(len(residual)):
            residual[t] = residual[t] + w["out_proj.weight"] @ ((forward[t] + backward[t]) / 2)
    return state["head.weight"] @ rms_norm(residual[middle], state["norm_f.weight"]) + state["head.bias"]


def test_logits_equal_plain_loops(model, config, images):
    state = {key: value.double().numpy() for key, value in model.state_dict().items()}
    expected = [reference_logits(state, config, image) for image in images.double().numpy()]
    with torch.no_grad():
        got = model(images).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert np.std(expected, axis=0).min() > 1e-3  # the image matters


@pytest.mark.parametrize(
    ("name", "parameters"), [("tiny", 7_148_008), ("small", 25_796_584), ("base", 97_598_440)]
)
def test_published_sizes(name, parameters):
    with torch.device("meta"):
        model = VisionMamba(PRESETS[name])
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_parameter_names_are_the_published_ones():
    with torch.device("meta"):
        shapes = {k: tuple(v.shape) for k, v in VisionMamba(PRESETS["tiny"]).state_dict().items()}
    mixer = {
        k.removeprefix("layers.23.mixer."): v for k, v in shapes.items() if k.startswith("layers.23.mixer.")
    }
    one = {"conv1d.weight": (384, 1, 4), "conv1d.bias": (384,), "x_proj.weight": (44, 384)}
    one |= {"dt_proj.weight": (384, 12), "dt_proj.bias": (384,)}
    both = one | {key.replace(".", "_b.", 1): shape for key, shape in one.items()}
    both |= {"A_log": (384, 16), "A_b_log": (384, 16), "D": (384,), "D_b": (384,)}
    assert mixer == both | {"in_proj.weight": (768, 192), "out_proj.weight": (192, 384)}
    outside = {k: v for k, v in shapes.items() if not k.startswith("layers.")}
    assert outside == {
        "cls_token": (1, 1, 192),
        "pos_embed": (1, 197, 192),
        "patch_embed.proj.weight": (192, 3, 16, 16),
        "patch_embed.proj.bias": (192,),
        "norm_f.weight": (192,),
        "head.weight": (1000, 192),
        "head.bias": (1000,),
    }
    assert shapes["layers.0.norm.weight"] == (192,)


def test_scan_does_not_notice_its_chunks():
    """130 tokens: two chunks of 64 and one of 2; one token at a time gives the same."""
    generator = torch.Generator().manual_seed(0)
    u, gate = torch.randn(2, 1, 130, 3, generator=generator, dtype=torch.float64)
    delta = torch.rand(1, 130, 3, generator=generator, dtype=torch.float64)
    b, c = torch.randn(2, 1, 130, 16, generator=generator, dtype=torch.float64)
    a, d = -torch.rand(3, 16, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    state, expected = torch.zeros(3, 16, dtype=torch.float64), []
    for t in range(130):
        state = torch.exp(delta[0, t, :, None] * a) * state + (delta * u)[0, t, :, None] * b[0, t]
        expected.append((state @ c[0, t] + u[0, t] * d) * gate[0, t])
    torch.testing.assert_close(selective_scan(u, delta, a, b, c, d, gate)[0], torch.stack(expected))


def test_positions_for_another_resolution():
    """A constant field stays constant, the class position is not mixed in and moves to the new middle."""
    positions = torch.full((1, 197, 2), 3.0)
    positions[0, 98] = torch.tensor([7.0, -7.0])
    wider = interpolate_positions(positions, 16)
    assert wider.shape == (1, 257, 2)
    assert wider[0, 128].tolist() == [7, -7]
    torch.testing.assert_close(wider[0, torch.arange(257) != 128], torch.full((256, 2), 3.0))
    assert interpolate_positions(positions, 14) is positions


def test_another_resolution_runs(model):
    with torch.no_grad():
        assert model(torch.zeros(1, 3, 80, 80)).shape == (1, 5)


def test_every_point_is_tapped_once_and_in_order(model, config, images):
    seen = []
    with torch.no_grad():
        model(images, lambda point, value: (seen.append(point), value)[1])
    stream = {"embed", "layers.0", "layers.1"}
    assert [point for point in seen if point not in stream] == points(config)
    assert len(points(VimConfig("one", d_model=16, layers=1))) == 2 + 2 * 2 + 1 + 1
