"""Every engine against calls measured on the RTL (tests/rtl) and against the calls of tiny at 224 pixels."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.platform_path import SHIPPED
from analysis.timing_rows import read_timing
from analysis.validate_timing import Statistics, predict
from workloads.builder import Builder

SAMPLE = Path(__file__).parents[1] / "rtl" / "timing_sample.csv"
RTL = str(SHIPPED / "zcu102-rtl.yaml")
ENGINES = ("CONV", "LINEAR_BLOCK", "NORM_SUM", "PATCH_OPS", "SMOOTH", "SSM")


def rows(engine):
    return [row for row in read_timing(str(SAMPLE)) if row.engine == engine and not row.spinal]


@pytest.fixture(scope="module")
def predictions():
    """Of all rows of the sample but the approximate ones, by engine."""
    return {engine: predict(rows(engine), RTL, "memory") for engine in ENGINES}


def test_the_sample_covers_what_was_measured():
    """Six engines; 34 memory settings without spinal; all flags of each engine."""
    sample = [row for engine in ENGINES for row in rows(engine)]
    assert len(sample) == 287
    assert len({row.memory for row in sample}) == 34
    flags = {engine: sorted({row.flags for row in sample if row.engine == engine}) for engine in ENGINES}
    assert flags["LINEAR_BLOCK"] == [0, 1, 2, 3, 4, 5, 7]
    assert flags["NORM_SUM"] == [0, 1, 2, 3]
    assert flags["PATCH_OPS"] == [0, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_ideal_rows_are_within_a_cycle(predictions, engine):
    off = {p.row.call: p.error for p in predictions[engine] if p.row.memory == "ideal" and abs(p.error) > 1}
    assert off == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_other_rows_are_within_three_cycles(predictions, engine):
    off = {p.row.call: p.error for p in predictions[engine] if abs(p.error) > 3}
    assert off == {}


@pytest.mark.parametrize(
    ("engine", "mean"),
    [("CONV", 0.03), ("LINEAR_BLOCK", 0.01), ("NORM_SUM", 0), ("PATCH_OPS", 0), ("SMOOTH", 0.01), ("SSM", 0)],
)
def test_mean_error_of_each_engine(predictions, engine, mean):
    """In percent. The sample holds all rows that are off on purpose; three engines are exact everywhere."""
    statistics = Statistics.of(predictions[engine])
    assert statistics.mean_abs_pct <= mean
    assert statistics.max_abs_pct_ge_1000 <= 0.1


@pytest.mark.parametrize(
    ("engine", "knob"),
    [
        ("LINEAR_BLOCK", "linear.dequantizer=33"),
        ("LINEAR_BLOCK", "linear.input_gap=22"),
        ("LINEAR_BLOCK", "linear.scale_fifo=3"),
        ("CONV", "conv.depth=38"),
        ("SMOOTH", "smooth.interval=1"),
        ("NORM_SUM", "norm_sum.root=80"),
        ("PATCH_OPS", "patch_ops.turnaround=8"),
        ("SSM", "ssm.clear_channel=3"),
    ],
)
def test_one_wrong_parameter_shows(tmp_path, engine, knob):
    """A pipeline a cycle shorter, a gap a cycle longer, a FIFO a place deeper: most rows of the engine are off."""
    platform = tmp_path / "wrong.yaml"
    name, _, value = knob.partition("=")
    component, _, field = name.partition(".")
    platform.write_text(f"uses: {RTL}\ncomponents:\n  {component}:\n    {field}: {value}\n")
    sample = [
        row for row in rows(engine) if row.memory == "ideal" and row.num_patches > 1 and row.cycles < 70_000
    ]
    if engine == "NORM_SUM":
        sample = [row for row in sample if row.flags < 2]  # the sums take no root
    if engine == "PATCH_OPS":
        sample = [row for row in sample if row.flags == 0]  # the class token is one burst
    if field == "scale_fifo":
        sample = [
            row for row in sample if row.out_dim == 16 and row.num_patches > 3
        ]  # narrow outputs wait for it
    exact = Statistics.of(predict(sample, RTL, "memory"))
    wrong = Statistics.of(predict(sample, str(platform), "memory"))
    assert exact.exact >= 0.8 * exact.rows > 0
    assert wrong.exact <= 0.2 * wrong.rows


# Cycles of the calls of tiny at 224: 197 tokens, memory without latency and with 64 cycles of it.
PUBLISHED = [
    ("norm", 192, 192, {}, 30_154, 30_218),
    ("linear", 192, 384, {}, 58_775, 58_967),
    ("conv", 384, 384, {}, 19_560, 20_136),
    ("smooth", 384, 384, {}, 19_130, 19_258),
    ("linear", 384, 16, {}, 12_170, 12_362),
    ("linear", 16, 384, {"bias": True, "softplus": True}, 9_983, 10_239),
    ("scan", 384, 384, {}, 153_705, 153_769),
    ("flip", 384, 384, {}, 11_968, 87_616),
    ("mean", 384, 384, {}, 9_663, 9_727),
    ("linear", 384, 192, {}, 58_572, 58_764),
    ("add", 192, 192, {}, 4_911, 4_975),
    ("load_cls", 192, 192, {}, 80, 144),
]
# how many of each a layer has
COUNTS = dict(zip((p[0] + str(p[1:3]) for p in PUBLISHED), (1, 2, 2, 3, 6, 2, 2, 3, 1, 1, 1, 0), strict=True))


def operation(calls, kind, inputs, outputs, flags, tokens=197):
    return (
        calls.linear(tokens, inputs, outputs, **flags) if kind == "linear" else calls.of(kind, tokens, inputs)
    )


@pytest.mark.parametrize(("kind", "inputs", "outputs", "flags", "ideal", "late"), PUBLISHED)
def test_calls_of_tiny(calls, kind, inputs, outputs, flags, ideal, late):
    op = operation(calls, kind, inputs, outputs, flags)
    assert calls.cycles(op) == ideal
    assert calls.cycles(op, "components.memory.rlat=64") == late


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs", "flags", "ideal", "late"),
    [("norm", 192, 192, {}, 266, 330), ("linear", 192, 1008, {"bias": True}, 5_021, 5_277)],
)
def test_calls_of_the_head(calls, kind, inputs, outputs, flags, ideal, late):
    """One token."""
    op = operation(calls, kind, inputs, outputs, flags, tokens=1)
    assert calls.cycles(op) == ideal
    assert calls.cycles(op, "components.memory.rlat=64") == late


def test_a_layer_of_24_calls(calls):
    """30,154 + 2 x 58,775 + 2 x 19,560 + 3 x 19,130 + 6 x 12,170 + 2 x 9,983 + 2 x 153,705 + 3 x 11,968 + 9,663
    + 58,572 + 4,911 = 753,660."""
    assert sum(COUNTS.values()) == 24
    cycles = {
        kind + str((i, o)): calls.cycles(operation(calls, kind, i, o, flags))
        for kind, i, o, flags, _, _ in PUBLISHED
    }
    assert sum(n * cycles[name] for name, n in COUNTS.items()) == 753_660


def test_embed_of_tiny(calls):
    """The published 539,400 cycles, to 0.05 %: 196 patches, 192 channels, patches of 768 values."""
    embed = Builder().embed("embed", 196, 192, 3, 16, 16, 98)
    assert calls.cycles(embed) == pytest.approx(539_400, rel=5e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_row_is_predicted_alike_alone_and_among_others(predictions, engine):
    """Calls on one simulation do not disturb each other."""
    row = rows(engine)[-1]
    (alone,) = predict([replace(row)], RTL, "memory")
    assert alone.cycles == predictions[engine][-1].cycles
