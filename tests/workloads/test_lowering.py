import subprocess
import sys

import numpy as np
import pytest

from workloads.lowering import lower, workload
from workloads.operations import (
    Conv,
    Embed,
    Flip,
    Linear,
    LoadClassToken,
    NormSum,
    NormSumMode,
    Role,
    Scan,
    Smooth,
)
from workloads.vim.config import PRESETS, VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.integer import execute
from workloads.vim.quantized import random_quantized, schema

DIRECTION = ["conv", "smooth", "x_proj_dt", "dt_proj", "x_proj_b", "x_proj_c", "scan"]
LAYER = [
    "norm",
    "in_proj_x",
    "in_proj_z",
    *(f"forward.{name}" for name in DIRECTION),
    "flip_x",
    "flip_z",
    *(f"backward.{name}" for name in DIRECTION),
    "flip_scan",
    "merge",
    "smooth",
    "out_proj",
    "add",
]  # the published call sequence


@pytest.fixture(scope="module")
def tiny():
    return lower(PRESETS["tiny"])


def messages(make):
    with pytest.raises(WorkloadError) as error:
        make()
    return error.value.messages


def test_tiny_is_580_calls_in_the_published_order(tiny):
    """1 + 24 layers of 24 + 3."""
    layers = [f"layers.{i}.{name}" for i in range(24) for name in LAYER]
    names = [operation.name for operation in tiny.operations]
    assert names == ["embed", *layers, "load_cls", "norm_f", "head"]
    assert len(names) == 580


def test_calls_by_type(tiny):
    """A layer has 11 linears, 3 norms or sums, 2 convolutions, 3 smooths, 2 scans and 3 flips."""
    assert tiny.counts == {
        Embed: 1,
        Linear: 24 * 11 + 1,
        NormSum: 24 * 3 + 1,
        Conv: 24 * 2,
        Smooth: 24 * 3,
        Scan: 24 * 2,
        Flip: 24 * 3,
        LoadClassToken: 1,
    }


def test_sizes_modes_and_flags_of_a_layer(tiny):
    """Linears as in -> out and flags: 1 bias, 2 SiLU, 4 softplus; norms as mode and features."""
    linears, norms = [], []
    for operation in tiny.operations[1:25]:
        if isinstance(operation, Linear):
            linears.append((operation.in_features, operation.out_features, operation.flags))
        elif isinstance(operation, NormSum):
            norms.append((operation.mode, operation.features))
        assert operation.tokens == 197
    way = [(384, 16, 0), (16, 384, 5), (384, 16, 0), (384, 16, 0)]
    assert linears == [(192, 384, 0), (192, 384, 2), *way, *way, (384, 192, 0)]
    assert norms == [(NormSumMode.NORM, 192), (NormSumMode.MEAN, 384), (NormSumMode.SUM, 192)]


def test_the_head_sees_the_class_token_alone(tiny):
    load, norm, head = tiny.operations[-3:]
    assert (load.index, load.y.shape) == (98, (1, 192))
    assert norm.mode is NormSumMode.NORM
    assert (head.in_features, head.out_features, head.flags) == (192, 1008, 1)
    assert tiny.outputs == (head.y,)
    assert head.y.role is Role.OUTPUT


@pytest.mark.parametrize(
    ("resolution", "tokens"),
    [(96, 37), (112, 50), (160, 101), (224, 197), (256, 257), (384, 577), (512, 1025)],
)
def test_tokens(resolution, tokens):
    program = lower(PRESETS["tiny"], resolution)
    (image,) = program.inputs
    assert image.shape == (tokens - 1, 768)
    assert {operation.tokens for operation in program.operations} == {tokens, 1}


def test_patches_eight_pixels_apart():
    """27 * 27 + 1 = 730."""
    embed, *_ = lower(workload("tiny+")).operations
    assert (embed.tokens, embed.stride, embed.patch) == (730, 8, 16)


@pytest.mark.parametrize(("name", "gmacs"), [("tiny", 1.293), ("small", 4.851), ("base", 18.766)])
def test_macs_are_the_published_ones(name, gmacs):
    assert round(lower(PRESETS[name]).macs / 1e9, 3) == gmacs


def test_macs_of_a_layer(tiny):
    """Per token: 192 * 768 in, 2 * 384 * (12 + 16 + 16), 2 * 12 * 384, 384 * 192 out, 2 * 4 * 384 of conv."""
    layer = sum(operation.macs for operation in tiny.operations[1:25])
    assert layer == 197 * (147_456 + 33_792 + 9_216 + 73_728 + 3_072)


