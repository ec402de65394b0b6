"""EMBED: patches of an image to tokens, the class token in their middle, position embeddings added.

Its RTL is not public; the loops and their lengths follow its source, the overhead a group of channels is fixed
by one published figure, 539,400 cycles for tiny at 224.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any

import numpy as np

from components.engine import VALUE, Address, Engine, EngineParams
from components.fabric import adders, memory, products
from tlm.resources import Part
from tlm.units import Doc, PositiveInt
from workloads.operations import Embed

WEIGHT = 16  # bits
PIXELS = 256  # of a patch and colour
COLOURS = 3


@dataclass(frozen=True, kw_only=True)
class EmbedParams(EngineParams):
    """Source of the defaults: published source; the overhead is calibrated, see above."""

    weight_interval: Annotated[PositiveInt, Doc("cycles a word of weights")] = 8
    pixel_interval: Annotated[PositiveInt, Doc("cycles a word of pixels")] = 4
    channels: Annotated[PositiveInt, Doc("output channels accumulated together")] = 32
    values: Annotated[PositiveInt, Doc("pixel values accumulated in a cycle")] = 3
    overhead: Annotated[int, Doc("cycles a group of channels beyond its words and values")] = 68
    max_features: Annotated[PositiveInt, Doc("channels whose weights the buffer holds")] = 192


class EmbedEngine(Engine):
    executes = (Embed,)
    Params = EmbedParams
    params: EmbedParams

    def __init__(self, sim: Any, name: str, params: EmbedParams):
        super().__init__(sim, name, params)
        self.weights = self.read_port("weights", "weight", "bias", "class_token", "position")
        self.in_r = self.read_port("in_r", "image")
        self.out_r = self.write_port("out_r")

    def shortages(self, op: Embed) -> list[str]:
        return self.short(op, "max_features", op.features, "channels")

    def _group(self, op: Embed) -> tuple[int, int, int]:
        """Groups of channels, words of each, cycles of accumulation of each."""
        groups = ceil(op.features / self.params.channels)
        words = self.beats(self.params.channels * VALUE)
        return groups, words, ceil(op.patch_values / self.params.values)

    def datapath(self) -> list[Part]:
        """A product and a sum for every value and channel of a cycle, each with a bank of weights of its own."""
        p, n = self.params, self.per_beat
        units = p.channels * p.values
        groups = ceil(p.max_features / p.channels)
        words = groups * ceil(PIXELS * COLOURS / p.values)
        sizes = ("channels", "values")
        return [
            products("products", units, VALUE, WEIGHT, None, *sizes),
            adders("sums", units, VALUE, *sizes),
            memory("weights", WEIGHT, words, "max_features", *sizes, banks=units),
            memory("bias", WEIGHT, groups, "max_features", "channels", banks=p.channels),
            memory("class token", p.bus, ceil(p.max_features / n), "max_features"),
            memory("patch", VALUE, ceil(PIXELS * COLOURS / n), "bus", banks=n),
        ]

    def compute(self, op: Embed) -> int:
        groups, _, accumulate = self._group(op)
        return op.patches * groups * accumulate

    def timing(self, op: Embed, address: Address, start: int) -> Generator[Any, Any, int]:
        p = self.params
        weights = self.beats(op.weight.elements * op.weight.bits)
        stream = self.weights.read(address(op.weight), weights, start)
        now = start
        done = 0
        while done < weights:
            known = yield from stream.until(done + stream.ahead)
            steps = np.arange(known - done, dtype=np.int64) * p.weight_interval
            taken = np.maximum.accumulate(np.maximum(stream.arrivals[done:known], now) - steps) + steps
            stream.take(taken)
            now = int(taken[-1]) + p.weight_interval
            done = known
        groups, group_words, accumulate = self._group(op)
        words = self.beats(op.features * VALUE)
        pixels = self.beats(op.patch_values * VALUE)
        rows = op.patches + 1
        position = self.weights.read(address(op.position), words * rows, now)
        image = self.in_r.read(address(op.image), pixels * op.patches, now)
        out = self.out_r.write(address(op.y), words * rows)
        sizes = [min(group_words, words - g * group_words) for g in range(groups)]
        patch = 0
        for row in range(rows):
            yield from position.until((row + 1) * words)
            added = position.arrivals[row * words : (row + 1) * words]
            if row == op.class_position:
                outputs = np.maximum(added, now)
                position.take(outputs)
            else:
                yield from image.until((patch + 1) * pixels)
                steps = np.arange(pixels, dtype=np.int64) * p.pixel_interval
                taken = (
                    np.maximum.accumulate(
                        np.maximum(image.arrivals[patch * pixels : (patch + 1) * pixels], now) - steps
                    )
                    + steps
                )
                image.take(taken)
                self.in_r.wait += int(taken[-1]) - now - (pixels - 1) * p.pixel_interval
                now = int(taken[-1]) + p.pixel_interval
                patch += 1
                ends = []
                takes = []
                word = 0
                for size in sizes:
                    now = max(now, int(added[word]))
                    takes.append(now + np.arange(size))
                    now += size + accumulate + p.overhead
                    ends.append(now + np.arange(size))
                    now += size
                    word += size
                position.take(np.concatenate(takes))
                outputs = np.concatenate(ends)
            now += yield from out.push(outputs)
        return (yield from out.finished()) + p.finish
