"""Hand-over to an RTL test bench: memory images, their addresses, and calls with inputs and outputs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.data import Data
from workloads.execution import layout, operands, pack
from workloads.lowering import lower
from workloads.operations import (
    Conv,
    Embed,
    Flip,
    Linear,
    LoadClassToken,
    NormSum,
    Operation,
    Program,
    Role,
    Scan,
    Smooth,
)
from workloads.placement import Placement, place
from workloads.vim import memory
from workloads.vim.errors import WorkloadError
from workloads.vim.integer import Call, execute

Array = npt.NDArray[Any]
WORD = 32  # bytes of a bus word, a line of the hexadecimal files
DEFAULT_CALLS = ("embed", "layers.0.*", "load_cls", "norm_f", "head")
ENGINES = {
    Embed: "EMBED",
    NormSum: "NORM_SUM",
    Linear: "LINEAR",
    Conv: "CONV",
    Smooth: "SMOOTH",
    Scan: "SSM",
    Flip: "PATCH_OPS",
    LoadClassToken: "PATCH_OPS",
}
_FILES = {Role.WEIGHT: "weights", Role.INPUT: "input", Role.OUTPUT: "output"}


def export(
    folder: Path | str, data: Data, base: int = 0, calls: Sequence[str] = DEFAULT_CALLS
) -> dict[str, Any]:
    """Writes into the new or empty `folder` and returns the manifest, its manifest.json.

    weights, input and (expected) output as .bin and as .hex for $readmemh, a bus word a line; and in golden/
    an .npz for each call whose name matches a pattern of `calls`, in the form that `validate_golden` reads.
    `data` has one image. The folder appears complete or not at all. Raises WorkloadError for a folder that is
    not empty or cannot be written, and for patterns that match no call.
    """
    folder = Path(folder)
    check_new_folder(folder)
    model = data.model
    program = lower(model.config, model.resolution)
    ops = {op.name: op for op in program.operations}
    problems = [
        f"{pattern} must match the name of a call" for pattern in calls if not _matching(ops, [pattern])
    ]
    if problems:
        raise WorkloadError(problems)
    placement = place(program, base, 1 << 62)
    try:
        part = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise WorkloadError(f"{folder}: cannot be written ({error.strerror})") from None
    try:
        manifest = _write(part, program, placement, data, set(_matching(ops, calls)))
        part.chmod(0o777 & ~_umask())
        if folder.exists():
            folder.rmdir()
        part.replace(folder)
    except OSError as error:
        raise WorkloadError(f"{folder}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def check_new_folder(folder: Path) -> None:
    """WorkloadError unless `folder` can be made or is there and empty. Creates nothing."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        raise WorkloadError(f"{folder}: must be a new or an empty folder")
    if not folder.parent.is_dir():
        raise WorkloadError(f"{folder}: must lie in a folder that is there; {folder.parent} is not")


