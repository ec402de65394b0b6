"""Memory bandwidth against a measurement: the traffic of each of its points, simulated."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from analysis.platform_path import find_platform
from tlm.errors import InputError, Place, Problem, did_you_mean, show
from tlm.platform import load_platform
from tlm.simulation import Simulation
from tlm.units import US

PLATFORM = "zcu102-axi-hp"
COLUMNS = ("traffic", "pl_mhz", "ports", "burst_bytes", "read_MBps", "write_MBps")
TRAFFIC = ("read", "write", "read+write")
SETTLE = 100 * US  # after the last generator's start: streams part or meet
WINDOW = 180 * US  # streams of different speed pass each other in some of the banks
STARTS = (2 / 3, 1, 4 / 3)  # times the platform's: how far apart several ports began is not known
FEW = 4  # simulations for which more processes are not worth their start


@dataclass(frozen=True)
class BandwidthPoint:
    """One direction of one line of the measurement, in 10^6 bytes a second. No error where nothing was measured."""

    traffic: str
    pl_mhz: float
    ports: str
    burst_bytes: int
    direction: str
    predicted_MBps: float  # noqa: N815
    measured_MBps: float  # noqa: N815
    error_pct: float | None


@dataclass(frozen=True)
class BandwidthReport:
    per_point: tuple[BandwidthPoint, ...]

    @property
    def errors(self) -> list[float]:
        """Sizes of the errors in per cent, smallest first."""
        return sorted(chain.from_iterable(self.by_traffic.values()))

    @property
    def by_traffic(self) -> dict[tuple[str, int, str], list[float]]:
        """Sizes of the errors in per cent by traffic, number of ports and direction."""
        found: dict[tuple[str, int, str], list[float]] = {}
        for p in self.per_point:
            if p.error_pct is not None:
                group = p.traffic, p.ports.count("+") + 1, p.direction
                found.setdefault(group, []).append(abs(p.error_pct))
        return found

    def to_json(self) -> dict[str, Any]:
        """Points with an error, their mean, 90th percentile (nearest rank) and largest error, and each point."""
        errors = self.errors
        return {
            "points": len(errors),
            "mean_abs_pct": sum(errors) / len(errors) if errors else 0.0,
            "p90_abs_pct": errors[math.ceil(0.9 * len(errors)) - 1] if errors else 0.0,
            "max_abs_pct": errors[-1] if errors else 0.0,
            "per_point": [asdict(point) for point in self.per_point],
        }


@dataclass(frozen=True)
class _Row:
    traffic: str
    pl_mhz: float
    ports: tuple[str, ...]
    burst_bytes: int
    measured: dict[str, float]  # by direction

    @property
    def starts(self) -> tuple[float, ...]:
        """Of its simulations, times the platform's starts."""
        return STARTS if len(self.ports) > 1 else (1,)


def validate_bandwidth(
    csv_path: str | Path,
    platform: str = PLATFORM,
    overrides: Sequence[str] = (),
    settle: int = SETTLE,
    count: Callable[[int, int], None] | None = None,
) -> BandwidthReport:
    """Predict every line of a measurement in the columns COLUMNS (others are ignored).

    The platform, with `overrides` as `--set` takes them, has a component `hp0_read` and the like for each port and
    direction. `settle`, in ps, passes from the last of a line's starts to its measurement. Of several ports it is the
    mean over STARTS. `count` is told how many lines of how many are done. Raises InputError.
    """
    path = find_platform(platform)
    names = load_platform(path, overrides).components
    known = sorted({name.rpartition("_")[0].upper() for name in names if name.endswith(("_read", "_write"))})
    if not known:
        rule = "must have a traffic generator a port and direction, named as hp0_read"
        raise InputError([Problem(Place(path), rule)])
    points: list[BandwidthPoint] = []
    rows = _rows(Path(csv_path), known)
    missing = sorted({name for row in rows for name in _names(row.traffic, row.ports)} - set(names))
    if missing:
        raise InputError([Problem(Place(path), f"must have a traffic generator {' and '.join(missing)}")])
    found = _simulations(partial(simulate, path, overrides, settle), rows)
    for done, row in enumerate(rows, 1):
        runs = [next(found) for _ in row.starts]
        if count is not None:
            count(done, len(rows))
        for direction, measured in row.measured.items():
            predicted = sum(run[direction] for run in runs) / len(runs)
            error = 100 * (predicted / measured - 1) if measured else None
            points.append(
                BandwidthPoint(
                    row.traffic,
                    row.pl_mhz,
                    "+".join(row.ports),
                    row.burst_bytes,
                    direction,
                    predicted,
                    measured,
                    error,
                )
            )
    return BandwidthReport(tuple(points))


