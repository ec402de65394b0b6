"""Checkpoints in the published layout: a pickled dict with the weights under "model"."""

import argparse
import warnings
from pathlib import Path
from pickle import PickleError, UnpicklingError
from typing import Any

import torch
from torch import Tensor

from workloads.vim.config import VimConfig
from workloads.vim.errors import WorkloadError
from workloads.vim.model import VisionMamba

# what torch.load was seen to raise on damaged files
_UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    PickleError,
)


def load_checkpoint(path: Path | str, config: VimConfig) -> VisionMamba:
    """The model of `config` with the weights of `path`, as float32, in eval mode.

    Raises WorkloadError for a file that cannot be read, and for weights that are missing, unexpected, of the
    wrong shape or not finite: all of them at once.
    """
    state = _state(Path(path))
    model = VisionMamba(config)
    wanted = model.state_dict()
    problems = [f"{path}: {key} is missing" for key in wanted if key not in state]
    problems += [f"{path}: {key} is not a weight of {config.name}" for key in state if key not in wanted]
    for key in wanted.keys() & state.keys():
        value = state[key]
        if not isinstance(value, Tensor):
            problems.append(f"{path}: {key} must be a tensor, not {type(value).__name__}")
        elif value.shape != wanted[key].shape:
            want, got = list(wanted[key].shape), list(value.shape)
            problems.append(f"{path}: {key} must have shape {want}, not {got}")
        elif not torch.isfinite(value).all():
            bad = int((~torch.isfinite(value)).sum())
            problems.append(f"{path}: {key} must be finite, but {bad} of {value.numel()} values are not")
    if problems:
        raise WorkloadError(sorted(problems))
    model.load_state_dict(state)
    return model.eval()


def save_checkpoint(path: Path | str, model: VisionMamba, dtype: torch.dtype = torch.float32) -> None:
    """Writes `model` in the published layout."""
    torch.save({"model": {k: v.detach().to(dtype).clone() for k, v in model.state_dict().items()}}, path)


def _state(path: Path) -> dict[str, Any]:
    try:
        # training scripts in the DeiT line store their arguments beside the weights
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, of files that are then refused
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WorkloadError(f"{path}: no such file") from None
    except UnpicklingError:
        raise WorkloadError(
            f"{path}: not a readable checkpoint (damaged, or more than plain weights)"
        ) from None
    except _UNREADABLE as error:
        raise WorkloadError(f"{path}: not a readable checkpoint ({type(error).__name__}: damaged?)") from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("model"), dict):
        raise WorkloadError(f'{path}: must be a dict with the weights under "model"')
    return checkpoint["model"]