@pytest.mark.parametrize("name", PRESETS)
def test_weights_are_those_of_a_quantized_model(name):
    config = PRESETS[name]
    program = lower(config)
    wanted = {key: shape for key, (_, shape) in schema(config, config.image_size).items()}
    assert {tensor.name: tensor.shape for tensor in program.weights} == wanted


@pytest.mark.parametrize("stride", [16, 8])
def test_calls_and_operands_are_those_of_the_reference_executor(stride):
    config = VimConfig("two", d_model=32, layers=2, stride=stride, image_size=48, classes=10)
    model = random_quantized(config, seed=0)
    calls = []
    execute(model, np.zeros((3, 48, 48), np.int32), calls.append)
    program = lower(config)
    assert [operation.name for operation in program.operations] == [call.name for call in calls]
    for operation, call in zip(program.operations, calls, strict=True):
        assert operation.y.shape == call.output.shape
        read = [t.shape for t in operation.inputs if t.role is not Role.WEIGHT]
        assert read == [value.shape for value in call.inputs.values()]


def test_images_of_a_batch_follow_each_other_and_share_weights():
    one, two = lower(PRESETS["digits"]), lower(PRESETS["digits"], batch=2)
    assert [operation.name for operation in two.operations] == [
        f"image{i}.{operation.name}" for i in range(2) for operation in one.operations
    ]
    assert two.weights == one.weights
    assert [tensor.name for tensor in two.inputs] == ["image0.embed.image", "image1.embed.image"]
    assert [tensor.name for tensor in two.outputs] == ["image0.head.y", "image1.head.y"]
    assert two.macs == 2 * one.macs


def test_sizes_come_from_presets_flags_and_mappings():
    assert workload() == workload("tiny") == PRESETS["tiny"]
    assert workload("tiny", stride=None, layers=24) is PRESETS["tiny"]
    assert workload("small+") == VimConfig("small+", d_model=384, layers=24, stride=8)
    assert workload("tiny", layers=2, stride=8) == VimConfig(
        "tiny(layers=2, stride=8)", d_model=192, layers=2, stride=8
    )
    assert workload({"d_model": 96, "layers": 3}) == VimConfig("custom", d_model=96, layers=3)
    named = {"name": "mine", "d_model": 96, "layers": 3}
    assert workload(named, classes=7) == VimConfig("mine", d_model=96, layers=3, classes=7)


@pytest.mark.parametrize(
    ("model", "changes", "wanted"),
    [
        ("tinny", {}, ["model must be tiny, small, base or digits, not 'tinny' (did you mean tiny?)"]),
        (7, {}, ["model must be tiny, small, base or digits, not 7"]),
        (
            {"name": "mine", "d_modl": 96, "layers": 0, "stride": "8"},
            {},
            [
                "mine: d_modl is not a size of a model (did you mean d_model?)",
                "mine: d_model is missing",
                "mine: layers must be a positive integer, not 0",
                "mine: stride must be a positive integer, not '8'",
            ],
        ),
        (
            {"name": 3, "d_model": 96, "layers": 1},
            {},
            ["model: name must be a string that is not empty, not 3"],
        ),
        (
            "tiny",
            {"d_model": 100},
            ["tiny(d_model=100): d_model must be a multiple of 16, not 100"],
        ),
    ],
)
def test_wrong_sizes(model, changes, wanted):
    assert messages(lambda: workload(model, **changes)) == wanted


def test_wrong_runs_name_everything_at_once():
    odd = VimConfig("odd", d_model=32, layers=1, d_state=8, d_conv=3)
    assert messages(lambda: lower(odd, 225, 0)) == [
        "odd: d_state must be 16, as the engines are built, not 8",
        "odd: d_conv must be 4, as the engines are built, not 3",
        "odd: resolution must be 16 plus a multiple of 16, not 225",
        "odd: batch must be a positive integer, not 0",
    ]
    assert messages(lambda: lower(PRESETS["tiny"], "224")) == [
        "tiny: resolution must be a positive integer, not '224'"
    ]


def test_nouns_need_the_standard_library_only():
    code = (
        "import sys, workloads.placement, workloads.lowering; "
        "sys.exit(str(sorted({'numpy', 'torch', 'yaml', 'simpy', 'tlm'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
