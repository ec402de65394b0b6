"""Multipliers and memories in UltraScale+, counted by hand."""

import pytest

from components.fabric import half_blocks, memory, products, queue, slices


@pytest.mark.parametrize(
    ("a", "b", "used", "expected"),
    [
        (27, 18, None, 1),
        (18, 27, None, 1),
        (28, 18, None, 2),  # two limbs of 17 and 11 bits
        (32, 32, None, 4),  # two limbs of each
        (32, 32, 50, 4),  # the product of both upper limbs starts at bit 34: 16 of its bits are wanted
        (32, 32, 43, 4),  # nine of them
        (32, 32, 42, 3),  # eight are left to look-up tables
        (32, 32, 32, 3),
        (37, 19, None, 3),  # 19 bits fit the wide port, 37 are three limbs
        (64, 16, None, 4),
        (43, 33, None, 6),
        (43, 33, 58, 5),  # the last of six starts at bit 51, seven are wanted
        (21, 33, None, 2),
    ],
)
def test_slices(a, b, used, expected):
    assert slices(a, b, used) == expected
    assert slices(b, a, used) == expected


@pytest.mark.parametrize(
    ("width", "depth", "expected"),
    [
        (36, 512, 1),
        (37, 512, 2),
        (36, 513, 2),  # two of 18 bits x 1,024 words
        (18, 1024, 1),
        (18, 1025, 2),
        (259, 2048, 29),  # 28.8 of 9 bits x 2,048 words
        (1024, 1512, 114),  # 113.8 of them, or two rows of 57 of 18 bits
        (16, 6144, 6),  # six rows of 1,024 words
        (1, 16384, 1),
        (1, 16385, 2),
    ],
)
def test_half_blocks(width, depth, expected):
    assert half_blocks(width, depth) == expected


def test_a_kibibit_stays_in_look_up_tables():
    """1,024 bits in 32 bits x 32 words: a table holds 64 words of a bit. A word more is half a block."""
    assert (memory("m", 32, 32).takes.lut, memory("m", 32, 32).takes.bram36) == (32, 0)
    assert (memory("m", 32, 33).takes.lut, memory("m", 32, 33).takes.bram36) == (0, 0.5)
    assert memory("m", 8, 128).takes.memory_lut == 16
    assert memory("m", 512, 48, banks=16).takes.bram36 == 16 * 15 / 2


def test_fifos():
    """Two words are shift registers whatever their width; of more, those above 1,024 bits are memories."""
    assert queue("q", 2048, 2).takes.lut == 2048
    assert queue("q", 32, 32).takes.lut == 32
    assert queue("q", 16, 64).takes.lut == 32  # two shift registers of 32 a bit
    assert queue("q", 512, 3).takes.bram36 == 7.5


def test_products():
    part = products("p", 8, 32, 32, 50, "lanes")
    assert part.takes.dsp == 8 * 4
    assert part.size == "8 of 32 x 32 bit"
    assert part.knobs == ("lanes",)
