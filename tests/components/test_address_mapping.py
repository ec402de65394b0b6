"""DDR4-2133 of the ZCU102: pages of 8 KiB, 4 bank groups of 4 banks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.address_mapping import FIELDS, AddressMapping

SIZES = {"channel": 1, "row": 32768, "bank": 4, "group": 4, "column": 128}
KIB = 1024


@pytest.fixture
def mapping():
    return AddressMapping("row-bank-group-column", SIZES, 64)


@pytest.mark.parametrize(
    ("address", "bank", "row"),
    [
        (0, 0, 0),
        (8 * KIB - 1, 0, 0),  # the last byte of the page
        (8 * KIB, 1, 0),  # the next group
        (32 * KIB, 4, 0),  # the next bank of the first group
        (128 * KIB, 0, 1),  # all 16 banks are through
        (128 * KIB + 40 * KIB, 5, 1),
    ],
)
def test_row_bank_group_column(mapping, address, bank, row):
    """An address is 17 bits of bank and column under the row: 13 column, 2 group, 2 bank."""
    assert mapping.locate(address) == (0, bank, row)


def test_regions_a_power_of_two_apart_share_their_banks(mapping):
    """What makes streams of the board's measurement collide."""
    banks = {mapping.locate(base + 40 * KIB).bank for base in (0x1800_0000, 0x2800_0000, 0x4800_0000)}
    assert banks == {5}


def test_groups_in_turn():
    """With the group at the bottom every access of 64 bytes is in the next group."""
    mapping = AddressMapping("row-bank-column-group", SIZES, 64)
    assert [mapping.locate(64 * i).bank for i in range(5)] == [0, 1, 2, 3, 0]


def test_channels_in_turn():
    mapping = AddressMapping("row-bank-group-column-channel", SIZES | {"channel": 16}, 32)
    assert [mapping.locate(32 * i).channel for i in (0, 1, 15, 16)] == [0, 1, 15, 0]


@given(order=st.permutations(FIELDS), block=st.integers(0, 1000), offset=st.integers(0, 8 * KIB - 1))
def test_a_span_falls_on_one_row(order, block, offset):
    mapping = AddressMapping("-".join(order), SIZES | {"channel": 2}, 64)
    start = block * mapping.span
    assert mapping.locate(start + offset % mapping.span) == mapping.locate(start)
    assert mapping.locate(start + mapping.span) != mapping.locate(start)


@pytest.mark.parametrize(
    ("order", "span"), [("row-bank-group-column", 8 * KIB), ("row-bank-column-group", 64)]
)
def test_a_span(order, span):
    assert AddressMapping(order, SIZES, 64).span == span


@pytest.mark.parametrize("order", ["row-bank-bank", "row-rank", ""])
def test_a_wrong_order(order):
    with pytest.raises(ValueError, match=f"not '{order}'"):
        AddressMapping(order, SIZES, 64)


@given(
    order=st.permutations(FIELDS),
    pair=st.lists(st.integers(0, (1 << 32) // 64 - 1), min_size=2, max_size=2, unique=True),
)
def test_no_two_accesses_share_a_place(order, pair):
    """Whatever the order: locations, with the column, are different where addresses are."""
    mapping = AddressMapping("-".join(order), SIZES, 64)
    shift, mask = mapping._fields["column"]
    places = {(*mapping.locate(64 * n), 64 * n >> shift & mask) for n in pair}
    assert len(places) == 2
