"""Bills of the engines: sums by hand, the synthesis of six of them, the published totals of the whole.

Data: tests/rtl/resources.csv (its README says how it was made) and arXiv 2605.01935, Tables V and VI.
"""

import csv
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from components import fabric
from components.engine import Engine
from components.fabric import CALIBRATED, Coefficients
from tlm.platform import load_platform
from tlm.resources import Resources
from tlm.simulation import Simulation

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "platforms" / "zcu102-published.yaml"  # buffers as in the RTL that was synthesized
ENGINES = ("patch_ops", "smooth", "norm_sum", "conv", "ssm", "linear")


@cache
def synthesis() -> dict[str, dict[str, float]]:
    with open(ROOT / "tests" / "rtl" / "resources.csv") as file:
        return {row.pop("engine"): {k: float(v) for k, v in row.items()} for row in csv.DictReader(file)}


def bills(*overrides: str) -> dict:
    found = Simulation(load_platform(PUBLISHED, overrides)).find(Engine)
    return {engine.name: {part.name: part for part in engine.bill()} for engine in found}


def takes(*overrides: str) -> dict[str, Resources]:
    return {name: Resources.total(p.takes for p in bill.values()) for name, bill in bills(*overrides).items()}


def total(*overrides: str) -> Resources:
    return Resources.total(takes(*overrides).values())


def residuals(of, key: str) -> list[float]:
    """Percent by which the model is above the synthesis, engine by engine."""
    found = takes()
    return [round(100 * (of(found[e]) / synthesis()[e][key] - 1), 1) for e in ENGINES]


# Against the synthesis of each engine


def test_multipliers_follow_from_widths():
    """No coefficient. SSM: 8 lanes x (delta * A, five squarings, h * dA, du * B, h * C) x 4, delta * u 4,
    8 x (u * D, gate) x 4, 8 counts of words x 3: 288 + 4 + 64 + 24 = 380. LINEAR: 16 x (quantize 4, scale 2 and 4,
    two look-ups of 2 + 3), a maximum times 1 / 127, 3 counts of 3: 320 + 2 + 9 = 331."""
    found = takes()
    assert {e: found[e].dsp for e in ENGINES} == {
        "patch_ops": 6, "smooth": 41, "norm_sum": 140, "conv": 267, "ssm": 380, "linear": 331,
    }  # fmt: skip
    assert residuals(lambda r: r.dsp, "dsp") == [-33.3, -2.4, 8.5, -1.5, 0.0, 0.9]  # patch_ops: 3 of 9


def test_flip_flops_and_look_up_tables():
    """Calibrated with the same six engines: 3 coefficients for 6 figures, twice, and 2 for the shift registers."""
    assert residuals(lambda r: r.ff, "ff") == [0.2, -3.4, 0.9, -5.9, 5.7, 1.7]
    assert residuals(lambda r: r.lut - r.memory_lut, "lut") == [0.2, 1.6, -9.8, -2.3, 7.5, 1.2]


def features(monkeypatch, of, *names: str) -> np.ndarray:
    """What each coefficient is multiplied by, a row an engine."""
    columns = []
    for name in names:
        unit = Coefficients(**{f.name: float(f.name == name) for f in fields(Coefficients)})
        monkeypatch.setattr(fabric, "CALIBRATED", unit)
        found = takes()
        columns.append([of(found[engine]) for engine in ENGINES])
    return np.array(columns, float).T


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("ff", ("port_ff", "slice_ff", "place_ff")),
        ("lut", ("port_lut", "slice_lut", "cell_lut")),
        ("shift_lut", ("port_shift", "slice_shift")),
    ],
)
def test_coefficients_are_the_fit(monkeypatch, key, names):
    """Least squares of relative errors over the six engines, rounded to three digits."""
    measured = np.array([synthesis()[engine][key] for engine in ENGINES])
    if key == "shift_lut":  # memories and FIFOs take what they take whatever the coefficients are
        counted = features(monkeypatch, lambda r: r.memory_lut, "port_ff", *names)
        counted = counted[:, 1:] - counted[:, :1]
    else:
        counted = features(monkeypatch, lambda r: r.ff if key == "ff" else r.lut - r.memory_lut, *names)
    fit, *_ = np.linalg.lstsq(counted / measured[:, None], np.ones(len(ENGINES)), rcond=None)
    assert len(names) < len(measured)
    assert [getattr(CALIBRATED, name) for name in names] == pytest.approx(fit, rel=1e-3)


