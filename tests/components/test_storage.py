import numpy as np
import pytest

from components.storage import PAGE, Storage
from tlm.payload import Command, GenericPayload, ResponseStatus


def move(storage, command, address, data):
    payload = GenericPayload(command, address, len(data), 1, "test", data)
    return storage.transport_dbg(payload), payload


def test_what_was_never_written_is_zero_and_takes_no_memory():
    storage = Storage(0, 1 << 40)
    assert storage.read(1 << 39, 3).tolist() == [0, 0, 0]
    assert storage.resident == 0


def test_a_write_over_the_end_of_a_page_comes_back_whole():
    storage = Storage(0, 4 * PAGE)
    storage.write(PAGE - 2, b"\x01\x02\x03\x04")
    assert storage.read(PAGE - 3, 6).tolist() == [0, 1, 2, 3, 4, 0]
    assert storage.resident == 2 * PAGE
    storage.write(PAGE - 1, np.array([9], np.uint8))
    assert storage.read(PAGE - 2, 3).tolist() == [1, 9, 3]


def test_a_read_is_a_copy():
    storage = Storage(0, PAGE)
    storage.write(0, b"\x05")
    storage.read(0, 1)[0] = 7
    assert storage.read(0, 1).tolist() == [5]


def test_both_ends_of_the_addresses():
    """0x1000 to 0x10ff: the last byte may be moved, the next may not."""
    storage = Storage(0x1000, 0x100)
    assert move(storage, Command.WRITE, 0x10FF, bytearray(b"\x2a"))[0] == 1
    assert storage.read(0x10FF, 1).tolist() == [42]
    for address, length in ((0x10FF, 2), (0xFFF, 1), (0x1100, 1)):
        with pytest.raises(IndexError, match="must lie in 0x1000 to 0x10ff"):
            storage.read(address, length)
        moved, payload = move(storage, Command.WRITE, address, bytearray(length))
        assert (moved, payload.status) == (0, ResponseStatus.ADDRESS_ERROR)


def test_debug_access_moves_bytes():
    storage = Storage(0, PAGE)
    assert move(storage, Command.WRITE, 8, bytearray(b"abcd"))[0] == 4
    moved, payload = move(storage, Command.READ, 9, bytearray(2))
    assert (moved, bytes(payload.data), payload.status) == (2, b"bc", ResponseStatus.OK)
