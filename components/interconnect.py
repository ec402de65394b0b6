"""An AXI interconnect: many masters, one narrower slave port."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Annotated, Any

from annotated_types import MultipleOf

from tlm.component import Component
from tlm.payload import Command, GenericPayload
from tlm.units import Bits, ClockName, Cycles, Doc, PositiveInt


@dataclass(frozen=True, kw_only=True)
class InterconnectParams:
    clock: Annotated[ClockName, Doc("clock of the interconnect and its ports")] = "fabric"
    inputs: Annotated[PositiveInt, Doc("sockets in0, in1, ...")]
    width: Annotated[Bits, MultipleOf(32), Doc("width of the port behind it")] = 128
    latency: Annotated[Cycles, Doc("cycles each way")]


class Interconnect(Component):
    """Passes bursts on in order of arrival; reads and writes have a data channel each, as AXI has."""

    Params = InterconnectParams
    params: InterconnectParams

    def __init__(self, sim: Any, name: str, params: InterconnectParams):
        super().__init__(sim, name, params)
        for i in range(params.inputs):
            self.target_socket(f"in{i}", self._transport, self._transport_dbg)
        self.out = self.initiator_socket("out")
        self._hop = self.clock.edge(params.latency)
        self._word_times: dict[int, int] = {}
        self._read_free = 0
        self._write_free = 0

    def phase(self) -> Hashable | None:
        now = int(self.env.now)
        return () if max(self._read_free, self._write_free) <= now else None

    def _word_time(self, payload: GenericPayload) -> int:
        """ps to move one beat of the payload through the narrower port."""
        width = payload.width
        if width not in self._word_times:
            self._word_times[width] = self.clock.edge(ceil(width * 8 / self.params.width))
        return self._word_times[width]

    def _transport(self, payload: GenericPayload, at: int) -> None:
        hop = self._hop
        upstream = payload.listener
        payload.watcher = None  # times change on the way back, which is when the payload is complete
        if payload.command is Command.READ:
            payload.listener = partial(self._return_read, upstream, hop)
            self.out.nb_transport(payload, at + hop)
            return
        # the port takes write data at its own pace and keeps the initiator waiting meanwhile
        word = self._word_time(payload)
        first = max(at, self._write_free)
        last = first + (payload.beats - 1) * word
        self._write_free = last + word
        payload.listener = partial(self._return_write, upstream, hop, (first, last, payload.beats))
        self.out.nb_transport(payload, first + hop)

    def _transport_dbg(self, payload: GenericPayload) -> int:
        return self.out.transport_dbg(payload)

    def _return_read(self, upstream: Any, hop: int, payload: GenericPayload) -> None:
        word = self._word_time(payload)
        runs = []
        free = self._read_free
        for first, last, beats in payload.runs:
            begin = max(first + hop, free)
            end = max(last + hop, begin + (beats - 1) * word)
            runs.append((begin, end, beats))
            free = end + word
        self._read_free = free
        payload.runs = runs
        payload.response = max(payload.response + hop, runs[-1][1] if runs else 0)
        self._pass(upstream, payload)

    def _return_write(
        self, upstream: Any, hop: int, run: tuple[int, int, int], payload: GenericPayload
    ) -> None:
        payload.runs = [run]
        payload.response = max(payload.response, run[1]) + hop
        self._pass(upstream, payload)

    @staticmethod
    def _pass(upstream: Any, payload: GenericPayload) -> None:
        payload.listener = upstream
        if upstream is not None:
            upstream(payload)
