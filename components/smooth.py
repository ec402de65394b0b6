"""SMOOTH: multiplies every feature by its channel's factor."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

from components.engine import VALUE, Address, Engine, EngineParams
from components.fabric import memory, products, queue
from components.pipeline import LockstepPipeline
from tlm.resources import Part
from tlm.units import Doc, PositiveInt
from workloads.operations import Smooth


@dataclass(frozen=True, kw_only=True)
class SmoothParams(EngineParams):
    """Source of the defaults: published RTL. The source asks for a word a cycle; the RTL takes two cycles."""

    interval: Annotated[PositiveInt, Doc("cycles a bus word")] = 2
    depth: Annotated[PositiveInt, Doc("words in the pipeline")] = 7
    latency: Annotated[int, Doc("cycles from the pipeline to the write buffer")] = 13
    start: Annotated[int, Doc("cycles from the start of the call to the first address")] = 10
    load_gap: Annotated[int, Doc("cycles from the last factor to the first address of the tensor")] = 18
    max_features: Annotated[PositiveInt, Doc("factors the buffer holds")] = 768


class SmoothEngine(Engine):
    executes = (Smooth,)
    Params = SmoothParams
    params: SmoothParams

    def __init__(self, sim: Any, name: str, params: SmoothParams):
        super().__init__(sim, name, params)
        self.weights = self.read_port("weights", "scales")
        self.in_r = self.read_port("in_r", "x")
        self.out_r = self.write_port("out_r")

    def shortages(self, op: Smooth) -> list[str]:
        return self.short(op, "max_features", op.features, "factors")

    def datapath(self) -> list[Part]:
        """Products of a word's values; the low 58 bits hold what is kept of x * c, c unsigned."""
        p, n = self.params, self.per_beat
        return [
            products("products", n, VALUE, VALUE + 1, VALUE + 26, "bus"),
            memory("factors", p.bus, ceil(p.max_features / n), "max_features"),
            *(queue(f"stream {way}", p.bus, 2, "bus") for way in ("in", "out")),
        ]

    def compute(self, op: Smooth) -> int:
        return op.tokens * self.beats(op.features * VALUE) * self.params.interval

    def timing(self, op: Smooth, address: Address, start: int) -> Generator[Any, Any, int]:
        p = self.params
        words = self.beats(op.features * VALUE)
        loaded = yield from self.weights.read(address(op.scales), words, start + p.start).all()
        stream = self.in_r.read(address(op.x), words * op.tokens, int(loaded[-1]) + p.load_gap)
        pipe = LockstepPipeline(p.depth, p.interval, p.interval, p.latency)
        return (yield from self.through(pipe, stream, self.out_r.write(address(op.y), words * op.tokens)))