def _simulations(simulation: Callable[..., dict[str, float]], rows: list[_Row]) -> Iterator[dict[str, float]]:
    """A row's, for each of its starts, behind each other."""
    runs = [
        (row.traffic, row.pl_mhz, row.ports, row.burst_bytes, scale, WINDOW // len(row.starts))
        for row in rows
        for scale in row.starts
    ]
    columns = zip(*runs, strict=True)
    if len(runs) < FEW:
        yield from map(simulation, *columns)
        return
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(simulation, *columns)


def simulate(
    path: str,
    overrides: Sequence[str],
    settle: int,
    traffic: str,
    pl_mhz: float,
    ports: tuple[str, ...],
    burst: int,
    scale: float,
    window: int,
) -> dict[str, float]:
    """10^6 bytes a second by direction, all ports together, with the platform's starts times `scale`.

    They are those of `window` ps, `settle` ps after the last start.
    """
    names = _names(traffic, ports)
    settings = [f"components.{name}.burst={burst} B" for name in names]
    platform = load_platform(path, [*overrides, f"clocks.fabric={pl_mhz:g} MHz", *settings])
    specs = dict(platform.components)
    for name in names:
        params = specs[name].params
        specs[name] = replace(specs[name], params=replace(params, start=round(scale * params.start)))
    simulation = Simulation(replace(platform, components=specs))
    generators: list[Any] = [simulation.components[name] for name in names]
    begin = settle + max(generator.params.start for generator in generators)
    for generator in generators:
        generator.start()
    simulation.env.run(until=begin + window)
    found = dict.fromkeys(names.values(), 0.0)
    for generator, direction in zip(generators, names.values(), strict=True):
        found[direction] += generator.bandwidth(begin) / 1e6
    return found


def _names(traffic: str, ports: Sequence[str]) -> dict[str, str]:
    """Generators of a line, and the direction of each."""
    return {f"{port.lower()}_{d}": d for d in traffic.split("+") for port in ports}


def _rows(path: Path, known: list[str]) -> list[_Row]:
    source = str(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file)
            found = list(lines)
            header = lines.fieldnames or []
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError([Problem(Place(source), f"must be a table that can be read ({reason})")]) from None
    missing = [name for name in COLUMNS if name not in header]
    if missing or not found:
        what = f"have the columns {', '.join(missing)}" if missing else "hold at least one point"
        raise InputError([Problem(Place(source, 1, 1), f"must {what}")])
    problems: list[Problem] = []
    rows = []
    for number, line in enumerate(found, 2):
        place = Place(source, number, 1)
        before = len(problems)

        def refuse(name: str, rule: str, value: object, hint: str = "", place: Place = place) -> None:
            problems.append(Problem(place, f"{name} must be {rule}, not {show(value)}{hint}"))

        numbers = {}
        for name in COLUMNS:
            if name in ("traffic", "ports"):
                continue
            value = line[name] or ("0" if name.endswith("MBps") else "")
            try:
                numbers[name] = float(value)
            except ValueError:
                numbers[name] = math.nan
            low = 0 if name.endswith("MBps") else 1
            if not low <= numbers[name] < math.inf:
                refuse(name, f"a number of at least {low}", line[name])
        traffic, ports = line["traffic"], tuple((line["ports"] or "").split("+"))
        if traffic not in TRAFFIC:
            refuse("traffic", " or ".join(TRAFFIC), traffic)
        for port in ports:
            if port not in known:
                refuse("ports", f"some of {'+'.join(known)}", port, did_you_mean(port, known))
        if len(set(ports)) < len(ports):
            refuse("ports", "each port once", line["ports"])
        if not math.isnan(numbers["burst_bytes"]) and (
            numbers["burst_bytes"] % 16 or numbers["burst_bytes"] > 4096
        ):
            refuse("burst_bytes", "a multiple of 16 up to 4096", line["burst_bytes"])
        if len(problems) == before:
            measured = {d: numbers[f"{d}_MBps"] for d in traffic.split("+")}
            rows.append(_Row(traffic, numbers["pl_mhz"], ports, int(numbers["burst_bytes"]), measured))
    if problems:
        raise InputError(problems)
    return rows
