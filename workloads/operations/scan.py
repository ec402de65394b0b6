"""SSM: the selective scan."""

from collections.abc import Mapping
from dataclasses import dataclass

from workloads.operations.operation import WIDTH, Elementary, Operation, check, matrix
from workloads.operations.tensor import Tensor

STATES = 16


@dataclass(frozen=True)
class Scan(Operation):
    """h = exp(delta * A) * h + delta * u * B; y = (h . C + u * D) * z, h = 0 before the first token.

    u, delta, z and y [tokens, features]; a [features, 16]; b and c [tokens, 16]; d [features]; all 32 bits.
    z has been through its SiLU.
    """

    name: str
    u: Tensor
    delta: Tensor
    z: Tensor
    a: Tensor
    b: Tensor
    c: Tensor
    d: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        tokens, features = matrix(self.name, "u", self.u)
        operands = [
            ("delta", self.delta, WIDTH, (tokens, features)),
            ("z", self.z, WIDTH, (tokens, features)),
            ("a", self.a, WIDTH, (features, STATES)),
            ("b", self.b, WIDTH, (tokens, STATES)),
            ("c", self.c, WIDTH, (tokens, STATES)),
            ("d", self.d, WIDTH, (features,)),
            ("y", self.y, WIDTH, (tokens, features)),
        ]
        check(self.name, operands)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.u, self.delta, self.z, self.a, self.b, self.c, self.d)

    @property
    def states(self) -> int:
        """States of one channel."""
        return self.a.shape[1]

    @property
    def elementary_operations(self) -> Mapping[Elementary, int]:
        """Per state delta * A, du * B, h * decay, h * C and two sums; per channel three products, a sum."""
        size = self.y.elements
        return {
            Elementary.MULTIPLY32: size * (4 * self.states + 3),
            Elementary.ADD32: size * (2 * self.states + 1),
            Elementary.EXP: size * self.states,
        }
