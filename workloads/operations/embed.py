"""EMBED: patches of an image to tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

from workloads.operations.operation import WIDTH, Elementary, Operation, check, matrix
from workloads.operations.tensor import Tensor

WEIGHT_WIDTH = 16  # bits of weights and biases


@dataclass(frozen=True)
class Embed(Operation):
    """y = patches . weight + bias, the class token inserted at row `class_position`, position added.

    image 32 bits [patches, channels * patch * patch], stored patch by patch, pixels of overlapping patches
    (stride < patch) once for each; weight 16 bits [features, values]; bias 16 bits [features]; class_token
    32 bits [features]; position and y 32 bits [patches + 1, features]. `patch` and `stride` in pixels.
    """

    name: str
    image: Tensor
    weight: Tensor
    bias: Tensor
    class_token: Tensor
    position: Tensor
    y: Tensor
    patch: int
    stride: int
    class_position: int

    def __post_init__(self) -> None:
        patches, values = matrix(self.name, "image", self.image)
        _, features = matrix(self.name, "y", self.y)
        problems = [
            f"{what} must be positive, not {value}"
            for what, value in (("patch", self.patch), ("stride", self.stride))
            if value < 1
        ]
        if not problems and values % self.patch**2:
            problems.append(f"values of a patch must be a multiple of {self.patch**2}, not {values}")
        if not 0 <= self.class_position <= patches:
            problems.append(f"class_position must be 0 to {patches}, not {self.class_position}")
        operands = [
            ("weight", self.weight, WEIGHT_WIDTH, (features, values)),
            ("bias", self.bias, WEIGHT_WIDTH, (features,)),
            ("class_token", self.class_token, WIDTH, (features,)),
            ("position", self.position, WIDTH, (patches + 1, features)),
            ("y", self.y, WIDTH, (patches + 1, features)),
        ]
        check(self.name, operands, problems)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.image, self.weight, self.bias, self.class_token, self.position)

    @property
    def patches(self) -> int:
        return self.image.shape[0]

    @property
    def patch_values(self) -> int:
        """Values of one patch: channels * patch * patch."""
        return self.image.shape[1]

    @property
    def macs(self) -> int:
        return self.patches * self.patch_values * self.features

    @property
    def elementary_operations(self) -> Mapping[Elementary, int]:
        return {Elementary.MULTIPLY32: self.macs, Elementary.ADD32: self.macs + self.y.elements}
