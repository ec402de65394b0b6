"""NORM_SUM: sums, means and root-mean-square norms of tokens."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

import numpy as np

from components.dma import ReadStream
from components.engine import VALUE, Address, Engine, EngineParams
from components.fabric import memory, products, queue
from components.pipeline import LockstepPipeline
from tlm.resources import Part
from tlm.units import Doc, PositiveInt
from workloads.operations import NormSum


@dataclass(frozen=True, kw_only=True)
class NormSumParams(EngineParams):
    """Source of the defaults: published RTL."""

    depth: Annotated[PositiveInt, Doc("words in the pipeline of the sums")] = 3
    flush: Annotated[int, Doc("cycles from the first word's entry to the last's exit, at least")] = 6
    latency: Annotated[int, Doc("cycles from that pipeline to the write buffer")] = 9
    start: Annotated[int, Doc("cycles from the start of the call to the first address of the weights")] = 9
    tensor_start: Annotated[int, Doc("cycles from the start of the call to that of the tensors")] = 15
    unpack: Annotated[PositiveInt, Doc("cycles to unpack a word of weights")] = 2
    load_gap: Annotated[int, Doc("cycles from the last weight to the first word of the tensors")] = 8
    norm_gap: Annotated[int, Doc("further cycles before the first square of each token of a norm")] = 24
    root: Annotated[
        int, Doc("cycles from the last square of a token to its first product: sum, root, divide")
    ] = 81
    norm_latency: Annotated[int, Doc("cycles from a product to the write buffer")] = 47
    held_back: Annotated[int, Doc("words of a token that leave with the next token")] = 2
    max_norm_features: Annotated[PositiveInt, Doc("features of a token the norm's buffers hold")] = 192


class NormSumEngine(Engine):
    executes = (NormSum,)
    Params = NormSumParams
    params: NormSumParams

    def __init__(self, sim: Any, name: str, params: NormSumParams):
        super().__init__(sim, name, params)
        self.weights = self.read_port("weights", "weight")
        self.in_a = self.read_port("in_a", "a")
        self.in_b = self.read_port("in_b", "b")
        self.out_r = self.write_port("out_r")

    def shortages(self, op: NormSum) -> list[str]:
        return self.short(op, "max_norm_features", op.features, "features") if op.mode.norms else []

    def datapath(self) -> list[Part]:
        """Products of a word's values: squares of 64 bits times 1 / D of 20, values times 1 / root times weight."""
        p, n = self.params, self.per_beat
        words = ceil(p.max_norm_features / n)
        return [
            products("squares", n, VALUE, VALUE, None, "bus"),
            products("means", n, 2 * VALUE, 20, VALUE + 36, "bus"),
            products("norms", n, VALUE, VALUE, None, "bus"),
            products("weightings", n, 2 * VALUE, 16, VALUE + 33, "bus"),
            memory("weights", 16, words, "max_norm_features", banks=n),
            memory("token", VALUE, words, "max_norm_features", banks=n),
            *(queue(f"stream {way}", p.bus, 2, "bus") for way in ("in", "out")),
        ]

    def compute(self, op: NormSum) -> int:
        words = op.tokens * self.beats(op.features * VALUE)
        return 2 * words if op.mode.norms else words

    def timing(self, op: NormSum, address: Address, start: int) -> Generator[Any, Any, int]:
        p = self.params
        words = self.beats(op.features * VALUE)
        total = words * op.tokens
        # the sums read the weights' words too and do not use them
        weights = op.weight if op.weight is not None else op.a
        loading = self.weights.read(address(weights), self.beats(op.features * 16), start + p.start)
        a = self.in_a.read(address(op.a), total, start + p.tensor_start)
        b = self.in_b.read(address(op.b), total, start + p.tensor_start) if op.b is not None else None
        loaded = yield from loading.all()
        steps = np.arange(len(loaded)) * p.unpack
        gate = int((loaded - steps).max()) + int(steps[-1]) + p.load_gap
        out = self.out_r.write(address(op.y), total)
        if not op.mode.norms:
            pipe = LockstepPipeline(p.depth, 1, 1, p.latency, p.flush)
            return (yield from self.through(pipe, a, out, b, gate))
        yield from self._norm(a, b, out, words, op.tokens, gate + p.norm_gap)
        return (yield from out.finished()) + p.finish

    def _norm(
        self, a: ReadStream, b: ReadStream | None, out: Any, words: int, tokens: int, gate: int
    ) -> Generator[Any, Any, None]:
        """Tokens one after the other: squares of all words, root, products of all words."""
        p = self.params
        steps = np.arange(words, dtype=np.int64)
        held = np.empty(0, dtype=np.int64)
        keep = max(0, words - p.held_back)
        begin = gate
        for token in range(tokens):
            low, high = token * words, (token + 1) * words
            yield from a.until(high)
            arrivals = a.arrivals[low:high]
            if b is not None:
                yield from b.until(high)
                arrivals = np.maximum(arrivals, b.arrivals[low:high])
            squares = np.maximum.accumulate(np.maximum(arrivals, begin) - steps) + steps
            a.take(squares)
            if b is not None:
                b.take(squares)
            self.in_a.wait += int(squares[-1]) - begin - (words - 1)
            first = int(squares[-1]) + p.root
            products = first + steps
            leaving = np.maximum(held, first - len(held) + np.arange(len(held)))
            outputs = np.concatenate((leaving, products[:keep])) + p.norm_latency
            held = products[keep:]
            begin = first + words + p.norm_gap
            begin += yield from out.push(outputs)
        yield from out.push(held + p.norm_latency)
