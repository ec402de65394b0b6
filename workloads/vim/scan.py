"""The selective scan, vectorized over images, channels and states."""

import torch
from torch import Tensor

CHUNK = 64  # tokens expanded to [channels, states] at a time: bounds memory, 1,025 tokens of base included


def selective_scan(
    u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, gate: Tensor
) -> Tensor:
    """`h = exp(delta a) h + delta u b; y = (h . c + d u) gate`, token by token, h = 0 before the first.

    u, delta, gate: [images, tokens, channels]; a: [channels, states], negative;
    b, c: [images, tokens, states]; d: [channels]. Returns [images, tokens, channels]. Differentiable.
    """
    images, _, channels = u.shape
    state = u.new_zeros(images, channels, a.shape[1])
    outputs = []
    for delta_k, drive_k, b_k, c_k in zip(
        *(t.transpose(0, 1).split(CHUNK) for t in (delta, delta * u, b, c)), strict=True
    ):
        decay = torch.exp(delta_k.unsqueeze(-1) * a)
        drive = drive_k.unsqueeze(-1) * b_k.unsqueeze(-2)
        states = []
        for decay_t, drive_t in zip(decay.unbind(), drive.unbind(), strict=True):
            state = torch.addcmul(drive_t, decay_t, state)
            states.append(state)
        outputs.append((torch.stack(states) @ c_k.unsqueeze(-1)).squeeze(-1))
    return (torch.cat(outputs).transpose(0, 1) + u * d) * gate
