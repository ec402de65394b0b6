"""Programmable logic: what the components of a platform take, and whether its device holds it.

Components with a `bill` say what they instantiate; the section `device` names the board. Interconnects, clocking
and the wrapper of the processing system have no bill.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from analysis.platform_path import SHIPPED
from tlm.preset import load_preset, preset_names
from tlm.resources import Part, Resources
from tlm.simulation import Simulation
from tlm.units import Doc, NonNegativeInt, PositiveInt

DEVICES = SHIPPED / "devices"
KINDS = {"lut": "LUT", "ff": "FF", "bram36": "BRAM36", "dsp": "DSP"}
ERROR = 0.1  # relative; docs/metrics.md: what the model was found to be off by


@dataclass(frozen=True, kw_only=True)
class Device:
    """What a board's device has. UltraRAM is told and not used: no memory is mapped to it."""

    description: Annotated[str, Doc("board and part")]
    lut: Annotated[PositiveInt, Doc("look-up tables")]
    ff: Annotated[PositiveInt, Doc("flip-flops")]
    bram36: Annotated[PositiveInt, Doc("blocks of RAM, 36 Kibit each")]
    dsp: Annotated[PositiveInt, Doc("multipliers")]
    uram: Annotated[NonNegativeInt, Doc("UltraRAM, 288 Kibit each")] = 0


def boards() -> list[str]:
    """Names of the boards that come with the program."""
    return preset_names(DEVICES)


@functools.cache
def load_device(board: str) -> Device:
    """Raises InputError for a file that is wrong, ValueError for a board that does not come with the program."""
    return load_preset(Device, DEVICES, board, "board")


@dataclass(frozen=True, kw_only=True)
class DeviceParams:
    board: Annotated[str, Doc("whose device it is, one of platforms/devices")]

    def __post_init__(self) -> None:
        load_device(self.board)


def bills(simulation: Simulation) -> dict[str, list[Part]]:
    """Parts by component, of those that have any."""
    return {name: c.bill() for name, c in simulation.components.items() if hasattr(c, "bill")}


def flip_flops(simulation: Simulation) -> int:
    return sum(part.takes.ff for parts in bills(simulation).values() for part in parts)


def resources(simulation: Simulation) -> dict[str, Any] | None:
    """Ready for a report; None for a platform whose components are not of programmable logic."""
    found = bills(simulation)
    if not found:
        return None
    owners = {name: Resources.total(part.takes for part in parts) for name, parts in found.items()}
    total = Resources.total(owners.values())
    params = simulation.platform.sections.get("device")
    device = load_device(params.board) if isinstance(params, DeviceParams) else None
    return {
        "board": params.board if isinstance(params, DeviceParams) else None,
        "device": asdict(device) if device else None,
        "total": asdict(total),
        "utilization": {k: getattr(total, k) / getattr(device, k) for k in KINDS} if device else None,
        "fits": all(getattr(total, k) <= getattr(device, k) for k in KINDS) if device else None,
        "by_component": {name: asdict(owner) for name, owner in owners.items()},
        "parts": [
            {"component": name, "part": p.name, "size": p.size, **asdict(p.takes), "knobs": list(p.knobs)}
            for name, parts in found.items()
            for p in parts
        ],
    }


def verdict(told: Mapping[str, Any]) -> str:
    """Whether the device holds it, in a sentence or two; what takes most of that of which there is too little."""
    device, total = told["device"], told["total"]
    if device is None:
        return "The platform names no device."
    over = [kind for kind in KINDS if total[kind] > device[kind]]
    if not over:
        fullest = max(KINDS, key=lambda kind: told["utilization"][kind])
        share = told["utilization"][fullest]
        near = ", which is near enough to the limit for the model to be wrong" if share > 1 - ERROR else ""
        return f"Fits {device['description']}: {share:.1%} of its {KINDS[fullest]} at most{near}."
    unsure = max(told["utilization"][kind] for kind in over) <= 1 + ERROR
    doubt = " (by less than the model may be wrong)" if unsure else ""
    worst = max(over, key=lambda kind: told["utilization"][kind])
    largest = sorted(told["parts"], key=lambda part: -part[worst])[:3]
    named = ", ".join(
        f"{p['component']}'s {p['part']} {amount(p[worst])}"
        + (f" (by {', '.join(p['knobs'])})" if p["knobs"] else "")
        for p in largest
    )
    return f"Does not fit {device['description']}{doubt}: {excess(told)}. Most {KINDS[worst]}: {named}."


def excess(told: Mapping[str, Any]) -> str:
    """`FF 551,347 of 548,160; ...` of what there is too much."""
    device, total = told["device"], told["total"]
    over = [kind for kind in KINDS if total[kind] > device[kind]]
    return "; ".join(f"{KINDS[kind]} {amount(total[kind])} of {device[kind]:,}" for kind in over)


def amount(value: float) -> str:
    """1,024 or 14.5."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
