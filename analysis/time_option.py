"""A time on the command line, such as `--from '12.5 ms'`."""

from __future__ import annotations

from tlm.errors import InputError, Place, Problem, RuleError
from tlm.units import Picoseconds, parse_quantity


def parse_time(option: str, text: str) -> int:
    """Picoseconds; 0 needs no unit. Raises InputError, which names the option."""
    if text == "0":
        return 0
    try:
        return int(parse_quantity(text, Picoseconds))
    except RuleError as error:
        raise InputError([Problem(Place(f"{option} {text}"), str(error))]) from None
