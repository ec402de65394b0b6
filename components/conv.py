"""CONV: depthwise causal convolution of four taps, with bias and SiLU, quantized with one scale a tensor."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

import numpy as np

from components.engine import VALUE, Address, Engine, EngineParams
from components.fabric import QUANTIZED, activation, cells, memory, products, quantizers, queue
from components.pipeline import LockstepPipeline
from tlm.resources import Part
from tlm.units import Doc, PositiveInt
from workloads.operations import Conv

BLOCK = 16  # values a step of the pipeline
TAPS = 4
TAP_PLACES = 4  # a tap is selected and added, signed, and two levels of sums add up four


@dataclass(frozen=True, kw_only=True)
class ConvParams(EngineParams):
    """Source of the defaults: published RTL."""

    in_flight: Annotated[PositiveInt, Doc("single-word reads of codes in flight")] = 8
    turnaround: Annotated[int, Doc("cycles from a word of codes to the address that takes its place")] = 9
    depth: Annotated[PositiveInt, Doc("blocks of 16 values in the pipeline")] = 39
    flush: Annotated[int, Doc("cycles from the first block's entry to the last's exit, at least")] = 41
    latency: Annotated[int, Doc("cycles from the pipeline to the write buffer")] = 14
    start: Annotated[int, Doc("cycles from the start of the call to the first address")] = 12
    codes_gap: Annotated[int, Doc("cycles from the last code or sign to the next address")] = 22
    scales_gap: Annotated[int, Doc("cycles from the last scale to the first address of the bias")] = 2
    pass1_gap: Annotated[int, Doc("cycles from the last bias to the first address of the tensor")] = 16
    pass2_gap: Annotated[int, Doc("cycles from the end of pass 1 to the first address of pass 2")] = 12
    clear_block: Annotated[int, Doc("cycles to clear the line buffer, per 16 channels")] = 6
    clear: Annotated[int, Doc("further cycles before the first block of pass 2")] = 43
    max_features: Annotated[PositiveInt, Doc("channels the buffers hold")] = 384

    def __post_init__(self) -> None:
        if self.bus > BLOCK * VALUE:
            raise ValueError(
                f"bus must be at most {BLOCK * VALUE} bit, a block of {BLOCK} values, not {self.bus}"
            )


class ConvEngine(Engine):
    executes = (Conv,)
    Params = ConvParams
    params: ConvParams

    def __init__(self, sim: Any, name: str, params: ConvParams):
        super().__init__(sim, name, params)
        self.weights = self.read_port("weights", "codes", "signs", "scales", "bias")
        self.in_r = self.read_port("in_r", "x")
        self.out_r = self.write_port("out_r")

    def shortages(self, op: Conv) -> list[str]:
        return self.short(op, "max_features", op.features, "channels")

    def datapath(self) -> list[Part]:
        """The sum of a channel's taps has 10 bits, with its scale 43; the low 58 of the result are kept."""
        p, knob = self.params, "max_features"
        blocks = ceil(p.max_features / BLOCK)
        wide = BLOCK * VALUE
        return [
            *quantizers(BLOCK),
            cells("taps", BLOCK * TAPS, TAP_PLACES),
            products("weight scaling", BLOCK, 10, VALUE + 1),
            products("scaling", BLOCK, 43, VALUE + 1, VALUE + 26),
            *activation("SiLU", BLOCK),
            memory("codes", BLOCK * TAPS * 4, blocks, knob),
            memory("signs", BLOCK * TAPS, blocks, knob),
            memory("scales", wide, blocks, knob),
            memory("bias", wide, blocks, knob),
            memory("lines", BLOCK * QUANTIZED, ceil(blocks / 4), knob, banks=4 * (TAPS - 1)),
            queue("fifo of values", wide, 2),
            queue("fifo of windows", BLOCK * TAPS * QUANTIZED, 2),
            *(queue(f"fifo of {what}", wide, 2) for what in ("sums", "results")),
        ]

    def compute(self, op: Conv) -> int:
        return op.tokens * ceil(op.features / BLOCK)

    def timing(self, op: Conv, address: Address, start: int) -> Generator[Any, Any, int]:
        p = self.params
        words = self.beats(op.features * VALUE)
        total = words * op.tokens
        blocks = ceil(op.features / BLOCK)
        at = start + p.start
        for tensor, word in ((op.codes, 1), (op.signs, 4)):
            # a block has 64 codes of 4 bits and 64 signs: a word of signs is read again for each block in it
            per_word = word * self.params.bus // 256 or 1
            base = address(tensor)
            addresses = [base + b // per_word * (p.bus // 8) for b in range(blocks)]
            codes = yield from self.weights.read_singles(addresses, at, p.in_flight, p.turnaround).all()
            at = int(codes[-1]) + p.codes_gap
        scales = yield from self.weights.read(address(op.scales), words, at).all()
        bias = yield from self.weights.read(address(op.bias), words, int(scales[-1]) + p.scales_gap).all()
        largest = yield from self.in_r.read(address(op.x), total, int(bias[-1]) + p.pass1_gap).all()
        ended = int(largest[-1])
        second = ended + p.pass2_gap
        stream = self.in_r.read(address(op.x), total, second)
        step = max(1, self.beats(BLOCK * VALUE))  # words a block
        pipe = LockstepPipeline(p.depth, step, step, p.latency, p.flush)
        gate = second + p.clear_block * blocks + p.clear
        out = self.out_r.write(address(op.y), total)
        per_token = ceil(words / step)
        lasts = (np.minimum(np.arange(1, per_token + 1) * step, words) - 1)[None] + (
            np.arange(op.tokens) * words
        )[:, None]
        lasts = lasts.ravel()  # the word that completes each block
        sizes = np.diff(lasts, prepend=-1)
        done = 0
        while done < len(lasts):
            # nothing can be seen of less than what completes a write burst
            block = int(np.searchsorted(lasts, out.burst_end - 1)) + p.depth
            want = int(lasts[min(max(done, block), len(lasts) - 1)]) + 1
            most = int(lasts[done - 1]) + 1 + stream.ahead if done else stream.ahead
            known = yield from stream.until(max(min(want, most), int(lasts[done]) + 1))
            end = int(np.searchsorted(lasts, known))
            entries, outputs = pipe.feed(stream.arrivals[lasts[done:end]], gate)
            stream.take(np.repeat(entries, sizes[done:end]))
            gave = done + len(entries) - pipe.inside
            yield from self.give(pipe, out, spread(outputs, sizes[gave - len(outputs) : gave]))
            done = end
        self.in_r.wait += pipe.waited
        outputs = pipe.drain()
        yield from self.give(pipe, out, spread(outputs, sizes[len(sizes) - len(outputs) :]))
        return (yield from out.finished()) + p.finish


def spread(blocks: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Words of each block, one a cycle."""
    if not len(blocks):
        return blocks
    first = np.repeat(blocks, sizes)
    within = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return first + within
