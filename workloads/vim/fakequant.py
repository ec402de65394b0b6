"""Any scheme in float arithmetic: weights rounded to its levels, activations rounded on the fly."""

import numpy as np
import torch
from torch import Tensor

from workloads.vim.model import VisionMamba
from workloads.vim.schemes import Scheme, quantized_weight
from workloads.vim.smoothing import Calibration, explicit, factors, fold, folded_input_maxima, unit_factors


class FakeQuantized:
    """`model` under `scheme`: call it with normalized images [n, 3, res, res], get logits [n, classes]."""

    def __init__(self, model: VisionMamba, calibration: Calibration, scheme: Scheme):
        s = factors(model, calibration) if scheme.smoothing else unit_factors(calibration)
        self.scheme = scheme
        self.model = fold(model, s)
        self._inverse = {point: 1 / value for point, value in s.items() if explicit(point)}
        self._static = folded_input_maxima(calibration, s)
        block = scheme.block if scheme.granularity == "block" else None
        with torch.no_grad():
            for name, p in self.model.named_parameters():
                if name == "head.weight" and scheme.head == "float":
                    continue
                if "conv1d" in name and name.endswith("weight"):
                    p.copy_(_rounded(p[:, 0], scheme.weights, scheme.conv_bits, None)[:, None])
                elif name.endswith(("_proj.weight", "_proj_b.weight", "head.weight")):
                    p.copy_(_rounded(p, scheme.weights, scheme.bits, block))

    def __call__(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return self.model(images, self._tap)

    def _tap(self, point: str, value: Tensor) -> Tensor:
        if point in self._inverse:
            value = value * self._inverse[point]
        scheme = self.scheme
        as_is = scheme.activations == "float" or (point == "head" and scheme.head == "float")
        if as_is or point not in self._static:
            return value
        per_tensor = point.endswith(".conv") or scheme.activation_granularity == "tensor"
        seen = self._static[point][None] if scheme.activations == "static" else value.abs()
        largest = seen.amax((1, 2) if per_tensor else 2, keepdim=True)
        top = 2 ** (scheme.activation_bits - 1) - 1
        scale = largest.clamp(min=1e-9) / top
        return (value / scale).round().clamp(-top - 1, top) * scale


def _rounded(weight: Tensor, kind: str, bits: int, block: int | None) -> Tensor:
    return torch.from_numpy(quantized_weight(weight.detach().numpy(), kind, bits, block).astype(np.float32))
