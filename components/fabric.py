"""Programmable logic of UltraScale+: what multipliers, memories, FIFOs and ports take.

DSP and block RAM follow from widths and depths alone. What look-up tables and flip-flops go into a multiplier's
surroundings, a port or a cell is calibrated: `CALIBRATED` is the least-squares fit of relative errors to the
published RTL of six engines, synthesized with Yosys 0.23 (tests/rtl/resources.csv): 3 figures for
flip-flops, 3 for logic and 2 for shift registers from 6 engines each. tests/components/test_resources.py repeats the
fit and tells the residuals: flip-flops within 6 %, logic within 10 %. No total of the whole design takes part.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from tlm.resources import Part, Resources

NARROW, WIDE = 18, 27  # bits of a DSP48E2's ports, signed
LIMB = 17  # bits of a longer operand that a port takes, one being the sign
LEAST = 9  # bits of a partial product that are worth a DSP
WIDEST = (36, 512)  # (bits, words) of a RAMB18 whose two ports work as one
HALF_BLOCKS = ((18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))  # the same with two ports
BLOCK = 1024  # bits: a memory of more goes into block RAM, as Vitis HLS maps arrays
SHALLOW = 2  # words: a FIFO of no more is of shift registers whatever its width, as Vitis HLS maps streams
LUT_RAM, LUT_SHIFT = 64, 32  # words of a bit that a look-up table holds as a memory, as a shift register
SHIFTED = 16  # bits of a code's product, which is shifted rather than multiplied
QUANTIZED = 8  # bits of a quantized activation
FIXED, FRACTION = 32, 18  # bits of an activation, of its fraction
TABLE = 1024  # entries of an activation function, of FRACTION bits
STEP, INDEX = (
    25,
    37,
)  # bits of what an activation is multiplied by to find its entry, and of the rest between two
COUNT = 32  # bits of the counts that say how many words a port moves
MARKS = 3  # bits beside a word of read data: the last of a burst, its response
BUS = 256  # bits of the port that was synthesized


@dataclass(frozen=True)
class Coefficients:
    """Per port of 256 bits, per DSP, per cell (a code that selects and adds), per bit and place of a cell."""

    port_ff: float
    slice_ff: float
    place_ff: float
    port_lut: float
    slice_lut: float
    cell_lut: float
    port_shift: float
    slice_shift: float


CALIBRATED = Coefficients(3337, 38.7, 1.586, 1876, 32.7, 128, 39.63, 6.933)


def slices(a: int, b: int, used: int | None = None) -> int:
    """DSP48E2 of a product of signed operands of `a` and `b` bits, of which the low `used` bits are wanted.

    One operand may take the wide port, both are cut into limbs of 17 bits where they are longer than their port;
    a partial product of which fewer than 9 bits are wanted goes into look-up tables.
    """
    wanted = a + b if used is None else used

    def limbs(bits: int) -> int:
        return 1 if bits <= NARROW else ceil(bits / LIMB)

    found = []
    for wide, other in ((a, b), (b, a)):
        first = 1 if wide <= WIDE else limbs(wide)
        pairs = ((i, j) for i in range(first) for j in range(limbs(other)))
        found.append(sum(LIMB * (i + j) + LEAST <= wanted for i, j in pairs))
    return min(found)


def products(name: str, count: int, a: int, b: int, used: int | None = None, *knobs: str) -> Part:
    """Pipelined multipliers."""
    dsp = count * slices(a, b, used)
    c = CALIBRATED
    shift = round(c.slice_shift * dsp)
    lut = round(c.slice_lut * dsp) + shift
    size = f"{count:,} of {a} x {b} bit"
    return Part(name, size, Resources(lut, shift, round(c.slice_ff * dsp), 0, dsp), knobs)


def cells(name: str, count: int, places: int, *knobs: str) -> Part:
    """Codes that select shifted values and add them, in a pipeline of `places`."""
    c = CALIBRATED
    takes = Resources(round(c.cell_lut * count), 0, round(c.place_ff * count * SHIFTED * places))
    return Part(name, f"{count:,}, {places} places deep", takes, knobs)


def adders(name: str, count: int, bits: int, *knobs: str) -> Part:
    """A look-up table and a flip-flop a bit."""
    return Part(name, f"{count:,} of {bits} bit", Resources(count * bits, 0, count * bits), knobs)


def half_blocks(width: int, depth: int) -> int:
    """RAMB18 of a memory of `depth` words of `width` bits, in the shape that takes the fewest.

    The widest shape serves memories that one row of it holds; deeper ones are stacked of the others.
    """
    if depth <= WIDEST[1]:
        return ceil(width / WIDEST[0])
    return min(ceil(width / bits) * ceil(depth / words) for bits, words in HALF_BLOCKS)


def small(width: int, depth: int) -> bool:
    """Whether a memory goes into look-up tables."""
    return width * depth <= BLOCK


def memory(name: str, width: int, depth: int, *knobs: str, banks: int = 1) -> Part:
    """`banks` memories of `depth` words of `width` bits."""
    size = f"{depth:,} x {width:,} bit" + (f", {banks:,} of them" if banks > 1 else "")
    if small(width, depth):
        lut = banks * width * ceil(depth / LUT_RAM)
        return Part(name, size, Resources(lut, lut), knobs)
    return Part(name, size, Resources(bram36=banks * half_blocks(width, depth) / 2), knobs)


def queue(name: str, width: int, depth: int, *knobs: str) -> Part:
    """Shift registers where it is shallow or small, else a memory."""
    if depth > SHALLOW and not small(width, depth):
        return memory(name, width, depth, *knobs)
    lut = width * ceil(depth / LUT_SHIFT)
    return Part(name, f"{depth:,} x {width:,} bit", Resources(lut, lut), knobs)


def quantizers(count: int, *knobs: str) -> list[Part]:
    """Values times the reciprocal of a scale; the scale itself is a maximum times 1 / 127, of 13 bits."""
    return [
        products("quantizers", count, FIXED, FIXED, FIXED + FRACTION, *knobs),
        products("scale", 1, FIXED, 13),
    ]


def activation(name: str, count: int, *knobs: str) -> list[Part]:
    """A function interpolated in a table for `count` values at once."""
    return [
        products(f"{name} steps", count, FIXED, STEP, None, *knobs),
        products(f"{name} interpolation", count, INDEX, FRACTION + 1, None, *knobs),
        memory(f"{name} table", FRACTION, TABLE, *knobs, banks=count),
    ]


def port(name: str, bus: int, width: int, depth: int, knob: str) -> list[Part]:
    """An AXI master: its adapter, in proportion to its bus, the counter of its words, and its buffer."""
    c, scale = CALIBRATED, bus / BUS
    shift = round(c.port_shift * scale)
    lut = round(c.port_lut * scale) + shift
    adapter = Part(f"{name} adapter", f"{bus} bit", Resources(lut, shift, round(c.port_ff * scale)), ("bus",))
    counter = products(f"{name} words", 1, COUNT, COUNT, COUNT)
    return [adapter, counter, memory(f"{name} buffer", width, depth, "bus", knob)]


def read_port(name: str, bus: int, depth: int) -> list[Part]:
    return port(name, bus, bus + MARKS, depth, "read.buffer")


def write_port(name: str, bus: int, depth: int) -> list[Part]:
    """A bit for each byte tells what is written."""
    return port(name, bus, bus + bus // 8, depth, "write.buffer")
