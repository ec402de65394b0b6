"""Measured calls: the rows of a file like the RTL's timing.csv, and the operation each of them ran."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields

from analysis.single_call import FLAGS, SUMS, make_call
from tlm.errors import InputError, Place, Problem, did_you_mean, one_of
from workloads.operations import NormSumMode, Operation

ENGINES = ("LINEAR_BLOCK", "CONV", "NORM_SUM", "PATCH_OPS", "SMOOTH", "SSM")


@dataclass(frozen=True)
class TimingRow:
    """One call: engine, sizes, memory setting, measured cycles. Columns as in the RTL's measurements."""

    engine: str
    flags: int
    num_patches: int
    in_dim: int
    out_dim: int
    memory: str
    rlat: int
    overlap: int
    rint: int
    wint: int
    wlat: int
    shared: int
    spinal: int
    cycles: int

    @property
    def memory_settings(self) -> dict[str, object]:
        """Parameters of the ideal memory."""
        return {
            "rlat": self.rlat,
            "overlap": bool(self.overlap),
            "one_outstanding": "maxout1" in self.memory,
            "rint": self.rint,
            "wint": self.wint,
            "wlat": self.wlat,
            "shared": bool(self.shared),
        }

    @property
    def call(self) -> str:
        sizes = f"{self.num_patches} x {self.in_dim} -> {self.out_dim}"
        return f"{self.engine} flags {self.flags}, {sizes}, {self.memory}"

    def operation(self) -> Operation:
        """Raises ValueError for sizes or flags that no operation has."""
        flags: tuple[str, ...] = ()
        match self.engine:
            case "LINEAR_BLOCK":
                kind = "linear"
                flags = tuple(flag for bit, flag in enumerate(FLAGS) if self.flags >> bit & 1)
            case "NORM_SUM":
                mode = NormSumMode(self.flags)
                kind = next(name for name, its in SUMS.items() if its is mode)
            case "PATCH_OPS":
                kind = "load_cls" if self.flags else "flip"
            case "CONV" | "SMOOTH":
                kind = self.engine.lower()
            case "SSM":
                kind = "scan"
            case _:
                raise ValueError(f"engine must be {one_of(ENGINES)}, not {self.engine!r}")
        return make_call("call", kind, self.num_patches, self.in_dim, self.out_dim, flags)


def read_timing(path: str) -> list[TimingRow]:
    """Raises InputError with every problem: no file, missing columns, values that are no integers, bad calls."""
    columns = [f.name for f in fields(TimingRow)]
    problems: list[Problem] = []
    rows: list[TimingRow] = []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            found = list(reader.fieldnames or ())
            for name in columns:
                if name not in found:
                    hint = did_you_mean(name, [f for f in found if f not in columns])
                    problems.append(Problem(Place(path, 1, 1), f"the column {name} must be there{hint}"))
            for line in () if problems else reader:
                place = Place(path, reader.line_num, 1)
                values: dict[str, object] = {}
                for name in columns:
                    text = line[name] or ""
                    if name in ("engine", "memory"):
                        values[name] = text
                    elif text.isascii() and text.isdigit():
                        values[name] = int(text)
                    else:
                        problems.append(Problem(place, f"{name} must be a whole number, not {text!r}"))
                if len(values) < len(columns):
                    continue
                row = TimingRow(**values)  # type: ignore[arg-type]
                try:
                    row.operation()
                except ValueError as error:
                    problems += [Problem(place, text) for text in str(error).splitlines()]
                if not row.cycles:
                    problems.append(Problem(place, "cycles must be positive, not 0"))
                rows.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(Problem(Place(path), f"must be a readable CSV file ({error})"))
    if not rows and not problems:
        problems.append(Problem(Place(path), "must have at least one row, not none"))
    if problems:
        raise InputError(problems)
    return rows
