"""The kernels against recorded RTL calls, and the answers to folders that hold something else."""

from pathlib import Path

import numpy as np
import pytest

from analysis.golden import GoldenError, validate_golden
from workloads.numerics.layouts import (
    pack_conv_codes,
    pack_conv_signs,
    pack_linear_codes,
    unpack_conv_codes,
    unpack_conv_signs,
    unpack_linear_codes,
)
from workloads.numerics.quantize import quantize_tensor, quantize_tokens

RTL = Path(__file__).parent / "rtl"


def golden(pattern: str) -> list[Path]:
    found = sorted(RTL.glob(pattern))
    assert found, pattern
    return found


def save(path: Path, **arrays: object) -> None:
    np.savez(path, **arrays)


def test_every_recorded_call_is_reproduced():
    report = validate_golden(RTL)
    assert {name: count.mismatches for name, count in report.per_file.items() if count.mismatches} == {}
    assert len(report.per_file) == len(golden("*.npz")) == 32
    assert report.elements == sum(np.load(path)["out"].size for path in golden("*.npz"))


def test_dict_form(tmp_path):
    """5 tokens of 2 features reversed; the recorded output differs at one element."""
    x = np.arange(10, dtype=np.int32).reshape(5, 2)
    out = x[::-1].copy()
    out[0, 0] += 1
    save(tmp_path / "PATCH_OPS_flip_P5.npz", x=x, out=out, mode=np.int64(0))
    assert validate_golden(tmp_path).to_dict() == {
        "files": 1,
        "elements": 10,
        "mismatches": 1,
        "per_file": {"PATCH_OPS_flip_P5.npz": {"elements": 10, "mismatches": 1}},
    }


def test_operands_that_a_mode_does_not_use_may_be_absent(tmp_path):
    x = np.array([[1 << 18, -5], [7, 3]], np.int32)
    save(tmp_path / "PATCH_OPS_load_cls.npz", x=x, out=x[1], mode=np.array([1]), cls_token_idx=np.int32(1))
    save(tmp_path / "NORM_SUM_mode3.npz", a=x, b=x, out=x, mode=3)
    save(tmp_path / "NORM_SUM_mode2_P2.npz", a=x, b=x, out=2 * x, mode=np.uint8(2))
    codes, scales = np.zeros((16, 2), np.uint8), np.zeros((1, 16), np.uint32)
    save(
        tmp_path / "LINEAR_plain.npz",
        x=x, w_codes=codes, w_scales=scales, flags=0, out=np.zeros((2, 16), np.int32),
    )  # fmt: skip
    report = validate_golden(tmp_path)
    assert (report.elements, report.mismatches) == (2 + 4 + 4 + 32, 0)


def test_memory_words_that_hold_other_codes_are_mismatches(tmp_path):
    arrays = dict(np.load(RTL / "CONV_P1.npz"))
    arrays["sign_words"][0] ^= 0b101
    save(tmp_path / "CONV_P1.npz", **arrays)
    assert validate_golden(tmp_path).mismatches == 2


def test_all_problems_are_told_at_once(tmp_path):
    x = np.zeros((2, 4), np.int32)
    whole = (RTL / "SMOOTH_D192_P5.npz").read_bytes()
    (tmp_path / "SMOOTH_cut.npz").write_bytes(whole[: len(whole) // 2])
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 0xFF
    (tmp_path / "SMOOTH_damaged.npz").write_bytes(damaged)
    (tmp_path / "SMOOTH_text.npz").write_text("not an archive")
    save(tmp_path / "SMOOTH_lacks.npz", x=x, out=x)
    save(tmp_path / "SMOOTH_float.npz", x=x * 0.5, scales=np.ones(4, np.uint32), out=x)
    save(tmp_path / "SMOOTH_misfit.npz", x=x, scales=np.ones(3, np.uint32), out=x)
    save(tmp_path / "SMOOTH_short.npz", x=x, scales=np.ones(4, np.uint32), out=x[:1])
    save(tmp_path / "PATCH_OPS_mode.npz", x=x, out=x, mode=2)
    save(tmp_path / "NORM_SUM_mode.npz", a=x, out=x, mode=np.array([0, 1]))
    save(tmp_path / "HEAD_P5.npz", x=x, out=x)
    save(tmp_path / "SMOOTH_fine.npz", x=x, scales=np.ones(4, np.uint32), out=x)
    with pytest.raises(GoldenError) as caught:
        validate_golden(tmp_path)
    lines = dict(line.split(": ", 1) for line in str(caught.value).splitlines())
    said = {Path(path).name: text for path, text in lines.items()}
    assert said.pop("SMOOTH_damaged.npz").startswith("is not a readable .npz file")
    assert said == {
        "HEAD_P5.npz": "name must begin with one of LINEAR, ACT, CONV, SMOOTH, NORM_SUM, PATCH_OPS, SSM, EMBED",
        "NORM_SUM_mode.npz": "mode must be one integer, not int64 of shape (2,)",
        "PATCH_OPS_mode.npz": "mode must be 0 (flip) or 1 (load_cls), not 2",
        "SMOOTH_cut.npz": "is not a readable .npz file (File is not a zip file)",
        "SMOOTH_float.npz": "x must be int32 integers, not float64",
        "SMOOTH_lacks.npz": "array scales is missing",
        "SMOOTH_misfit.npz": "scales must have shape [4], not [3]",
        "SMOOTH_short.npz": "out must be integers of shape (2, 4), not int32 of (1, 4)",
        "SMOOTH_text.npz": "is not a readable .npz file (File is not a zip file)",
    }


def test_folder_without_recorded_calls(tmp_path):
    with pytest.raises(GoldenError, match=r"must hold \.npz files, holds none"):
        validate_golden(tmp_path)
    with pytest.raises(GoldenError, match=r"must be a folder of \.npz files"):
        validate_golden(tmp_path / "missing")


@pytest.mark.parametrize("path", golden("LINEAR_*.npz") + golden("CONV_*.npz"), ids=lambda path: path.stem)
def test_quantizer_intermediates(path):
    """Scales and int8 activations inside the call, not only what comes out of it."""
    call = np.load(path)
    quantizer = quantize_tokens if path.stem.startswith("LINEAR") else quantize_tensor
    q, scale = quantizer(call["x"])
    np.testing.assert_array_equal(q, call["np_q"])
    np.testing.assert_array_equal(scale.reshape(-1).view(np.uint32), call["np_act_scale"])


@pytest.mark.parametrize("path", golden("LINEAR_*.npz"), ids=lambda path: path.stem)
def test_linear_codes_in_memory(path):
    call = np.load(path)
    np.testing.assert_array_equal(pack_linear_codes(call["w_codes"]), call["w_words"])
    np.testing.assert_array_equal(
        unpack_linear_codes(call["w_words"], call["w_codes"].shape), call["w_codes"]
    )


@pytest.mark.parametrize("path", golden("CONV_*.npz"), ids=lambda path: path.stem)
def test_conv_codes_and_signs_in_memory(path):
    call = np.load(path)
    np.testing.assert_array_equal(pack_conv_codes(call["mag_codes"]), call["mag_words"])
    np.testing.assert_array_equal(pack_conv_signs(call["sign_bits"]), call["sign_words"])
    np.testing.assert_array_equal(unpack_conv_codes(call["mag_words"], (384, 4)), call["mag_codes"])
    np.testing.assert_array_equal(
        unpack_conv_signs(call["sign_words"].tobytes(), (384, 4)), call["sign_bits"]
    )
