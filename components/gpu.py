"""A GPU: kernels one after the other, each bounded by arithmetic or by memory, and the energy of the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

from annotated_types import Gt, Le

from components.gpu_kernels import Kernel
from tlm.component import Component
from tlm.payload import GenericPayload
from tlm.trace import CallRecord
from tlm.units import (
    SECOND,
    Bytes,
    BytesPerSecond,
    ClockName,
    Doc,
    Joules,
    JoulesPerBit,
    Picoseconds,
    PositiveInt,
    Watts,
)

Efficiency = Annotated[float, Gt(0), Le(1)]


@dataclass(frozen=True, kw_only=True)
class GpuParams:
    clock: Annotated[ClockName, Doc("clock of the multiprocessors")] = "core"
    multiprocessors: Annotated[PositiveInt, Doc("streaming multiprocessors")]
    fp32_fmas: Annotated[PositiveInt, Doc("multiply-adds a cycle and multiprocessor, 32 bits")]
    tensor_fmas: Annotated[PositiveInt, Doc("the same of the tensor cores, 16 bits")]
    bandwidth: Annotated[BytesPerSecond, Gt(0), Doc("of the device memory")]
    memory: Annotated[Bytes, Gt(0), Doc("size of the device memory")]
    fp32_efficiency: Annotated[Efficiency, Doc("share of the 32-bit peak that a kernel reaches")]
    tensor_efficiency: Annotated[Efficiency, Doc("share of the tensor cores' peak that a product reaches")]
    memory_efficiency: Annotated[Efficiency, Doc("share of the bandwidth that a kernel reaches")]
    floor: Annotated[Picoseconds, Doc("what every kernel takes before and after its work")]
    held_power: Annotated[Watts, Doc("drawn while a program runs, whatever the device does")]
    fp32_energy: Annotated[Joules, Doc("of a floating-point operation outside the tensor cores")]
    tensor_energy: Annotated[Joules, Doc("of a floating-point operation in the tensor cores")]
    memory_energy: Annotated[JoulesPerBit, Doc("of a bit read from or written to the device memory")]


@dataclass(frozen=True)
class Launched:
    """A kernel with the time it starts and ends on the device, ps."""

    kernel: Kernel
    start: int
    end: int


class Gpu(Component):
    """One stream: a kernel starts when it is there and the one before it has ended.

    It takes `floor` plus the longer of its arithmetic and its memory traffic, both at their efficiency. No
    cache is modelled: all operands come from and go to the device memory, an upper bound for tensors that
    would fit the caches and no difference for those large enough to keep the device busy.
    """

    Params = GpuParams
    params: GpuParams

    def __init__(self, sim: Any, name: str, params: GpuParams):
        super().__init__(sim, name, params)
        self.target_socket("queue", self._doorbell)
        self.free = 0  # when the last kernel in the queue ends, ps

    @property
    def peak_bandwidth(self) -> float:
        """Bytes a second."""
        return self.params.bandwidth

    def describe(self) -> str:
        """The memory in words, for the head of a report."""
        return f"device memory, {self.params.bandwidth / 1e9:.0f} GB/s peak"

    def peak(self, tensor_cores: bool) -> int:
        """Floating-point operations a second; a multiply-add is two."""
        p = self.params
        return 2 * p.multiprocessors * (p.tensor_fmas if tensor_cores else p.fp32_fmas) * self.clock.hz

    def duration(self, kernel: Kernel) -> int:
        """ps on the device."""
        p = self.params
        efficiency = p.tensor_efficiency if kernel.tensor_cores else p.fp32_efficiency
        arithmetic = kernel.flops / (self.peak(kernel.tensor_cores) * efficiency)
        traffic = (kernel.read_bytes + kernel.write_bytes) / (p.bandwidth * p.memory_efficiency)
        return p.floor + ceil(max(arithmetic, traffic) * SECOND)

    def launch(self, kernel: Kernel) -> Launched:
        """Put a kernel into the queue, now."""
        start = max(self.free, int(self.env.now))
        self.free = start + self.duration(kernel)
        count, kind = self.trace.count, "tensor" if kernel.tensor_cores else "fp32"
        count(f"{self.name}.kernels")
        count(f"{self.name}.flops", kernel.flops)
        count(f"{self.name}.{kind}_flops", kernel.flops)
        count(f"{self.name}.read_bytes", kernel.read_bytes)
        count(f"{self.name}.write_bytes", kernel.write_bytes)
        count(f"{self.name}.busy_ps", self.free - start)
        return Launched(kernel, start, self.free)

    def record(self, name: str, kind: str, launched: Sequence[Launched]) -> CallRecord:
        """Trace kernels as one call, from the first one's start to the last one's end.

        The record's `cycles` are those in which the device was busy with them, its `compute` those that their
        arithmetic takes at the peak.
        """
        busy = sum(k.end - k.start for k in launched)
        ideal = sum(k.kernel.flops / self.peak(k.kernel.tensor_cores) for k in launched)
        counts = {
            f"{self.name}.kernels": len(launched),
            f"{self.name}.flops": sum(k.kernel.flops for k in launched),
            f"{self.name}.read_bytes": sum(k.kernel.read_bytes for k in launched),
            f"{self.name}.write_bytes": sum(k.kernel.write_bytes for k in launched),
        }
        record = CallRecord(self.clock.cycles(busy), ceil(ideal * self.clock.hz), (), counts)
        self.trace.span(self.name, name, kind, launched[0].start, launched[-1].end, record)
        return record

    def activity(self, elapsed: int) -> dict[str, float]:
        """What the device did in a run of `elapsed` ps.

        kernels, flops (tensor_flops and fp32_flops), read_bytes, write_bytes; busy_s, its share of the run;
        achieved flops and bytes a second.
        """
        names = ("kernels", "flops", "tensor_flops", "fp32_flops", "read_bytes", "write_bytes", "busy_ps")
        counted = {name: self.trace.counters[f"{self.name}.{name}"] for name in names}
        seconds = elapsed / SECOND
        moved = counted["read_bytes"] + counted["write_bytes"]
        busy = counted.pop("busy_ps")
        return {
            **counted,
            "busy_s": busy / SECOND,
            "busy_share": busy / elapsed if elapsed else 0.0,
            "flops_per_s": counted["flops"] / seconds if elapsed else 0.0,
            "bytes_per_s": moved / seconds if elapsed else 0.0,
        }

    def energy_joules(self, elapsed: int) -> dict[str, float]:
        """Energy of the chip in a run of `elapsed` ps, J by cause; their sum over the time is its power.

        "held": `held_power` all the time; "arithmetic": every floating-point operation; "memory": every bit.
        """
        p, did = self.params, self.activity(elapsed)
        return {
            "held": p.held_power * elapsed / SECOND,
            "arithmetic": did["tensor_flops"] * p.tensor_energy + did["fp32_flops"] * p.fp32_energy,
            "memory": 8 * (did["read_bytes"] + did["write_bytes"]) * p.memory_energy,
        }

    @staticmethod
    def _doorbell(payload: GenericPayload, at: int) -> None:
        payload.complete(at)
