"""The integer arithmetic of the ViM-Q engines, bit for bit: one kernel per operation, NumPy only.

Operands are raw two's-complement integers. Source of every rule: the published RTL (arXiv 2605.01935).
"""

from workloads.numerics.activation import silu, softplus
from workloads.numerics.conv import conv
from workloads.numerics.embed import embed, patches_of
from workloads.numerics.flip import flip, load_cls
from workloads.numerics.linear import LinearFlags, linear, linear_quantized
from workloads.numerics.norm_sum import NormSumMode, norm_sum
from workloads.numerics.quantize import quantize_tensor, quantize_tokens
from workloads.numerics.scan import selective_scan
from workloads.numerics.smooth import smooth

__all__ = [
    "LinearFlags",
    "NormSumMode",
    "conv",
    "embed",
    "flip",
    "linear",
    "linear_quantized",
    "load_cls",
    "norm_sum",
    "patches_of",
    "quantize_tensor",
    "quantize_tokens",
    "selective_scan",
    "silu",
    "smooth",
    "softplus",
]
