"""Energy of a run: counted actions x energy per action, registers that are clocked, leakage over time.

    dynamic = calibration x (sum of actions x energy per action + flip-flops x energy a cycle x cycles)
    flip-flops = those in the bills of components + those of everything else
    energy  = dynamic + static power x time

All figures come from the platform's `energy` section; components that know their energy, as a GPU does, add
it by cause. DRAM lies outside the chip and is told apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from analysis.resources import flip_flops
from analysis.simulate import Result
from tlm.platform import Platform
from tlm.simulation import Simulation
from tlm.trace import CallRecord
from tlm.units import ClockName, Doc, Joules, JoulesPerBit, NonNegativeInt, PositiveFloat, Watts
from workloads.operations import Conv, Embed, Linear, NormSum, Operation, Scan, Smooth

WORD = 32  # bits of an activation, a state, a scale or a factor
WEIGHT = 16  # bits of a weight of norms and of the patch embedding
CODE = 4  # bits of a weight of linears
TAP = 5  # bits of a weight of convolutions: magnitude and sign
QUANTIZED = 8  # bits of an activation that a convolution keeps in its line buffer


@dataclass(frozen=True, kw_only=True)
class EnergyParams:
    """Energy per action. Names of arithmetic are those of `Elementary`."""

    clock: Annotated[ClockName, Doc("clock of the registers")] = "fabric"
    static_power: Annotated[Watts, Doc("drawn whatever happens")]
    other_flip_flops: Annotated[
        NonNegativeInt, Doc("registers clocked in every cycle beside those in the bills of components")
    ]
    register_cycle: Annotated[Joules, Doc("a register and its part of the clock tree, a cycle")]
    mac4x8: Annotated[Joules, Doc("4-bit code times 8-bit activation, accumulated")]
    mac5x8: Annotated[Joules, Doc("5-bit code times 8-bit activation, accumulated")]
    multiply32: Annotated[Joules, Doc("product of 32-bit integers")]
    add32: Annotated[Joules, Doc("sum of 32-bit integers")]
    compare32: Annotated[Joules, Doc("comparison of 32-bit integers")]
    divide32: Annotated[Joules, Doc("reciprocal")]
    square_root32: Annotated[Joules, Doc("square root")]
    exp: Annotated[Joules, Doc("(1 + x / 32) ** 32: a sum and five products")]
    table: Annotated[Joules, Doc("SiLU or softplus: two products, three sums, two look-ups")]
    buffer: Annotated[JoulesPerBit, Doc("a bit written to or read from on-chip memory")]
    port: Annotated[JoulesPerBit, Doc("a bit over one AXI hop")]
    dram: Annotated[JoulesPerBit, Doc("a bit that the DRAM devices move, outside the chip")] = 0.0
    calibration: Annotated[PositiveFloat, Doc("factor on all dynamic energies of the chip")] = 1.0


@dataclass(frozen=True)
class Energy:
    """Energies in J. `total` is the sum of `by_action`, and of `by_owner`; `dram` is not part of it."""

    by_action: Mapping[str, float]
    by_owner: Mapping[str, float]  # engines; "clock" for the registers of all engines; "static"
    dram: float | None  # None: the memory is no DRAM, or its energy is part of the total

    @property
    def total(self) -> float:
        return sum(self.by_action.values())


def energy(result: Result) -> Energy | None:
    """Energy of a finished run; None where the platform says nothing about energy."""
    params = result.platform.sections.get("energy")
    by_action: dict[str, float] = defaultdict(float)
    by_owner: dict[str, float] = defaultdict(float)
    for name, component in result.simulation.components.items():
        if hasattr(component, "energy_joules"):
            causes = component.energy_joules(result.run.elapsed)
            by_owner[name] = sum(causes.values())
            for cause, joules in causes.items():
                by_action[cause] += joules
    if not isinstance(params, EnergyParams):
        return Energy(by_action, by_owner, None) if by_owner else None
    for owner, actions in activity(result).items():
        for action, count in actions.items():
            joules = params.calibration * count * getattr(params, action)
            by_action[action] += joules
            by_owner[owner] += joules
    cycles = result.platform.clocks[params.clock].cycles(result.run.elapsed)
    clocked = clock_energy(params, result.simulation) * cycles
    leaked = params.static_power * result.latency_s
    return Energy(
        {**by_action, "clock": clocked, "static": leaked},
        {**by_owner, "clock": clocked, "static": leaked},
        _dram(result, params),
    )


def clock_energy(params: EnergyParams, simulation: Simulation) -> float:
    """J a cycle that all registers take, used or not."""
    registers = flip_flops(simulation) + params.other_flip_flops
    return params.calibration * registers * params.register_cycle


def activity(result: Result) -> dict[str, Counter[str]]:
    """Counts of what each engine did: steps of arithmetic by `Elementary`, bits in `buffer` and over `port`."""
    operations = {op.name: op for op in result.workload.program.operations}
    hops = Hops(result.platform)
    found: dict[str, Counter[str]] = {}
    for span in result.simulation.trace.calls:
        assert span.record is not None
        found.setdefault(span.track, Counter()).update(actions(operations[span.name], span.record, hops))
    return found


def actions(op: Operation, record: CallRecord, hops: Hops) -> Counter[str]:
    """What one call did, as in `activity`."""
    counts = Counter({kind.value: count for kind, count in op.elementary_operations.items()})
    moved = sum(port.bytes for port in record.ports) * 8
    counts["buffer"] = 2 * moved + buffer_bits(op)  # each word goes in and out of its port's buffer
    counts["port"] = sum(port.bytes * 8 * hops[port.port] for port in record.ports)
    return counts


def buffer_bits(op: Operation) -> int:
    """Bits that an engine moves in and out of its on-chip memories, beside those of its ports.

    Weights are written once and read for every use; with them what is kept between steps: the quantized
    taps of CONV's lines, states of the scan, tokens of a norm, which are read twice.
    """
    size = op.y.elements
    match op:
        case Linear():
            weights = op.codes.elements * CODE + op.scales.elements * WORD
            uses = size * op.in_features * CODE + size * op.blocks * WORD
            tokens = op.x.elements * (2 * WORD + QUANTIZED)  # kept until their scale is known, then quantized
            return weights + uses + tokens
        case Conv():
            return op.codes.elements * TAP + op.macs * (TAP + QUANTIZED) + size * (QUANTIZED + 2 * WORD)
        case Smooth():
            return op.scales.elements * WORD + size * WORD
        case NormSum() if op.mode.norms:
            return op.features * WEIGHT + size * (WEIGHT + 2 * WORD)
        case Scan():
            states = size * op.states
            return op.a.elements * WORD + states * 3 * WORD + size * WORD  # A, the state read and written; D
        case Embed():
            return op.weight.elements * WEIGHT + op.macs * WEIGHT
        case _:
            return 0


class Hops(dict[str, int]):
    """Links that a bit crosses from a port, named by its path, to a memory."""

    def __init__(self, platform: Platform):
        self._targets = {b.initiator: b.target for b in platform.bindings}

    def __missing__(self, path: str) -> int:
        hops, at = 0, path
        while at in self._targets:
            hops += 1
            owner = self._targets[at].partition(".")[0]
            onward = [initiator for initiator in self._targets if initiator.startswith(f"{owner}.")]
            at = onward[0] if len(onward) == 1 else ""
        self[path] = hops
        return hops


def _dram(result: Result, params: EnergyParams) -> float | None:
    """J in memories whose devices' bytes were counted."""
    counters = result.simulation.trace.counters
    moved = [n for name, n in counters.items() if name.endswith(".device_bytes")]
    return sum(moved) * 8 * params.dram if moved else None
