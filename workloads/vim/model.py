"""Vision Mamba in torch, float: the published network and its parameter names (arXiv 2401.09417)."""

from collections.abc import Callable
from math import log
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

from workloads.vim.config import VimConfig
from workloads.vim.scan import selective_scan

Tap = Callable[[str, Tensor], Tensor]
"""Called with the name of a point and its value; what it returns is used instead (see `points`)."""


def keep(_point: str, value: Tensor) -> Tensor:
    """The tap that changes nothing."""
    return value


def points(config: VimConfig) -> list[str]:
    """Names of the inputs of every linear and convolution, in order of execution.

    Further taps, for comparisons: `embed` and `layers.{i}` are the residual stream [images, tokens, d_model].
    """
    names = []
    for i in range(config.layers):
        names += [f"layers.{i}.in_proj", f"layers.{i}.conv"]
        names += [f"layers.{i}.{way}.{op}" for way in ("forward", "backward") for op in ("x_proj", "dt_proj")]
        names.append(f"layers.{i}.out_proj")
    return [*names, "head"]


class RmsNorm(nn.Module):
    def __init__(self, features: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.weight


class PatchEmbed(nn.Module):
    def __init__(self, config: VimConfig):
        super().__init__()
        self.proj = nn.Conv2d(config.channels, config.d_model, config.patch, config.stride)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images).flatten(2).transpose(1, 2)


class Direction(NamedTuple):
    """The weights of one scan direction."""

    conv: nn.Conv1d
    x_proj: nn.Linear
    dt_proj: nn.Linear
    a_log: nn.Parameter
    d: nn.Parameter


class Mixer(nn.Module):
    """Both directions share in_proj and out_proj; names ending in _b belong to the backward one."""

    def __init__(self, config: VimConfig):
        super().__init__()
        d, inner, rank, states = config.d_model, config.d_inner, config.dt_rank, config.d_state
        self.dt_rank, self.d_state = rank, states

        def conv() -> nn.Conv1d:
            return nn.Conv1d(inner, inner, config.d_conv, groups=inner)

        def rates() -> nn.Parameter:
            return nn.Parameter(torch.arange(1, states + 1, dtype=torch.float32).log().repeat(inner, 1))

        self.in_proj = nn.Linear(d, 2 * inner, bias=False)
        self.conv1d, self.conv1d_b = conv(), conv()
        self.x_proj, self.x_proj_b = (nn.Linear(inner, rank + 2 * states, bias=False) for _ in range(2))
        self.dt_proj, self.dt_proj_b = (nn.Linear(rank, inner) for _ in range(2))
        self.A_log, self.A_b_log = rates(), rates()
        self.D, self.D_b = (nn.Parameter(torch.ones(inner)) for _ in range(2))
        self.out_proj = nn.Linear(inner, d, bias=False)

    def directions(self) -> dict[str, Direction]:
        return {
            "forward": Direction(self.conv1d, self.x_proj, self.dt_proj, self.A_log, self.D),
            "backward": Direction(self.conv1d_b, self.x_proj_b, self.dt_proj_b, self.A_b_log, self.D_b),
        }

    def forward(self, h: Tensor, tap: Tap, layer: str) -> Tensor:
        x, z = self.in_proj(h).chunk(2, -1)
        x, gate = tap(f"{layer}.conv", x), F.silu(z)
        ways = self.directions()
        forward = self._scan(x, gate, ways["forward"], tap, f"{layer}.forward")
        backward = self._scan(x.flip(1), gate.flip(1), ways["backward"], tap, f"{layer}.backward").flip(1)
        return self.out_proj(tap(f"{layer}.out_proj", (forward + backward) / 2))

    def _scan(self, x: Tensor, gate: Tensor, way: Direction, tap: Tap, name: str) -> Tensor:
        history = F.pad(x.transpose(1, 2), (way.conv.kernel_size[0] - 1, 0))
        u = F.silu(way.conv(history)).transpose(1, 2)
        projected = way.x_proj(tap(f"{name}.x_proj", u))
        dt, b, c = projected.split([self.dt_rank, self.d_state, self.d_state], -1)
        delta = F.softplus(way.dt_proj(tap(f"{name}.dt_proj", dt)))
        return selective_scan(u, delta, -torch.exp(way.a_log), b, c, way.d, gate)


