"""PATCH_OPS: reverses the order of tokens, or copies out the class token."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any

from components.dma import ReadStream
from components.engine import VALUE, Address, Engine, EngineParams
from components.fabric import queue
from components.pipeline import LockstepPipeline
from tlm.resources import Part
from tlm.units import Doc, PositiveInt
from workloads.operations import Flip, LoadClassToken


@dataclass(frozen=True, kw_only=True)
class PatchOpsParams(EngineParams):
    """Source of the defaults: published RTL. A flip reads every word by itself; `burst_reads` is a what-if."""

    in_flight: Annotated[PositiveInt, Doc("single-word reads in flight")] = 8
    burst_reads: Annotated[
        bool, Doc("a flip reads the words of a token as bursts, as many in flight as the port allows")
    ] = False
    turnaround: Annotated[int, Doc("cycles from a word to the address that takes its place")] = 9
    depth: Annotated[PositiveInt, Doc("words in the pipeline")] = 1
    flip_latency: Annotated[int, Doc("cycles from there to the write buffer, flip")] = 6
    load_latency: Annotated[int, Doc("cycles from there to the write buffer, class token")] = 10
    flip_start: Annotated[int, Doc("cycles from the start of the call to the first address, flip")] = 27
    load_start: Annotated[int, Doc("cycles from the start of the call to the first address, class token")] = (
        17
    )


class PatchOpsEngine(Engine):
    executes = (Flip, LoadClassToken)
    Params = PatchOpsParams
    params: PatchOpsParams

    def __init__(self, sim: Any, name: str, params: PatchOpsParams):
        super().__init__(sim, name, params)
        self.in_r = self.read_port("in_r", "x")
        self.out_r = self.write_port("out_r")

    def datapath(self) -> list[Part]:
        """A flip has none; the class token goes through two streams."""
        return [queue(f"stream {way}", self.params.bus, 2, "bus") for way in ("in", "out")]

    def compute(self, op: Flip | LoadClassToken) -> int:
        return op.tokens * self.beats(op.features * VALUE)

    def timing(self, op: Flip | LoadClassToken, address: Address, start: int) -> Generator[Any, Any, int]:
        p = self.params
        words = self.beats(op.features * VALUE)
        total = words * op.tokens
        base = address(op.x)
        if isinstance(op, Flip):
            stream = self._flipped(base, op.tokens, words, start + p.flip_start)
            pipe = LockstepPipeline(p.depth, latency=p.flip_latency)
        else:
            stream = self.in_r.read(base + op.index * words * self.in_r.width, words, start + p.load_start)
            pipe = LockstepPipeline(p.depth, latency=p.load_latency)
        return (yield from self.through(pipe, stream, self.out_r.write(address(op.y), total)))

    def _flipped(self, base: int, tokens: int, words: int, start: int) -> ReadStream:
        """The words of a tensor, the last token first."""
        p, width = self.params, self.in_r.width
        rows = [base + token * words * width for token in reversed(range(tokens))]
        if p.burst_reads:
            return self.in_r.read_rows(rows, words, start)
        singles = [row + word * width for row in rows for word in range(words)]
        return self.in_r.read_singles(singles, start, p.in_flight, p.turnaround)