def _matching(names: Mapping[str, Any], patterns: Sequence[str]) -> list[str]:
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write(
    folder: Path, program: Program, placement: Placement, data: Data, chosen: set[str]
) -> dict[str, Any]:
    ops = {op.name: op for op in program.operations}
    golden: dict[str, str] = {}
    output = bytearray()
    (folder / "golden").mkdir()

    def record(call: Call) -> None:
        nonlocal output
        op = ops[call.name]
        if op.y.role is Role.OUTPUT:
            output = pack(op, "y", call.output)
        if call.name in chosen:
            golden[call.name] = f"golden/{ENGINES[type(op)]}_{call.name}_P{op.tokens}.npz"
            arrays: dict[str, Any] = golden_arrays(op, data.model.op, call)
            np.savez_compressed(folder / golden[call.name], **arrays)

    execute(data.model, data.pixels, record)
    images: dict[Role, tuple[int, bytearray]] = {}
    for role, size in (
        (Role.WEIGHT, placement.weights_bytes),
        (Role.INPUT, 0),
        (Role.OUTPUT, 0),
    ):
        first = min(placement.address(t) for t in program.of_role(role))
        end = max(placement.address(t) + t.nbytes for t in program.of_role(role))
        images[role] = first, bytearray(size or -(-(end - first) // WORD) * WORD)
    (out,) = program.outputs
    for tensor, content in (*memory.contents(program, data.model, data.pixels), (out, output)):
        first, image = images[tensor.role]
        at = placement.address(tensor) - first
        image[at : at + len(content)] = content
    files = {}
    for role, (first, image) in images.items():
        name = _FILES[role]
        (folder / f"{name}.bin").write_bytes(image)
        (folder / f"{name}.hex").write_text(readmemh(image, first))
        files[name] = {"binary": f"{name}.bin", "hex": f"{name}.hex", "address": first, "bytes": len(image)}
    manifest = _manifest(program, placement, data, files, golden)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def readmemh(image: bytes | bytearray, address: int) -> str:
    """Lines for $readmemh into an array of bus words: a word's index, then words, highest byte first."""
    words = np.frombuffer(image, np.uint8).reshape(-1, WORD)[:, ::-1]
    return f"@{address // WORD:x}\n{words.tobytes().hex(chr(10), WORD)}\n"


def _manifest(
    program: Program, placement: Placement, data: Data, files: dict[str, Any], golden: dict[str, str]
) -> dict[str, Any]:
    roles = tuple(Role)
    return {
        "format": "vision-mamba-export",
        "version": 1,
        "model": data.model.config.as_dict(),
        "resolution": data.model.resolution,
        "weights": data.weights_source,
        "image": data.image_sources[0] if data.image_sources else "",
        "notes": list(data.notes),
        "word_bytes": WORD,
        "byte_order": "little",
        "files": files,
        "tensors": [
            {
                "name": tensor.name,
                "role": tensor.role.value,
                "address": placement.address(tensor),
                "bytes": tensor.nbytes,
                "shape": list(tensor.shape),
                "bits": tensor.bits,
                "layout": layout(op, field),
            }
            for op, field, tensor in memory.used(program, *roles)
        ],
        "calls": [
            {
                "name": op.name,
                "engine": ENGINES[type(op)],
                "registers": registers(op),
                "operands": {field: tensor.name for field, tensor in operands(op)},
                "golden": golden.get(op.name),
            }
            for op in program.operations
        ],
    }


def registers(op: Operation) -> dict[str, int]:
    """Settings of a call beside its addresses and sizes, by the names of the golden files."""
    match op:
        case Linear():
            return {"flags": op.flags}
        case NormSum():
            return {"mode": int(op.mode)}
        case Flip():
            return {"mode": 0}
        case LoadClassToken():
            return {"mode": 1, "cls_token_idx": op.index}
    return {}


def golden_arrays(op: Operation, weights: Any, call: Call) -> dict[str, Array | int]:
    """A call's operands, registers and output under the names that `validate_golden` reads."""
    v: dict[str, Array] = dict(call.inputs)
    if any(tensor.role is Role.WEIGHT for _, tensor in operands(op)):
        v |= weights(op.name)
    found: dict[str, Array | int] = {"out": call.output, **registers(op)}
    for field, name in _NAMES[type(op)].items():
        if field in v:
            found[name] = v[field]
    for field, name in _WORDS.get(type(op), {}).items():
        found[name] = np.frombuffer(pack(op, field, v[field]), np.uint8)
    return found


# fields of operations, and what the golden files call them
_NAMES: dict[type[Operation], dict[str, str]] = {
    Embed: {
        "patches": "patches",
        "weight": "weights",
        "bias": "bias",
        "class_token": "cls_token",
        "position": "position",
    },
    NormSum: {"a": "a", "b": "b", "weight": "weights"},
    Linear: {"x": "x", "codes": "w_codes", "scales": "w_scales", "bias": "bias"},
    Conv: {"x": "x", "codes": "mag_codes", "signs": "sign_bits", "scales": "w_scales", "bias": "bias"},
    Smooth: {"x": "x", "scales": "scales"},
    Scan: {"u": "u", "delta": "delta", "z": "z_silu", "a": "A", "b": "B", "c": "C", "d": "D"},
    Flip: {"x": "x"},
    LoadClassToken: {"x": "x"},
}
_WORDS = {Linear: {"codes": "w_words"}, Conv: {"codes": "mag_words", "signs": "sign_words"}}
