"""Quantities: plain numbers in fixed base units, and types that carry the unit.

A parameter `latency: Picoseconds` is an int of picoseconds in the program and a text with its unit
("47.06 ns") in a platform file. Text is converted exactly and rounded once, half to even.
Base units: ps, Hz, transfer/s, byte, bit, byte/s, operation/s, W, J, J/bit, cycle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import gcd
from typing import TYPE_CHECKING, Annotated, Any, get_args

from annotated_types import Ge, Gt
from pydantic_core import core_schema

from tlm.errors import RuleError, did_you_mean, one_of

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

PS, NS, US, MS, SECOND = 1, 10**3, 10**6, 10**9, 10**12  # ps
KHZ, MHZ, GHZ = 10**3, 10**6, 10**9  # Hz
KIB, MIB, GIB = 2**10, 2**20, 2**30  # bytes

# Exponents and lengths are bounded so that no text stands for a number of a million digits.
_QUANTITY = re.compile(r"([0-9][0-9_]{0,30}(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,2})?)\s*([^\W\d_].*)?")
_HEX = re.compile(r"0x[0-9a-fA-F]+(_[0-9a-fA-F]+)*")
_PREFIX = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}


@dataclass(frozen=True, eq=False, kw_only=True)
class Unit:
    """What a quantity type accepts and how it prints.

    `scales` maps every accepted unit to base units; `shown` are those `format` picks from, smallest first.
    """

    noun: str
    example: str
    scales: Mapping[str, Fraction]
    shown: tuple[str, ...]
    number: type[int] | type[float] = int
    whole: bool = False  # a fraction of the base unit is refused instead of rounded
    bare: bool = False  # a whole number without a unit is in base units

    def parse(self, value: object) -> int | float:
        """The number in base units. Raises RuleError for another unit, none, or no number."""
        rule = f"{self.noun} such as '{self.example}'"
        if self.bare and type(value) is int and value >= 0:
            return value
        if type(value) in (int, float):
            raise RuleError(rule, value, "" if self.bare else f" (add a unit: {one_of(self.shown)})")
        text = value.strip() if isinstance(value, str) else ""
        if self.bare and _HEX.fullmatch(text):
            return int(text, 16)
        match = _QUANTITY.fullmatch(text)
        if match is None or match[2] not in self.scales:
            unitless = match is not None and match[2] is None
            raise RuleError(rule, value, f" (add a unit: {one_of(self.shown)})" if unitless else "")
        exact = Fraction(match[1].replace("_", "")) * self.scales[match[2]]
        if self.number is float:
            return float(exact)
        if self.whole and exact.denominator != 1:
            raise RuleError(f"{self.noun} that is a whole number of {self.shown[0]}", value)
        if exact and not round(exact):
            raise RuleError(f"{self.noun} of at least {self.format(1)}", value)
        return round(exact)

    def format(self, value: int | float) -> str:
        """Text in the largest unit that is not above the value; `parse` gives the value back."""
        exact = Fraction(repr(value))
        for name in reversed(self.shown):
            scaled = exact / self.scales[name]
            short = self.number is float or 10**6 % scaled.denominator == 0
            if abs(scaled) >= 1 and short:
                return f"{_decimal(scaled)} {name}"
        base = next((name for name in self.shown if self.scales[name] == 1), self.shown[0])
        name = self.shown[0] if exact else base
        return f"{_decimal(exact / self.scales[name])} {name}"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.parse, handler(source))


class _AddressUnit(Unit):
    def format(self, value: int | float) -> str:
        digits = f"{int(value):_x}"
        return f"0x{'0' * (9 - len(digits)) if len(digits) > 4 else ''}{digits}"


class _CycleUnit(Unit):
    def format(self, value: int | float) -> str:
        return f"{value} {'cycle' if value == 1 else 'cycles'}"


def _decimal(value: Fraction) -> str:
    text = f"{Decimal(value.numerator) / Decimal(value.denominator):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _si(symbol: str, prefixes: str, base: int = 0) -> dict[str, Fraction]:
    """Units with SI prefixes, in units of 10^base of the unprefixed one; "1" stands for no prefix."""
    names = [p.replace("1", "") for p in prefixes]
    return {f"{p}{symbol}": Fraction(10) ** (_PREFIX[p] - base) for p in names}


def _unit(noun: str, example: str, scales: dict[str, Fraction], also: dict[str, Fraction] | None = None,
          kind: type[Unit] = Unit, **options: Any) -> Unit:  # fmt: skip
    return kind(noun=noun, example=example, scales=scales | (also or {}), shown=tuple(scales), **options)


_BINARY = {
    "B": Fraction(1),
    "KiB": Fraction(KIB),
    "MiB": Fraction(MIB),
    "GiB": Fraction(GIB),
    "TiB": Fraction(2**40),
}
_DECIMAL = _si("B", "kMGT")
_BINARY_BIT = {"Kibit": Fraction(KIB), "Mibit": Fraction(MIB)}
_OPS = {"OPS": Fraction(1), "GOPS": Fraction(10**9), "TOPS": Fraction(10**12)}

_TIME = _unit("a time", "10 ns", _si("s", "pnum1", -12), {"µs": Fraction(US)})
_FREQUENCY = _unit("a frequency", "350 MHz", _si("Hz", "1kMG"))
_TRANSFERS = _unit("a transfer rate", "2133 MT/s", _si("T/s", "1kMG"))
_SIZE = _unit("a size", "4 KiB", _BINARY, _DECIMAL, whole=True)
_BITS = _unit(
    "a width in bits", "256 bit", {"bit": Fraction(1)}, {"bits": Fraction(1)} | _BINARY_BIT, whole=True
)
_BANDWIDTH = _unit(
    "a bandwidth", "17.07 GB/s", _si("B/s", "1kMGT"), {f"{n}/s": s for n, s in _BINARY.items() if n != "B"}
)
_COMPUTE = _unit("a compute rate", "35.6 TFLOP/s", _si("FLOP/s", "1kMGT"), _si("FLOPS", "MGT") | _OPS)
_ADDRESS = _unit("an address", "0x8000_0000", _BINARY, _DECIMAL, whole=True, bare=True, kind=_AddressUnit)
_CYCLES = _unit(
    "a number of cycles", "16 cycles", {"cycles": Fraction(1)}, {"cycle": Fraction(1)},
    whole=True, bare=True, kind=_CycleUnit,
)  # fmt: skip
_POWER = _unit("a power", "350 W", _si("W", "um1k"), number=float)
_ENERGY = _unit("an energy", "3.1 pJ", _si("J", "fpnum1k"), number=float)
_ENERGY_PER_BIT = _unit("an energy per bit", "15 pJ/bit", _si("J/bit", "fpn"), number=float)

Picoseconds = Annotated[int, _TIME]
Hertz = Annotated[int, _FREQUENCY]
TransfersPerSecond = Annotated[int, _TRANSFERS]
Bytes = Annotated[int, _SIZE]
Bits = Annotated[int, _BITS]
BytesPerSecond = Annotated[int, _BANDWIDTH]
FlopsPerSecond = Annotated[int, _COMPUTE]
Address = Annotated[int, _ADDRESS]
Cycles = Annotated[int, _CYCLES]
Watts = Annotated[float, _POWER]
Joules = Annotated[float, _ENERGY]
JoulesPerBit = Annotated[float, _ENERGY_PER_BIT]


def unit_of(quantity: Any) -> Unit:
    """The unit of a quantity type such as `Hertz`. Raises TypeError for another type."""
    for item in get_args(quantity)[1:]:
        if isinstance(item, Unit):
            return item
    raise TypeError(f"{quantity} carries no unit")


def parse_quantity(text: object, quantity: Any) -> int | float:
    """`parse_quantity("350 MHz", Hertz)` is 350_000_000. Raises RuleError."""
    return unit_of(quantity).parse(text)


def format_quantity(value: int | float, quantity: Any) -> str:
    """`format_quantity(47_060, Picoseconds)` is "47.06 ns"."""
    return unit_of(quantity).format(value)


@dataclass(frozen=True)
class Doc:
    """One line about a parameter: `tile: Annotated[int, Doc("inputs a step")]`."""

    text: str


@dataclass(frozen=True)
class Check:
    """A rule of one value that needs a function: `Annotated[int, Check(is_odd, "an odd number")]`."""

    holds: Callable[[Any], bool]
    rule: str

    def _check(self, value: Any) -> Any:
        if not self.holds(value):
            raise RuleError(self.rule, value)
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))


@dataclass(frozen=True)
class ClockReference:
    """Marks a text that must be one of the platform's clocks, which come as the validation context."""

    def check(self, name: str | None, clocks: Collection[str]) -> None:
        """Raises RuleError."""
        if name is not None and name not in clocks:
            rule = (
                f"the name of a clock, {one_of(clocks)}" if clocks else "the name of a clock (there is none)"
            )
            raise RuleError(rule, name, did_you_mean(name, clocks))

    def _check(self, name: str, info: core_schema.ValidationInfo) -> str:
        self.check(name, info.context or ())
        return name

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))


