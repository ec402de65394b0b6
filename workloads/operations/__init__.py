"""What is computed, as nouns: tensors, operations on them, programs of operations (standard library only).

Widths and shapes of weights are those of the memory layouts of ViM-Q (arXiv 2605.01935).
"""

from workloads.operations.conv import Conv
from workloads.operations.embed import Embed
from workloads.operations.linear import Linear
from workloads.operations.norm_sum import NormSum, NormSumMode
from workloads.operations.operation import Elementary, Operation
from workloads.operations.patch_ops import Flip, LoadClassToken
from workloads.operations.program import Program
from workloads.operations.scan import Scan
from workloads.operations.smooth import Smooth
from workloads.operations.tensor import Role, Tensor

__all__ = [
    "Conv",
    "Elementary",
    "Embed",
    "Flip",
    "Linear",
    "LoadClassToken",
    "NormSum",
    "NormSumMode",
    "Operation",
    "Program",
    "Role",
    "Scan",
    "Smooth",
    "Tensor",
]