class Layer(nn.Module):
    def __init__(self, config: VimConfig):
        super().__init__()
        self.norm = RmsNorm(config.d_model)
        self.mixer = Mixer(config)

    def forward(self, residual: Tensor, tap: Tap, name: str) -> Tensor:
        return residual + self.mixer(tap(f"{name}.in_proj", self.norm(residual)), tap, name)


class VisionMamba(nn.Module):
    """Normalized images [images, 3, side, side] to logits [images, classes].

    The class token stands in the middle of the patches; the position embedding is added after it is
    inserted, and is interpolated when the side is not the model's own. Parameter names are those of the
    published checkpoints.
    """

    def __init__(self, config: VimConfig):
        super().__init__()
        self.config = config
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.d_model))
        self.pos_embed = nn.Parameter(torch.zeros(1, config.tokens(), config.d_model))
        self.patch_embed = PatchEmbed(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm_f = RmsNorm(config.d_model)
        self.head = nn.Linear(config.d_model, config.classes)

    def blocks(self) -> list[Layer]:
        return cast(list[Layer], list(self.layers))

    def forward(self, images: Tensor, tap: Tap = keep) -> Tensor:
        x = self.patch_embed(images)
        middle = x.shape[1] // 2
        x = torch.cat([x[:, :middle], self.cls_token.expand(len(x), 1, -1), x[:, middle:]], 1)
        residual = tap("embed", x + self.positions(images.shape[-1]))
        for i, layer in enumerate(self.blocks()):
            residual = tap(f"layers.{i}", layer(residual, tap, f"layers.{i}"))
        return self.head(tap("head", self.norm_f(residual[:, middle : middle + 1])))[:, 0]

    def positions(self, resolution: int) -> Tensor:
        """Position embedding [1, tokens, d_model] for square images of `resolution` pixels."""
        return interpolate_positions(self.pos_embed, self.config.grid(resolution))


def interpolate_positions(positions: Tensor, grid: int) -> Tensor:
    """[1, n*n + 1, d] to [1, grid*grid + 1, d], bicubic over the patches.

    The class position, in the middle, stays as it is.
    """
    patches = positions.shape[1] - 1
    old = round(patches**0.5)
    if old == grid:
        return positions
    middle = patches // 2
    field = torch.cat([positions[:, :middle], positions[:, middle + 1 :]], 1)
    field = field.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    field = F.interpolate(field, size=(grid, grid), mode="bicubic", align_corners=False)
    field = field.flatten(2).transpose(1, 2)
    new = grid * grid // 2
    return torch.cat([field[:, :new], positions[:, middle : middle + 1], field[:, new:]], 1)


def random_model(config: VimConfig, seed: int) -> VisionMamba:
    """A model with random weights, reproducible from `seed`, initialized as Vision Mamba is for training."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(t: Tensor, bound: float) -> None:
        t.uniform_(-bound, bound, generator=generator)

    model = VisionMamba(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in ("cls_token", "pos_embed", "head.weight"):
                p.normal_(0, 0.02, generator=generator)
            elif "dt_proj" in name and name.endswith("bias"):
                # softplus(bias) is log-uniform in 0.001..0.1, as in Mamba
                steps = torch.empty_like(p).uniform_(log(1e-3), log(1e-1), generator=generator).exp()
                p.copy_(torch.log(torch.expm1(steps)))
            elif name.endswith("bias"):
                p.zero_()
            elif p.dim() > 1 and "A_" not in name:
                scale = (2 * config.layers) ** -0.5 if "out_proj" in name else 1.0
                uniform(p, scale * p[0].numel() ** -0.5)
    return model.eval()
