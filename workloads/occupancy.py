"""Which tensor was the last to lie at each address (standard library only)."""

from collections.abc import Callable, Iterator

from workloads.operations import Tensor


class Occupancy:
    """Ranges of addresses, each with the tensor that was put there last, ascending and disjoint."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int, Tensor]] = []

    def owners(self, first: int, after: int) -> Iterator[Tensor]:
        """Tensors last put into the addresses from `first` up to but not including `after`."""
        for low, high, tensor in self._ranges:
            if low < after and first < high:
                yield tensor

    def first_fit(self, start: int, length: int, free: Callable[[Tensor], bool]) -> int:
        """The lowest address from `start` with `length` bytes behind it that are empty or owned by the `free`."""
        for low, high, tensor in self._ranges:
            if low - start >= length:
                break
            if high > start and not free(tensor):
                start = high
        return start

    def put(self, first: int, after: int, tensor: Tensor) -> None:
        ranges = []
        for low, high, owner in self._ranges:
            if low < first:
                ranges.append((low, min(high, first), owner))
            if high > after:
                ranges.append((max(low, after), high, owner))
        ranges.append((first, after, tensor))
        self._ranges = sorted(ranges, key=lambda r: r[0])