ClockName = Annotated[str, ClockReference()]
PositiveInt = Annotated[int, Gt(0)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
PowerOfTwo = Annotated[int, Check(lambda n: n > 0 and n & (n - 1) == 0, "a power of two")]


@dataclass(frozen=True)
class Clock:
    """Rising edges at n / hz seconds, each rounded to the nearest picosecond by itself, so nothing adds up.

    Raises ValueError for a frequency outside 1 Hz to 100 GHz: picoseconds must tell the edges apart.
    """

    name: str
    hz: int
    _cycles: int = field(init=False, repr=False, compare=False)  # the fewest cycles of whole ps
    _twice: int = field(init=False, repr=False, compare=False)  # and twice as many,
    _ps: int = field(init=False, repr=False, compare=False)  # which take so many ps

    def __post_init__(self) -> None:
        if not 0 < self.hz <= 100 * GHZ:
            raise ValueError(f"clock {self.name} must run at 1 Hz to 100 GHz, not {self.hz} Hz")
        common = gcd(self.hz, SECOND)
        for name, value in ("_cycles", self.hz), ("_twice", 2 * self.hz), ("_ps", 2 * SECOND):
            object.__setattr__(self, name, value // common)

    def edge(self, n: int) -> int:
        """Time of rising edge n in ps; edge 0 is at 0."""
        return (n * self._ps + self._cycles) // self._twice

    def cycles(self, ps: int) -> int:
        """Cycles nearest to a time in ps: exact for an edge and for the distance between two edges."""
        return (ps * self._twice + self._ps // 2) // self._ps

    def next_cycle(self, ps: int) -> int:
        """Number of the first edge at or after a time in ps."""
        return -((self._cycles - ps * self._twice) // self._ps)

    def next_edge(self, ps: int) -> int:
        """Time in ps of the first edge at or after a time in ps."""
        return self.edge(self.next_cycle(ps))
