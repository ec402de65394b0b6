"""A program: operations in the order in which they are called."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from workloads.operations.operation import Elementary, Operation
from workloads.operations.tensor import Role, Tensor

WRITTEN = (Role.ACTIVATION, Role.OUTPUT)


@dataclass(frozen=True)
class Program:
    """Operations that read only what is there: inputs, weights, and what an operation before them wrote.

    Raises ValueError, all problems at once, where a tensor is read before it is produced, produced twice,
    or produced although it is an input or a weight, and where two operations or tensors share a name.
    """

    name: str
    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        problems: list[str] = []
        operations: set[str] = set()
        tensors: dict[str, Tensor] = {}
        written: set[str] = set()
        for operation in self.operations:
            if operation.name in operations:
                problems.append(f"{operation.name} must be the name of one operation, not of two")
            operations.add(operation.name)
            for tensor in (*operation.inputs, *operation.outputs):
                known = tensors.setdefault(tensor.name, tensor)
                if known is not tensor and known != tensor:
                    problems.append(
                        f"{tensor.name} must be one tensor, not {known.role.value} of {known} "
                        f"and {tensor.role.value} of {tensor}"
                    )
            problems += [
                f"{tensor.name} must be produced before it is read, not after {operation.name} reads it"
                for tensor in operation.inputs
                if tensor.role in WRITTEN and tensor.name not in written
            ]
            for tensor in operation.outputs:
                if tensor.role not in WRITTEN:
                    problems.append(
                        f"{tensor.name} must be an activation or an output where {operation.name} "
                        f"produces it, not {tensor.role.value}"
                    )
                elif tensor.name in written:
                    problems.append(f"{tensor.name} must be produced once, not again by {operation.name}")
                written.add(tensor.name)
        if not self.operations:
            problems.append("operations must be at least one, not none")
        if problems:
            raise ValueError("\n".join(f"{self.name}: {problem}" for problem in problems))

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors, in the order of their first use."""
        found = {}
        for operation in self.operations:
            for tensor in (*operation.inputs, *operation.outputs):
                found[tensor.name] = tensor
        return tuple(found.values())

    def of_role(self, role: Role) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in self.tensors if tensor.role is role)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.of_role(Role.INPUT)

    @property
    def weights(self) -> tuple[Tensor, ...]:
        return self.of_role(Role.WEIGHT)

    @property
    def activations(self) -> tuple[Tensor, ...]:
        return self.of_role(Role.ACTIVATION)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self.of_role(Role.OUTPUT)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of linears, convolutions and patch embedding, padding not counted."""
        return sum(operation.macs for operation in self.operations)

    @cached_property
    def counts(self) -> Counter[type[Operation]]:
        """Number of operations of each type."""
        return Counter(type(operation) for operation in self.operations)

    @cached_property
    def elementary_operations(self) -> Counter[Elementary]:
        total: Counter[Elementary] = Counter()
        for operation in self.operations:
            total.update(operation.elementary_operations)
        return total