def test_shift_registers():
    """The weakest of the fits: CONV keeps more in shift registers than ports and multipliers explain."""
    shift = {}
    for engine, bill in bills().items():
        kept = [p for p in bill.values() if p.takes.dsp or p.name.endswith("adapter")]
        shift[engine] = sum(p.takes.memory_lut for p in kept)
    off = [round(100 * (shift[e] / synthesis()[e]["shift_lut"] - 1)) for e in ENGINES]
    assert off == [-8, 9, 27, -57, -5, -6]


def test_block_ram_as_yosys_maps_it(monkeypatch):
    """Yosys puts memories of up to 128 words into look-up tables, and streams of two words of SMOOTH, NORM_SUM and
    SSM (not of PATCH_OPS) into block RAM 36 bits wide: 8 blocks for 256 bits. With these two rules the model comes
    within 8 % in four engines; what else CONV and NORM_SUM have stays unexplained."""
    monkeypatch.setattr(fabric, "small", lambda _, depth: depth <= 128)
    found, blocks = bills(), {}
    for engine in ENGINES:
        parts = found[engine].values()
        streams = [p for p in parts if p.name.startswith("stream") and engine != "patch_ops"]
        blocks[engine] = sum(p.takes.bram36 for p in parts) + 8 * len(streams)
    assert blocks == {
        "patch_ops": 30.5, "smooth": 61, "norm_sum": 75.5, "conv": 53, "ssm": 213, "linear": 118,
    }  # fmt: skip
    off = [round(100 * (blocks[e] / synthesis()[e]["bram36"] - 1), 1) for e in ENGINES]
    assert off == [-7.6, -1.6, -20.5, -24.3, -2.5, -2.5]


def test_distributed_ram_as_yosys_maps_it(monkeypatch):
    """LINEAR's 8,704 RAM64X1S are its scales, 16 banks of 48 x 512 bit, and its bias, 63 x 512 bit."""
    monkeypatch.setattr(fabric, "small", lambda _, depth: depth <= 128)
    linear = bills()["linear"]
    assert linear["scales"].takes.lut + linear["bias"].takes.lut == 16 * 512 + 512 == 8_704
    assert bills()["ssm"]["D"].takes.lut == 256


# Against published figures that took no part in the fit


def test_linear_against_the_estimate_of_vitis():
    """Table VI: 326 DSP and 539 blocks of 18 Kibit: 269.5 of 36. Blocks of 36 cannot be meant: the whole has 737, of
    which the other engines' 23 ports take 14.5 to 16 each and EMBED's weights 96."""
    found = takes()["linear"]
    assert found.dsp / 326 - 1 == pytest.approx(0.015, abs=1e-3)
    assert found.bram36 / 269.5 - 1 == pytest.approx(-0.033, abs=1e-3)


def test_the_whole_against_place_and_route():
    """Table V: 1,377 DSP, 737 BRAM, 277,278 FF, 121,721 LUT of logic and 27,520 of memory. It has two interconnects
    of 13 ports each, which have no bill; Vivado packs logic better than Yosys."""
    found = total()
    assert found.dsp / 1_377 - 1 == pytest.approx(-0.008, abs=1e-3)
    assert found.bram36 / 737 - 1 == pytest.approx(0.029, abs=1e-3)
    assert found.ff / 277_278 - 1 == pytest.approx(-0.111, abs=1e-3)
    assert (found.lut - found.memory_lut) / 121_721 - 1 == pytest.approx(0.129, abs=1e-3)
    assert found.memory_lut / 27_520 - 1 == pytest.approx(-0.150, abs=1e-3)
    assert found.lut / (121_721 + 27_520) - 1 == pytest.approx(0.078, abs=1e-3)


