"""Runs recorded RTL calls through the simulator's kernels and counts what differs."""

import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workloads.numerics import (
    LinearFlags,
    NormSumMode,
    conv,
    embed,
    flip,
    linear,
    load_cls,
    norm_sum,
    selective_scan,
    smooth,
)
from workloads.numerics.layouts import unpack_conv_codes, unpack_conv_signs, unpack_linear_codes
from workloads.vim.errors import WorkloadError

Arrays = Mapping[str, NDArray]
ACT_INPUTS = 16  # the table check feeds a zero input of one tile, so that only the bias is left


class GoldenError(WorkloadError):
    """A golden file or folder that cannot be used; the message has one line for every problem."""


@dataclass(frozen=True)
class GoldenCount:
    """Elements compared and elements that differ."""

    elements: int
    mismatches: int


@dataclass(frozen=True)
class GoldenReport:
    """What `validate_golden` found, by file name."""

    per_file: dict[str, GoldenCount]

    @property
    def elements(self) -> int:
        return sum(count.elements for count in self.per_file.values())

    @property
    def mismatches(self) -> int:
        return sum(count.mismatches for count in self.per_file.values())

    def to_dict(self) -> dict[str, object]:
        """`{"files", "elements", "mismatches", "per_file": {name: {"elements", "mismatches"}}}`."""
        return {
            "files": len(self.per_file),
            "elements": self.elements,
            "mismatches": self.mismatches,
            "per_file": {name: asdict(count) for name, count in self.per_file.items()},
        }


def validate_golden(directory: str | Path) -> GoldenReport:
    """Compares every .npz file of `directory` with the kernels, element by element.

    The engine is the beginning of the file's name (LINEAR, ACT, CONV, SMOOTH, NORM_SUM, PATCH_OPS, SSM, EMBED).
    Operands that are also given as memory words must unpack to the same values; a difference counts as
    mismatches. Raises GoldenError, with all problems at once, for a folder that is missing or holds no .npz
    file and for files that are unreadable, of another kind, or lack an operand.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise GoldenError(f"{directory}: must be a folder of .npz files")
    paths = sorted(directory.glob("*.npz"))
    if not paths:
        raise GoldenError(f"{directory}: must hold .npz files, holds none")
    per_file, problems = {}, []
    for path in paths:
        try:
            per_file[path.name] = _check(path)
        except GoldenError as error:
            problems.append(f"{path}: {error}")
    if problems:
        raise GoldenError("\n".join(problems))
    return GoldenReport(per_file)


def _check(path: Path) -> GoldenCount:
    engine = next((name for name in ENGINES if path.stem == name or path.stem.startswith(f"{name}_")), None)
    if engine is None:
        raise GoldenError(f"name must begin with one of {', '.join(ENGINES)}")
    arrays = _load(path)
    try:
        expected = _operand(arrays, "out")
        actual = ENGINES[engine](arrays)
        words = _word_mismatches(arrays)
    except ValueError as error:
        raise GoldenError(str(error)) from error
    if expected.size != actual.size or expected.dtype.kind not in "iu":
        raise GoldenError(
            f"out must be integers of shape {actual.shape}, not {expected.dtype} of {expected.shape}"
        )
    differ = int(np.count_nonzero(expected.reshape(-1) != actual.reshape(-1)))
    return GoldenCount(elements=actual.size, mismatches=differ + words)


def _load(path: Path) -> dict[str, NDArray]:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise GoldenError(f"is not a readable .npz file ({damaged} is damaged)")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: np.asarray(arrays[name]) for name in arrays.files}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, GoldenError):
            raise
        raise GoldenError(f"is not a readable .npz file ({error})") from error


def _operand(arrays: Arrays, name: str) -> NDArray:
    if name not in arrays:
        raise GoldenError(f"array {name} is missing")
    return arrays[name]


def _whole(arrays: Arrays, name: str) -> int:
    value = _operand(arrays, name)
    if value.size != 1 or value.dtype.kind not in "iu":
        raise GoldenError(f"{name} must be one integer, not {value.dtype} of shape {value.shape}")
    return int(value.reshape(-1)[0])


def _linear(arrays: Arrays) -> NDArray:
    flags = _whole(arrays, "flags")
    bias = _operand(arrays, "bias") if flags & LinearFlags.BIAS else None
    x, codes, scales = (_operand(arrays, name) for name in ("x", "w_codes", "w_scales"))
    return linear(x, codes, scales, bias, flags)


def _act(arrays: Arrays) -> NDArray:
    bias = np.atleast_1d(_operand(arrays, "x_raw").squeeze())
    x = np.zeros((1, ACT_INPUTS), np.int32)
    codes = np.zeros((bias.size, ACT_INPUTS), np.uint8)
    scales = np.zeros((1, bias.size), np.uint32)
    return linear(x, codes, scales, bias, _whole(arrays, "flags"))


def _conv(arrays: Arrays) -> NDArray:
    return conv(*(_operand(arrays, name) for name in ("x", "mag_codes", "sign_bits", "w_scales", "bias")))


def _smooth(arrays: Arrays) -> NDArray:
    return smooth(_operand(arrays, "x"), _operand(arrays, "scales"))


def _norm_sum(arrays: Arrays) -> NDArray:
    mode = _whole(arrays, "mode")
    b = None if mode == NormSumMode.NORM else _operand(arrays, "b")
    norm = mode in (NormSumMode.NORM, NormSumMode.NORM_OF_SUM)
    return norm_sum(_operand(arrays, "a"), b, _operand(arrays, "weights") if norm else None, mode)


def _patch_ops(arrays: Arrays) -> NDArray:
    mode = _whole(arrays, "mode")
    if mode == 0:
        return flip(_operand(arrays, "x"))
    if mode == 1:
        return load_cls(_operand(arrays, "x"), _whole(arrays, "cls_token_idx"))
    raise GoldenError(f"mode must be 0 (flip) or 1 (load_cls), not {mode}")


def _ssm(arrays: Arrays) -> NDArray:
    return selective_scan(*(_operand(arrays, name) for name in ("u", "delta", "z_silu", "A", "B", "C", "D")))


def _embed(arrays: Arrays) -> NDArray:
    return embed(
        *(_operand(arrays, name) for name in ("patches", "weights", "bias", "cls_token", "position"))
    )


ENGINES: dict[str, Callable[[Arrays], NDArray]] = {
    "LINEAR": _linear,
    "ACT": _act,
    "CONV": _conv,
    "SMOOTH": _smooth,
    "NORM_SUM": _norm_sum,
    "PATCH_OPS": _patch_ops,
    "SSM": _ssm,
    "EMBED": _embed,
}

_WORDS: tuple[tuple[str, str, Callable[..., NDArray]], ...] = (
    ("w_words", "w_codes", unpack_linear_codes),
    ("mag_words", "mag_codes", unpack_conv_codes),
    ("sign_words", "sign_bits", unpack_conv_signs),
)


def _word_mismatches(arrays: Arrays) -> int:
    """Codes that differ from what the same file's memory words unpack to."""
    return sum(
        int(np.count_nonzero(unpack(arrays[words].tobytes(), arrays[codes].shape) != arrays[codes]))
        for words, codes, unpack in _WORDS
        if words in arrays and codes in arrays
    )
