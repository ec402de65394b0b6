"""System addresses: which socket serves which region."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class AddressRange:
    """Addresses base to base + size - 1 (bytes)."""

    name: str
    base: int
    size: int
    target: str

    @property
    def end(self) -> int:
        """First address behind the range."""
        return self.base + self.size

    def holds(self, address: int, length: int) -> bool:
        return self.base <= address and address + length <= self.end


class MemoryMap:
    """Disjoint ranges in order of address. Raises ValueError when two overlap."""

    def __init__(self, ranges: Iterable[AddressRange]):
        self.ranges = tuple(sorted(ranges, key=lambda r: r.base))
        for low, high in zip(self.ranges, self.ranges[1:], strict=False):
            if low.end > high.base:
                raise ValueError(
                    f"{high.name} at {high.base:#x} must not overlap {low.name}, which ends at {low.end:#x}"
                )
        self._bases = [r.base for r in self.ranges]

    def decode(self, address: int, length: int = 1) -> AddressRange | None:
        """The range that holds all of the bytes, or None."""
        at = bisect_right(self._bases, address) - 1
        return self.ranges[at] if at >= 0 and self.ranges[at].holds(address, length) else None
