"""DRAM as one channel: a latency, a bandwidth, bursts served one by one in order of arrival."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Gt

from components.storage import Storage
from tlm.component import Component
from tlm.payload import Command, GenericPayload, ResponseStatus
from tlm.units import SECOND, Address, Bits, Bytes, Doc, Picoseconds, PositiveInt, TransfersPerSecond


@dataclass(frozen=True, kw_only=True)
class DdrParams:
    base: Annotated[Address, Doc("first address")] = 0
    size: Annotated[Bytes, Gt(0), Doc("addresses behind the base")]
    ports: Annotated[PositiveInt, Doc("sockets port0, port1, ...")] = 2
    data_rate: Annotated[TransfersPerSecond, Gt(0), Doc("transfers on the data bus")]
    width: Annotated[Bits, Gt(0), Doc("width of the data bus")] = 64
    burst_length: Annotated[PositiveInt, Doc("transfers of the shortest access")] = 8
    latency: Annotated[Picoseconds, Doc("from a read's arrival to its first data, controller included")]
    write_latency: Annotated[Picoseconds, Doc("from the last data of a write to its response")]


class Ddr(Component):
    """All ports share the channel; every access takes whole bursts of the device."""

    Params = DdrParams
    params: DdrParams

    def __init__(self, sim: Any, name: str, params: DdrParams):
        super().__init__(sim, name, params)
        self.storage = Storage(params.base, params.size)
        for i in range(params.ports):
            self.target_socket(f"port{i}", self._transport, self.storage.transport_dbg)
        self._free = 0
        self._counted = {c: f"{name}.{c.value}_bytes" for c in Command}
        self._device_bytes, self._busy_ps = f"{name}.device_bytes", f"{name}.busy_ps"
        self._rate = params.width * params.data_rate
        self._atom = params.burst_length * params.width // 8

    @property
    def peak_bandwidth(self) -> float:
        """Bytes a second."""
        return self.params.data_rate * self.params.width / 8

    def describe(self) -> str:
        """The assumption in words, for the head of a report."""
        rate = self.params.data_rate / 1e6
        latency = self.params.latency / 1000
        peak = self.peak_bandwidth / 1e9
        return (
            f"one shared DRAM channel at {rate:.0f} MT/s, {peak:.2f} GB/s peak, read latency {latency:.0f} ns"
        )

    def phase(self) -> Hashable | None:
        # latency and bandwidth are no whole cycles of the other clocks, so their rounding counts
        return self.sim.edge_phases() if self._free <= self.env.now else None

    def _transport(self, payload: GenericPayload, at: int) -> None:
        p = self.params
        if not p.base <= payload.address <= p.base + p.size - payload.length:
            payload.complete(at, ResponseStatus.ADDRESS_ERROR)
            return
        touched = -(-(payload.address + payload.length) // self._atom) - payload.address // self._atom
        busy = self._time(touched * self._atom)
        read = payload.command is Command.READ
        begin = max(at + p.latency if read else at, self._free)
        self._free = begin + busy
        last = begin + self._time(payload.length * (payload.beats - 1) // payload.beats)
        payload.runs.append((begin, last, payload.beats))
        counters = self.trace.counters
        counters[self._counted[payload.command]] += payload.length
        counters[self._device_bytes] += touched * self._atom
        counters[self._busy_ps] += busy
        payload.complete(last if read else begin + busy + p.write_latency)

    def _time(self, nbytes: int) -> int:
        """ps on the data bus, rounded up."""
        return -(-nbytes * 8 * SECOND // self._rate)
