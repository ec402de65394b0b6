import pytest

from workloads.builder import Builder
from workloads.numerics import LinearFlags
from workloads.numerics import NormSumMode as KernelMode
from workloads.operations import (
    Conv,
    Elementary,
    Flip,
    Linear,
    LoadClassToken,
    NormSum,
    NormSumMode,
    Program,
    Role,
    Tensor,
)

build = Builder()
X = build.tensor("x", 5, 64)


def weight(name, *shape, bits=32):
    return Tensor(name, shape, bits, Role.WEIGHT)


def message(make):
    with pytest.raises(ValueError, match="must be") as error:
        make()
    return str(error.value).splitlines()


def test_bytes_of_a_tensor_are_its_bits_rounded_up():
    """5 * 4 signs of 1 bit are 20 bits: 3 bytes; 3 * 4 codes of 4 bits are 6 bytes."""
    assert weight("signs", 5, 4, bits=1).nbytes == 3
    assert weight("codes", 3, 4, bits=4).nbytes == 6
    assert (X.elements, X.nbytes) == (320, 1280)


def test_a_tensor_names_all_that_is_wrong():
    assert message(lambda: Tensor("t", (3, 0), 0, "weight")) == [
        "t: shape must be a tuple of positive integers, not (3, 0)",
        "t: bits must be a positive integer, not 0",
        "t: role must be a Role, not 'weight'",
    ]
    assert message(lambda: Tensor("t", (3, True), 4, Role.WEIGHT)) == [
        "t: shape must be a tuple of positive integers, not (3, True)"
    ]


def test_tensors_of_equal_fields_are_one_key():
    assert len({X, build.tensor("x", 5, 64), build.tensor("y", 5, 64)}) == 2


def test_linear_counts():
    """5 tokens, 64 -> 48: 5 * 64 * 48 MACs; ceil(64 / 32) = 2 blocks, so 5 * 48 * 2 partial sums.

    Products: 5 * 64 to quantize, 480 partial, 5 * 48 to scale, 5 for the scales of the tokens.
    """
    linear = build.linear("l", X, 48, bias=True, silu=True)
    assert (linear.tokens, linear.in_features, linear.out_features, linear.blocks) == (5, 64, 48, 2)
    assert linear.macs == 15_360
    assert linear.elementary_operations == {
        Elementary.MAC4X8: 15_360,
        Elementary.MULTIPLY32: 320 + 480 + 240 + 5,
        Elementary.ADD32: 320 + 480 + 240,
        Elementary.COMPARE32: 320,
        Elementary.DIVIDE32: 5,
        Elementary.TABLE: 240,
    }


def test_linear_counts_the_macs_of_the_model_and_the_steps_of_the_engine():
    """12 of 16 inputs and 10 of 48 outputs are the model's: 5 * 12 * 10 against 5 * 16 * 48."""
    linear = build.linear("l", build.tensor("dt", 5, 16), 48, model_in=12, model_out=10)
    assert linear.macs == 600
    assert linear.elementary_operations[Elementary.MAC4X8] == 3_840
    assert linear.blocks == 1


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, 0),
        ({"bias": True}, LinearFlags.BIAS),
        ({"silu": True}, LinearFlags.SILU),
        ({"bias": True, "softplus": True}, LinearFlags.BIAS | LinearFlags.SOFTPLUS),
    ],
)
def test_linear_flags_are_those_of_the_engine(options, flags):
    assert build.linear("l", X, 48, **options).flags == flags


def test_linear_weights_have_the_layout_of_the_memory():
    """48 * 64 codes of half a byte, 2 * 48 scales and 48 biases of 4 bytes."""
    linear = build.linear("l", X, 48, bias=True)
    assert [t.nbytes for t in (linear.codes, linear.scales, linear.bias)] == [1536, 384, 192]
    assert linear.inputs == (X, linear.codes, linear.scales, linear.bias)
    assert linear.outputs == (linear.y,)


