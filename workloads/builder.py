"""Operations from the sizes of what they read: the one place that knows each weight's width and shape."""

from workloads.operations import (
    Conv,
    Embed,
    Flip,
    Linear,
    LoadClassToken,
    NormSum,
    NormSumMode,
    Role,
    Scan,
    Smooth,
    Tensor,
)
from workloads.operations.conv import CODE_WIDTH as CONV_CODE_WIDTH
from workloads.operations.conv import SIGN_WIDTH, TAPS
from workloads.operations.embed import WEIGHT_WIDTH as EMBED_WIDTH
from workloads.operations.linear import BLOCK, CODE_WIDTH
from workloads.operations.norm_sum import WEIGHT_WIDTH as NORM_WIDTH
from workloads.operations.operation import WIDTH


class Builder:
    """Makes operations and their tensors, "{operation}.{field}".

    `prefix` goes before the names of operations, inputs and results, not of weights: several images share
    those. ValueError for sizes that an operation refuses.
    """

    def __init__(self, prefix: str = ""):
        self.prefix = prefix

    def tensor(self, name: str, *shape: int, role: Role = Role.ACTIVATION) -> Tensor:
        """32 bits wide, under a name with the prefix."""
        return Tensor(f"{self.prefix}{name}", shape, WIDTH, role)

    def embed(
        self, name: str, patches: int, features: int, channels: int, patch: int, stride: int, position: int
    ) -> Embed:
        values = channels * patch * patch
        return Embed(
            name=f"{self.prefix}{name}",
            image=self.tensor(f"{name}.image", patches, values, role=Role.INPUT),
            weight=_weight(f"{name}.weight", features, values, bits=EMBED_WIDTH),
            bias=_weight(f"{name}.bias", features, bits=EMBED_WIDTH),
            class_token=_weight(f"{name}.class_token", features),
            position=_weight(f"{name}.position", patches + 1, features),
            y=self.tensor(f"{name}.y", patches + 1, features),
            patch=patch,
            stride=stride,
            class_position=position,
        )

    def norm_sum(self, name: str, mode: NormSumMode, a: Tensor, b: Tensor | None = None) -> NormSum:
        features = a.shape[-1]
        weight = _weight(f"{name}.weight", features, bits=NORM_WIDTH) if mode.norms else None
        return NormSum(f"{self.prefix}{name}", mode, a, b, weight, self.tensor(f"{name}.y", *a.shape))

    def linear(
        self,
        name: str,
        x: Tensor,
        out: int,
        *,
        bias: bool = False,
        silu: bool = False,
        softplus: bool = False,
        model_in: int | None = None,
        model_out: int | None = None,
        role: Role = Role.ACTIVATION,
    ) -> Linear:
        """`out` features; `role` is that of the result."""
        inputs = x.shape[-1]
        return Linear(
            name=f"{self.prefix}{name}",
            x=x,
            codes=_weight(f"{name}.codes", out, inputs, bits=CODE_WIDTH),
            scales=_weight(f"{name}.scales", -(-inputs // BLOCK), out),
            bias=_weight(f"{name}.bias", out) if bias else None,
            y=self.tensor(f"{name}.y", x.shape[0], out, role=role),
            silu=silu,
            softplus=softplus,
            model_in=model_in,
            model_out=model_out,
        )

    def conv(self, name: str, x: Tensor) -> Conv:
        features = x.shape[-1]
        return Conv(
            name=f"{self.prefix}{name}",
            x=x,
            codes=_weight(f"{name}.codes", features, TAPS, bits=CONV_CODE_WIDTH),
            signs=_weight(f"{name}.signs", features, TAPS, bits=SIGN_WIDTH),
            scales=_weight(f"{name}.scales", features),
            bias=_weight(f"{name}.bias", features),
            y=self.tensor(f"{name}.y", *x.shape),
        )

    def smooth(self, name: str, x: Tensor) -> Smooth:
        scales = _weight(f"{name}.scales", x.shape[-1])
        return Smooth(f"{self.prefix}{name}", x, scales, self.tensor(f"{name}.y", *x.shape))

    def scan(self, name: str, u: Tensor, delta: Tensor, z: Tensor, b: Tensor, c: Tensor) -> Scan:
        features, states = u.shape[-1], b.shape[-1]
        return Scan(
            name=f"{self.prefix}{name}",
            u=u,
            delta=delta,
            z=z,
            a=_weight(f"{name}.a", features, states),
            b=b,
            c=c,
            d=_weight(f"{name}.d", features),
            y=self.tensor(f"{name}.y", *u.shape),
        )

    def flip(self, name: str, x: Tensor) -> Flip:
        return Flip(f"{self.prefix}{name}", x, self.tensor(f"{name}.y", *x.shape))

    def load_class_token(self, name: str, x: Tensor, index: int) -> LoadClassToken:
        return LoadClassToken(f"{self.prefix}{name}", x, index, self.tensor(f"{name}.y", 1, x.shape[-1]))


def _weight(name: str, *shape: int, bits: int = WIDTH) -> Tensor:
    return Tensor(name, shape, bits, Role.WEIGHT)
