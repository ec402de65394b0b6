"""SSM: the selective scan, several states of a channel a cycle."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

import numpy as np

from components.dma import ReadStream
from components.engine import VALUE, Address, Engine, EngineParams
from components.fabric import memory, products, queue
from components.pipeline import Cycles, LockstepPipeline
from tlm.resources import Part
from tlm.units import Doc, PositiveInt
from workloads.operations import Scan

STATES = 16  # of a channel that the buffers are made for
SQUARINGS = 5  # of (1 + x / 32) ** 32


@dataclass(frozen=True, kw_only=True)
class SsmParams(EngineParams):
    """Source of the defaults: published RTL."""

    lanes: Annotated[PositiveInt, Doc("states of a channel updated in a cycle")] = 8
    clear_channel: Annotated[PositiveInt, Doc("cycles to clear the state of a channel")] = 4
    output_burst: Annotated[PositiveInt, Doc("beats of the longest write burst")] = 16
    channel_depth: Annotated[PositiveInt, Doc("channels in the update and projection pipelines")] = 15
    word_depth: Annotated[PositiveInt, Doc("words in the output pipeline")] = 6
    latency: Annotated[int, Doc("cycles from there to the write buffer")] = 43
    start: Annotated[int, Doc("cycles from the start of the call to the first addresses of A and D")] = 10
    projection_gap: Annotated[
        int, Doc("cycles from the last word of A to the first addresses of B and C")
    ] = 13
    tensor_gap: Annotated[int, Doc("further cycles to the first addresses of u, delta and z")] = 5
    projection_setup: Annotated[int, Doc("cycles from a token's B and C to its first channel")] = 6
    word_setup: Annotated[int, Doc("cycles from words of u and delta to their first channel")] = 1
    max_features: Annotated[PositiveInt, Doc("channels whose state and A the buffers hold")] = 384


class SsmEngine(Engine):
    executes = (Scan,)
    Params = SsmParams
    params: SsmParams

    def __init__(self, sim: Any, name: str, params: SsmParams):
        super().__init__(sim, name, params)
        self.weights_a = self.read_port("weights_A", "a")
        self.weights_d = self.read_port("weights_D", "d")
        self.in_u = self.read_port("in_u", "u")
        self.in_delta = self.read_port("in_delta", "delta")
        self.in_z = self.read_port("in_z_silu", "z")
        self.in_b = self.read_port("in_B", "b")
        self.in_c = self.read_port("in_C", "c")
        self.out_r = self.write_port("out_r", params.output_burst)

    def shortages(self, op: Scan) -> list[str]:
        return self.short(op, "max_features", op.features, "channels")

    def steps(self, op: Scan) -> int:
        """Cycles a channel."""
        return ceil(op.states / self.params.lanes)

    def datapath(self) -> list[Part]:
        """Products of 32 bits, of which the low 50 hold what is kept: per lane delta * A, five squarings, h * dA,
        du * B and h * C; delta * u once; per value of a word u * D and the product with z."""
        p, n, kept = self.params, self.per_beat, VALUE + 18
        words = p.max_features * ceil(STATES / p.lanes)
        state = p.lanes * VALUE
        sizes = ("lanes", "max_features")
        reads = ("delta", "u", "u for D", "B", "C", "z")
        return [
            products("exponentials", p.lanes * (1 + SQUARINGS), VALUE, VALUE, kept, "lanes"),
            products("states", p.lanes * 2, VALUE, VALUE, kept, "lanes"),
            products("projections", p.lanes, VALUE, VALUE, kept, "lanes"),
            products("input", 1, VALUE, VALUE, kept),
            products("skips", n, VALUE, VALUE, kept, "bus"),
            products("gates", n, VALUE + 1, VALUE, kept, "bus"),
            memory("A", state, words, *sizes),
            memory("state", VALUE, words, *sizes, banks=p.lanes),
            memory("D", p.bus, ceil(p.max_features / n), "max_features"),
            queue("stream of states", state, 2, "lanes"),
            *(queue(f"stream of {what}", p.bus, 2, "bus") for what in (*reads, "xC", "uD", "results")),
        ]

    def compute(self, op: Scan) -> int:
        return op.tokens * op.features * self.steps(op)

    def timing(self, op: Scan, address: Address, start: int) -> Generator[Any, Any, int]:
        p = self.params
        words = self.beats(op.features * VALUE)
        states = self.beats(op.states * VALUE)
        total = words * op.tokens
        loading = self.weights_a.read(address(op.a), self.beats(op.a.elements * VALUE), start + p.start)
        loading_d = self.weights_d.read(address(op.d), words, start + p.start)
        loaded = yield from loading.all()
        yield from loading_d.all()
        at = int(loaded[-1]) + p.projection_gap
        b = self.in_b.read(address(op.b), states * op.tokens, at)
        c = self.in_c.read(address(op.c), states * op.tokens, at)
        u = self.in_u.read(address(op.u), total, at + p.tensor_gap)
        delta = self.in_delta.read(address(op.delta), total, at + p.tensor_gap)
        z = self.in_z.read(address(op.z), total, at + p.tensor_gap)
        out = self.out_r.write(address(op.y), total)
        channels = _Channels(p, self.steps(op), self.per_beat)
        words_out = LockstepPipeline(p.word_depth, 1, 1, p.latency)
        gate = at + p.clear_channel * op.features
        taken_z = 0
        token = 0
        while token < op.tokens:
            # as many tokens as are there
            tokens = op.tokens - token
            for stream, each in ((u, words), (delta, words), (b, states), (c, states)):
                known = yield from stream.until((token + 1) * each)
                tokens = min(tokens, known // each - token)
            low, high = token * words, (token + tokens) * words
            arrivals = np.maximum(u.arrivals[low:high], delta.arrivals[low:high]) + p.word_setup
            projections = np.maximum(
                *(s.arrivals[(token + 1) * states - 1 : (token + tokens) * states : states] for s in (b, c))
            )
            np.maximum(arrivals[::words], projections + p.projection_setup, out=arrivals[::words])
            before = channels.waited
            entries, leaving = channels.feed(arrivals, gate)
            self._blame(
                channels.waited - before, (u, delta, b, c), (low, low, token * states, token * states)
            )
            for stream in (u, delta):
                stream.take(entries)
            firsts = np.repeat(entries[::words], states)
            for stream in (b, c):
                stream.take(firsts)
            yield from self._out(words_out, z, taken_z, leaving, out)
            taken_z += len(leaving)
            token += tokens
        yield from self._out(words_out, z, taken_z, channels.drain(), out)
        yield from self.give(words_out, out, words_out.drain())
        return (yield from out.finished()) + p.finish

    def _out(
        self, pipe: LockstepPipeline, z: ReadStream, low: int, leaving: Cycles, out: Any
    ) -> Generator[Any, Any, None]:
        """Words that leave the projection meet their words of z."""
        done = 0
        while done < len(leaving):
            # nothing can be seen of less than what completes a write burst
            want = min(out.burst_end + pipe.depth, low + len(leaving), low + done + z.ahead)
            known = yield from z.until(max(want, low + done + 1))
            count = min(known - low, len(leaving)) - done
            arrivals = np.maximum(leaving[done : done + count], z.arrivals[low + done : low + done + count])
            entries, outputs = pipe.feed(arrivals)
            self.in_z.wait += int((arrivals - leaving[done : done + count]).max(initial=0))
            z.take(entries)
            yield from self.give(pipe, out, outputs)
            done += count

    def _blame(self, waited: int, streams: tuple[ReadStream, ...], lows: tuple[int, ...]) -> None:
        """Cycles without input go to the stream whose next beat came last."""
        if waited:
            max(zip(streams, lows, strict=True), key=lambda s: s[0].arrivals[s[1]])[0].port.wait += waited


class _Channels(LockstepPipeline):
    """State update and projection: channels pass one by one, a word of input is `per_word` of them."""

    def __init__(self, p: SsmParams, steps: int, per_word: int):
        # a word leaves when the channel `channel_depth` behind its last one enters
        depth, self.channel = divmod(per_word - 1 + p.channel_depth, per_word)
        super().__init__(depth, steps * per_word)
        self.steps = steps
        self.per_word = per_word

    def _give(self, leaving: Cycles) -> Cycles:
        return leaving + self.channel * self.steps

    def drain(self) -> Cycles:
        """Behind the last channel one leaves a cycle."""
        last = self.entered + (self.per_word - 1) * self.steps
        behind = np.arange(self.inside - 1, -1, -1, dtype=np.int64)
        # channels between the last that entered and the one a word waits for
        missing = self.depth * self.per_word + self.channel - (self.per_word - 1) - behind * self.per_word
        return last + missing