def test_linear_takes_whole_tiles_only():
    assert message(lambda: build.linear("head", build.tensor("x", 1, 20), 1000)) == [
        "head: in must be a multiple of 16, not 20",
        "head: out must be a multiple of 16, not 1000",
    ]


def test_operands_that_do_not_fit_are_named_at_once():
    codes, scales = weight("c", 64, 48, bits=4), weight("s", 2, 48)
    assert message(lambda: Linear("l", X, codes, scales, weight("b", 64), build.tensor("y", 4, 48))) == [
        "l: codes must be 4 bits [48, 64], not 4 bits [64, 48]",
        "l: y must be 32 bits [5, 48], not 32 bits [4, 48]",
        "l: bias must be 32 bits [48], not 32 bits [64]",
    ]


def test_activations_are_matrices_of_32_bits():
    assert message(lambda: Flip("f", weight("x", 5, bits=16), X)) == [
        "f: x must be 32 bits [tokens, features], not 16 bits [5]"
    ]


def test_a_padded_size_cannot_exceed_the_engine_size():
    assert message(lambda: build.linear("l", X, 48, model_out=49)) == ["l: model_out must be 1 to 48, not 49"]


def test_norm_sum_modes_are_those_of_the_kernel():
    assert {mode.name: int(mode) for mode in NormSumMode} == {mode.name: int(mode) for mode in KernelMode}


@pytest.mark.parametrize(
    ("mode", "b", "inputs"),
    [
        (NormSumMode.NORM_OF_SUM, X, ["x", "x", "n.weight"]),
        (NormSumMode.NORM, None, ["x", "n.weight"]),
        (NormSumMode.SUM, X, ["x", "x"]),
        (NormSumMode.MEAN, X, ["x", "x"]),
    ],
)
def test_norm_sum_reads_what_its_mode_needs(mode, b, inputs):
    assert [tensor.name for tensor in build.norm_sum("n", mode, X, b).inputs] == inputs


def test_norm_sum_names_what_its_mode_does_not_need():
    y = build.tensor("y", 5, 64)
    assert message(lambda: NormSum("n", NormSumMode.SUM, X, None, weight("w", 64, bits=16), y)) == [
        "n: b must be a tensor in mode SUM, not None",
        "n: weight must be None in mode SUM, not 16 bits [64]",
    ]
    assert message(lambda: NormSum("n", 1, X, None, None, y)) == ["n: mode must be a NormSumMode, not 1"]


def test_norm_counts():
    """Per element v * v, the share of the mean, v * root, * weight; a root and a reciprocal per token."""
    norm = build.norm_sum("n", NormSumMode.NORM, X)
    assert norm.macs == 0
    assert norm.elementary_operations == {
        Elementary.MULTIPLY32: 4 * 320,
        Elementary.ADD32: 320,
        Elementary.SQUARE_ROOT32: 5,
        Elementary.DIVIDE32: 5,
    }


def test_conv_counts_and_layout():
    """4 taps for each of 320 values; 64 * 4 codes are 128 bytes, their signs 32."""
    conv = build.conv("c", X)
    assert conv.macs == 1280
    assert (conv.codes.nbytes, conv.signs.nbytes, conv.scales.nbytes, conv.bias.nbytes) == (128, 32, 256, 256)
    assert conv.elementary_operations[Elementary.MULTIPLY32] == 320 + 320 + 64 + 1


def test_conv_has_four_taps():
    three, per_channel = weight("three", 64, 3, bits=4), weight("s", 64)
    signs = weight("signs", 64, 4, bits=1)
    make = lambda: Conv("c", X, three, signs, per_channel, per_channel, build.tensor("y", 5, 64))  # noqa: E731
    assert message(make) == ["c: codes must be 4 bits [64, 4], not 4 bits [64, 3]"]


