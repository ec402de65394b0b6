"""Sizes of a Vision Mamba model (standard library only)."""

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from workloads.vim.errors import WorkloadError

TILE = 16  # the linear engine works on 16 x 16 tiles: its inputs and outputs are multiples of 16


def padded(n: int) -> int:
    """`n` rounded up to whole tiles of 16."""
    return ceil(n / TILE) * TILE


@dataclass(frozen=True)
class VimConfig:
    """One model size; all figures count features, layers or pixels.

    Raises WorkloadError, all problems at once, when a size cannot run on the engines.
    """

    name: str
    d_model: int
    layers: int
    d_state: int = 16
    d_conv: int = 4
    patch: int = 16
    stride: int = 16
    image_size: int = 224
    classes: int = 1000
    channels: int = 3

    def __post_init__(self) -> None:
        problems = [
            f"{self.name}: {field} must be a positive integer, not {value!r}"
            for field, value in asdict(self).items()
            if field != "name" and (not isinstance(value, int) or isinstance(value, bool) or value < 1)
        ]
        if not problems:
            if self.d_model % TILE:
                problems.append(f"{self.name}: d_model must be a multiple of {TILE}, not {self.d_model}")
            if self.image_size < self.patch or (self.image_size - self.patch) % self.stride:
                problems.append(self._grid_rule("image_size", self.image_size))
        if problems:
            raise WorkloadError(problems)

    def _grid_rule(self, what: str, value: int) -> str:
        return f"{self.name}: {what} must be {self.patch} plus a multiple of {self.stride}, not {value}"

    @property
    def d_inner(self) -> int:
        return 2 * self.d_model

    @property
    def dt_rank(self) -> int:
        return ceil(self.d_model / 16)

    @property
    def dt_rank_padded(self) -> int:
        return padded(self.dt_rank)

    @property
    def classes_padded(self) -> int:
        return padded(self.classes)

    @property
    def patch_values(self) -> int:
        """Values of one patch: channels x patch x patch."""
        return self.channels * self.patch * self.patch

    def grid(self, resolution: int | None = None) -> int:
        """Patches along one side; WorkloadError when the patches do not fill `resolution` exactly."""
        resolution = self.image_size if resolution is None else resolution
        if resolution < self.patch or (resolution - self.patch) % self.stride:
            raise WorkloadError(self._grid_rule("resolution", resolution))
        return (resolution - self.patch) // self.stride + 1

    def tokens(self, resolution: int | None = None) -> int:
        """Patches plus the class token."""
        return self.grid(resolution) ** 2 + 1

    def class_position(self, resolution: int | None = None) -> int:
        """Index of the class token: the middle, M // 2 of M patches."""
        return self.grid(resolution) ** 2 // 2

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


PRESETS = {
    config.name: config
    for config in (
        VimConfig("tiny", d_model=192, layers=24),
        VimConfig("small", d_model=384, layers=24),
        VimConfig("base", d_model=768, layers=24),
        VimConfig("digits", d_model=64, layers=4, image_size=64, classes=10),
    )
}
