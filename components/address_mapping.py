"""Address mapping: which channel, bank and row of the DRAM an address falls on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

FIELDS = ("channel", "row", "bank", "group", "column")


class Location(NamedTuple):
    """Where an access falls. `bank` counts through all banks of a channel, those of a bank group a stride apart."""

    channel: int
    bank: int
    row: int


class AddressMapping:
    """Fields of the address from its top to its bottom, such as "row-bank-group-column".

    A field left out is at the top. `sizes` gives the number of values of each field, a power of two; a column is
    an access of `atom` bytes. An aligned block of `span` bytes falls on one row as a whole. Raises ValueError for an
    order that names a field twice, or one there is not.
    """

    def __init__(self, order: str, sizes: Mapping[str, int], atom: int):
        names = order.split("-")
        if sorted(names) != sorted(set(names)) or not set(names) <= set(FIELDS):
            raise ValueError(f"mapping must name each of {', '.join(FIELDS)} at most once, not '{order}'")
        top = [name for name in FIELDS if name not in names]
        low = atom.bit_length() - 1
        self.order = order
        self.groups = sizes["group"]
        self._fields: dict[str, tuple[int, int]] = {}  # shift and mask
        for name in reversed(top + names):
            self._fields[name] = low, sizes[name] - 1
            low += sizes[name].bit_length() - 1
        self._channel, self._row, self._bank, self._group, _ = (self._fields[name] for name in FIELDS)
        places = (self._channel, self._row, self._bank, self._group)
        self.span = 1 << min((shift for shift, mask in places if mask), default=low)

    def locate(self, address: int) -> Location:
        """`address` in bytes from the start of the memory."""
        shift, mask = self._bank
        bank = (address >> shift & mask) * self.groups
        shift, mask = self._group
        bank += address >> shift & mask
        shift, mask = self._channel
        channel = address >> shift & mask
        shift, mask = self._row
        return Location(channel, bank, address >> shift & mask)
