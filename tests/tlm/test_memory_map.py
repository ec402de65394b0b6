"""Addresses: both ends of each range."""

import pytest

from tlm.memory_map import AddressRange, MemoryMap

# 0x1000 to 0x1fff and, with a hole of 0x1000, 0x3000 to 0x30ff; given out of order
MAP = MemoryMap(
    [AddressRange("high", 0x3000, 0x100, "b.port"), AddressRange("low", 0x1000, 0x1000, "a.port")]
)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0x0, None),
        (0xFFF, None),
        (0x1000, "low"),
        (0x1FFF, "low"),
        (0x2000, None),
        (0x2FFF, None),
        (0x3000, "high"),
        (0x30FF, "high"),
        (0x3100, None),
    ],
)
def test_decode(address, name):
    found = MAP.decode(address)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("address", "length", "held"), [(0x1F00, 0x100, True), (0x1F00, 0x101, False), (0xFFF, 2, False)]
)
def test_all_bytes_must_be_in_the_range(address, length, held):
    assert (MAP.decode(address, length) is not None) is held


def test_ranges_lie_in_order_of_address():
    assert [(r.name, r.end) for r in MAP.ranges] == [("low", 0x2000), ("high", 0x3100)]


def test_neighbours_may_touch():
    """0x1000 + 0x1000 is the first address of the next."""
    touching = MemoryMap([AddressRange("a", 0x1000, 0x1000, "a.p"), AddressRange("b", 0x2000, 0x1000, "b.p")])
    assert touching.decode(0x1FFF).name == "a"
    assert touching.decode(0x2000).name == "b"


def test_overlap_by_one_byte():
    with pytest.raises(ValueError, match="must not") as error:
        MemoryMap([AddressRange("a", 0x1000, 0x1001, "a.p"), AddressRange("b", 0x2000, 0x1000, "b.p")])
    assert str(error.value) == "b at 0x2000 must not overlap a, which ends at 0x2001"


def test_an_empty_map_holds_nothing():
    assert MemoryMap([]).decode(0) is None
