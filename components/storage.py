"""What a memory holds: bytes by address, apart from when they move."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tlm.payload import Command, GenericPayload, ResponseStatus

Bytes = npt.NDArray[np.uint8]
PAGE = 1 << 20  # bytes


class Storage:
    """Addresses base to base + size - 1, zero until written; pages take memory when they are first written."""

    def __init__(self, base: int, size: int):
        self.base = base
        self.size = size
        self._pages: dict[int, Bytes] = {}

    def read(self, address: int, length: int) -> Bytes:
        """A copy of `length` bytes. Raises IndexError outside."""
        self._require(address, length)
        out = np.empty(length, np.uint8)
        done = 0
        while done < length:
            number, offset = divmod(address + done, PAGE)
            n = min(length - done, PAGE - offset)
            page = self._pages.get(number)
            out[done : done + n] = 0 if page is None else page[offset : offset + n]
            done += n
        return out

    def write(self, address: int, data: Any) -> None:
        """Bytes, bytearray, memoryview or uint8 array. Raises IndexError outside."""
        given = np.frombuffer(data, np.uint8)
        self._require(address, len(given))
        done = 0
        while done < len(given):
            number, offset = divmod(address + done, PAGE)
            n = min(len(given) - done, PAGE - offset)
            page = self._pages.get(number)
            if page is None:
                page = self._pages[number] = np.zeros(PAGE, np.uint8)
            page[offset : offset + n] = given[done : done + n]
            done += n

    def transport_dbg(self, payload: GenericPayload) -> int:
        """Debug access of a target socket: moves `payload.data` in zero time; 0 bytes for addresses outside."""
        if not self._holds(payload.address, payload.length) or payload.data is None:
            payload.status = ResponseStatus.ADDRESS_ERROR
            return 0
        if payload.command is Command.READ:
            payload.data[:] = self.read(payload.address, payload.length).data
        else:
            self.write(payload.address, payload.data)
        payload.status = ResponseStatus.OK
        return payload.length

    @property
    def resident(self) -> int:
        """Bytes of our memory that it takes."""
        return len(self._pages) * PAGE

    def _holds(self, address: int, length: int) -> bool:
        return self.base <= address and address + length <= self.base + self.size

    def _require(self, address: int, length: int) -> None:
        if not self._holds(address, length):
            raise IndexError(
                f"{length} bytes at {address:#x} must lie in {self.base:#x} to {self.base + self.size - 1:#x}"
            )