def test_embed_against_what_is_left():
    """1,377 less the synthesis of the others, 1,159: 218. Of ours 192 multiply 32 x 16 bit, 9 count words."""
    assert sum(synthesis()[e]["dsp"] for e in ENGINES) == 1_159
    assert takes()["embed"].dsp == 32 * 3 * 2 + 3 * 3


# What a parameter changes


def test_ports():
    """A read port keeps 2,048 words of 259 bits: 29 half blocks; a write port 288 bits: 32."""
    for engine in Simulation(load_platform(PUBLISHED)).find(Engine):
        bill = {part.name: part for part in engine.bill()}
        for reader in engine.reads:
            assert bill[f"{reader.name} buffer"].takes.bram36 == 14.5
        for writer in engine.writes:
            assert bill[f"{writer.name} buffer"].takes.bram36 == 16
        adapters = [name for name in bill if name.endswith("adapter")]
        assert len(adapters) == len(engine.sockets) - 1  # beside the control port


def test_lanes():
    """Eight lanes more: 8 x 36 DSP; states and A are as many bits in other words."""
    more = total("components.ssm.lanes=16").dsp - total().dsp
    assert more == 8 * (1 + 5 + 1 + 1 + 1) * 4
    assert total("components.ssm.lanes=16").ff > total().ff


def test_tile():
    """32 x 32 codes a cycle: four times the cells, twice the lines of 20 DSP."""
    before, after = bills()["linear"], bills("components.linear.tile=32")["linear"]
    assert after["cells"].takes.ff == pytest.approx(4 * before["cells"].takes.ff, abs=2)  # each is rounded
    assert after["cells"].takes.lut == 4 * before["cells"].takes.lut
    dsp = [sum(part.takes.dsp for part in bill.values()) for bill in (before, after)]
    assert dsp[1] - dsp[0] == 16 * 20


def test_wider_ports():
    """Twice the bits: twice the adapters' flip-flops and about twice the buffers."""
    before, after = bills()["smooth"], bills("components.smooth.bus=512 bit")["smooth"]
    assert after["in_r adapter"].takes.ff == 2 * before["in_r adapter"].takes.ff
    assert after["in_r buffer"].takes.bram36 == 29  # 515 bits are 57.2 of 9: 58 halves
    assert after["products"].takes.dsp == 2 * before["products"].takes.dsp


def test_buffers():
    """Half the words in each port of the norm: 1,024 words of 259 bits are 15 half blocks of 18 bits, 16 of 288."""
    before = takes()["norm_sum"].bram36
    after = takes(
        "components.norm_sum.read.buffer=1024", "components.norm_sum.write.buffer=1024"
    )["norm_sum"].bram36  # fmt: skip
    assert before - after == 3 * (14.5 - 7.5) + (16 - 8)


@pytest.mark.parametrize(
    ("override", "changes"),
    [
        ("components.linear.scale_fifo=3", False),  # a shift register holds 32 words
        ("components.linear.scale_fifo=40", True),
        ("components.linear.fifo=3", True),
        ("components.host.poll=13", False),
        ("clocks.fabric=300 MHz", False),
        ("components.embed.channels=64", True),
        ("components.conv.max_features=768", True),
        ("components.patch_ops.bus=128 bit", True),
    ],
)
def test_what_changes(override, changes):
    assert (total(override) != total()) is changes


@pytest.mark.parametrize(
    "overrides",
    [
        ("components.linear.tile={}", 16, 32, 64),
        ("components.ssm.lanes={}", 4, 8, 16),
        ("components.embed.channels={}", 16, 32, 64),
        ("components.linear.max_out={}", 1008, 2016, 4032),
    ],
)
def test_more_takes_more(overrides):
    key, *values = overrides
    found = [total(key.format(value)) for value in values]
    for kind in ("lut", "ff", "dsp", "bram36"):
        amounts = [getattr(f, kind) for f in found]
        assert amounts == sorted(amounts)