def test_scan_counts():
    """320 values of 16 states: 4 products, 2 sums, 1 exponential each; 3 products and a sum a value."""
    b, c = build.tensor("b", 5, 16), build.tensor("c", 5, 16)
    scan = build.scan("s", X, X, X, b, c)
    assert scan.elementary_operations == {
        Elementary.MULTIPLY32: 320 * 67,
        Elementary.ADD32: 320 * 33,
        Elementary.EXP: 320 * 16,
    }
    assert (scan.a.nbytes, scan.d.nbytes) == (64 * 16 * 4, 256)


def test_scan_has_sixteen_states():
    b, c = build.tensor("b", 5, 8), build.tensor("c", 5, 16)
    assert message(lambda: build.scan("s", X, X, X, b, c)) == [
        "s: a must be 32 bits [64, 16], not 32 bits [64, 8]",
        "s: b must be 32 bits [5, 16], not 32 bits [5, 8]",
    ]


def test_embed_counts_and_layout():
    """4 patches of 3 * 16 * 16 values, 64 features: 4 * 768 * 64 MACs; 5 * 64 positions are added."""
    embed = build.embed("embed", 4, 64, 3, 16, 16, 2)
    assert embed.macs == 196_608
    assert embed.y.shape == (5, 64)
    assert (embed.image.role, embed.image.nbytes) == (Role.INPUT, 4 * 768 * 4)
    assert (embed.weight.nbytes, embed.bias.nbytes) == (64 * 768 * 2, 128)
    assert (embed.class_token.nbytes, embed.position.nbytes) == (256, 5 * 256)
    assert embed.elementary_operations == {Elementary.MULTIPLY32: 196_608, Elementary.ADD32: 196_608 + 320}


def test_class_token_stands_within_the_tokens():
    assert message(lambda: build.embed("embed", 4, 64, 3, 16, 16, 5)) == [
        "embed: class_position must be 0 to 4, not 5"
    ]
    assert message(lambda: LoadClassToken("load", X, 5, build.tensor("y", 1, 64))) == [
        "load: index must be 0 to 4, not 5"
    ]


def test_a_program_names_all_that_is_out_of_order():
    once, late = build.flip("once", Tensor("image", (5, 64), 32, Role.INPUT)), build.tensor("late.y", 5, 64)
    operations = (
        once,
        Flip("early", late, build.tensor("early.y", 5, 64)),
        Flip("once", once.y, late),
        Flip("again", once.y, late),
        Flip("onto", once.y, weight("w", 5, 64)),
        Flip("other", build.tensor("once.y", 6, 64), build.tensor("other.y", 6, 64)),
    )
    assert message(lambda: Program("p", operations)) == [
        "p: late.y must be produced before it is read, not after early reads it",
        "p: once must be the name of one operation, not of two",
        "p: late.y must be produced once, not again by again",
        "p: w must be an activation or an output where onto produces it, not weight",
        "p: once.y must be one tensor, not activation of 32 bits [5, 64] and activation of 32 bits [6, 64]",
    ]
    assert message(lambda: Program("p", ())) == ["p: operations must be at least one, not none"]


def test_a_program_sorts_its_tensors_by_role():
    first = build.linear("first", Tensor("image", (5, 64), 32, Role.INPUT), 32)
    last = build.linear("last", first.y, 16, role=Role.OUTPUT)
    program = Program("p", (first, last))
    assert [t.name for t in program.tensors] == [
        "image", "first.codes", "first.scales", "first.y", "last.codes", "last.scales", "last.y",
    ]  # fmt: skip
    assert [t.name for t in program.inputs + program.activations + program.outputs] == [
        "image", "first.y", "last.y",
    ]  # fmt: skip
    assert len(program.weights) == 4
    assert program.counts == {Linear: 2}
    assert program.macs == 5 * 64 * 32 + 5 * 32 * 16
    assert program.elementary_operations[Elementary.DIVIDE32] == 10
