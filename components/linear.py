"""LINEAR: quantizes tokens, multiplies them by 4-bit weights from look-up tables, scales and activates."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator
from dataclasses import dataclass, replace
from math import ceil
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import MultipleOf

from components.dma import ReadStream, WriteStream
from components.engine import VALUE, Address, Engine, EngineParams
from components.fabric import QUANTIZED, SHIFTED, activation, cells, memory, products, quantizers, queue
from components.pipeline import NEVER, Cycles, Fifo, RigidStage
from tlm.gauge import Gauge
from tlm.resources import Part
from tlm.units import Doc, PositiveInt
from workloads.operations import Linear

CODE = 4  # bits of a weight
SCALED = 32  # inputs with a scale of their own
LEVELS = 8  # values that a code without its sign selects from
SUM = 21  # bits of the sum of 32 products of an 8-bit value and a level of 8 bits
SCALE_BANKS = 16
Passed = tuple[tuple[int, int], ...]  # pushes and pops of each FIFO
AHEAD = 8  # periods for which there should be room before they are jumped over


@dataclass(frozen=True, kw_only=True)
class LinearParams(EngineParams):
    """Source of the defaults: published RTL. Depths count the cycles from entry to the FIFO behind."""

    tile: Annotated[PositiveInt, MultipleOf(8), Doc("inputs and outputs of a tile, one tile a cycle")] = 16
    scale_fifo: Annotated[PositiveInt, Doc("token scales between reader and dequantizer")] = 2
    quantizer_scale_fifo: Annotated[PositiveInt, Doc("token scales between reader and quantizer")] = 2
    input_fifo: Annotated[PositiveInt, Doc("blocks between reader and quantizer")] = 24
    fifo: Annotated[PositiveInt, Doc("places of every other FIFO")] = 2
    block_stage: Annotated[int, Doc("reader stage that passes on a block of the token before")] = 4
    scale_stage: Annotated[int, Doc("reader stage that passes on a token's scale")] = 10
    quantizer: Annotated[PositiveInt, Doc("depth in cycles, a block a cycle")] = 49
    decoder: Annotated[PositiveInt, Doc("depth in cycles, a tile a cycle")] = 6
    multiplier: Annotated[PositiveInt, Doc("depth in cycles, a tile a cycle")] = 9
    accumulator: Annotated[PositiveInt, Doc("depth in cycles, a block of 32 a step")] = 9
    dequantizer: Annotated[PositiveInt, Doc("depth in cycles, a block a cycle")] = 34
    writer: Annotated[PositiveInt, Doc("depth in cycles, a word a cycle")] = 5
    start: Annotated[int, Doc("cycles from the start of the call to the first address")] = 16
    scales_gap: Annotated[int, Doc("cycles from the last code to the first address of the scales")] = 20
    bias_gap: Annotated[int, Doc("cycles from the last scale to the first address of the bias")] = 13
    input_gap: Annotated[int, Doc("cycles from the last weight to the first address of the tokens")] = 21
    max_in: Annotated[PositiveInt, Doc("inputs the buffers hold")] = 384
    max_out: Annotated[PositiveInt, Doc("outputs the buffers hold")] = 1008

    def __post_init__(self) -> None:
        if self.tile * VALUE % self.bus:
            word = self.bus // VALUE
            raise ValueError(f"tile must be a multiple of {word}, the values of a bus word, not {self.tile}")
        # blocks that the reader passes on before the scale of their token
        ahead = (self.scale_stage - self.block_stage) // max(1, self.tile * VALUE // self.bus)
        if self.input_fifo < ahead:
            raise ValueError(
                f"input_fifo must be at least {ahead}, the blocks on their way before their token's scale, "
                f"not {self.input_fifo}"
            )


class LinearEngine(Engine):
    executes = (Linear,)
    Params = LinearParams
    params: LinearParams

    def __init__(self, sim: Any, name: str, params: LinearParams):
        super().__init__(sim, name, params)
        self.weights = self.read_port("weights", "codes", "scales", "bias")
        self.in_r = self.read_port("in_r", "x")
        self.out_r = self.write_port("out_r")
        self._stages: Stages | None = None  # of the call under way or the last one

    def shortages(self, op: Linear) -> list[str]:
        return self.short(op, "max_in", op.in_features, "inputs") + self.short(
            op, "max_out", op.out_features, "outputs"
        )

    def datapath(self) -> list[Part]:
        """A cell for each code of a tile; for each of its lines products that quantize, scale, scale and activate."""
        p, n = self.params, self.params.tile
        rows, blocks = ceil(p.max_out / n), ceil(p.max_in / n)
        wide = n * VALUE
        scales = ceil(p.max_out * ceil(p.max_in / SCALED) / n)
        return [
            *quantizers(n, "tile"),
            cells("cells", n * n, p.decoder + p.multiplier, "tile"),
            products("weight scaling", n, SUM, VALUE + 1, None, "tile"),
            products("scaling", n, VALUE, VALUE + 1, VALUE + 18, "tile"),
            *activation("SiLU", n, "tile"),
            *activation("softplus", n, "tile"),
            memory("codes", n * n * CODE, rows * blocks, "max_in", "max_out", "tile"),
            memory(
                "scales", wide, ceil(scales / SCALE_BANKS), "max_in", "max_out", "tile", banks=SCALE_BANKS
            ),
            memory("bias", wide, rows, "max_out", "tile"),
            memory("token", wide, blocks, "max_in", "tile"),
            memory("quantized token", n * QUANTIZED, ceil(blocks / 4), "max_in", "tile", banks=4),
            queue("fifo to the quantizer", wide, p.input_fifo, "input_fifo", "tile"),
            queue("fifo to the decoder", n * QUANTIZED, p.fifo, "fifo", "tile"),
            queue("fifo to the multiplier", n * LEVELS * SHIFTED, p.fifo, "fifo", "tile"),
            queue("fifo to the accumulator", wide, p.fifo, "fifo", "tile"),
            queue("fifo to the dequantizer", wide, p.fifo, "fifo", "tile"),
            queue("fifo to the writer", wide, p.fifo, "fifo", "tile"),
            queue("scales to the quantizer", VALUE, p.quantizer_scale_fifo, "quantizer_scale_fifo"),
            queue("scales to the dequantizer", VALUE, p.scale_fifo, "scale_fifo"),
        ]

    def tiles(self, op: Linear) -> tuple[int, int]:
        """Blocks of inputs and of outputs."""
        return ceil(op.in_features / self.params.tile), ceil(op.out_features / self.params.tile)

    def compute(self, op: Linear) -> int:
        blocks, rows = self.tiles(op)
        return op.tokens * blocks * rows

    def timing(self, op: Linear, address: Address, start: int) -> Generator[Any, Any, int]:
        p = self.params
        blocks, rows = self.tiles(op)
        codes = self.beats(op.codes.elements * CODE)
        loaded = yield from self.weights.read(address(op.codes), codes, start + p.start).all()
        scales = self.beats(op.scales.elements * VALUE)
        at = int(loaded[-1]) + p.scales_gap
        loaded = yield from self.weights.read(address(op.scales), scales, at).all()
        if op.bias is not None:
            at = int(loaded[-1]) + p.bias_gap
            loaded = yield from self.weights.read(
                address(op.bias), self.beats(op.bias.elements * VALUE), at
            ).all()
        words_in = self.beats(op.in_features * VALUE)
        words_out = self.beats(op.out_features * VALUE)
        stream = self.in_r.read(address(op.x), words_in * op.tokens, int(loaded[-1]) + p.input_gap)
        out = self.out_r.write(address(op.y), words_out * op.tokens)
        words_block = max(1, self.beats(p.tile * VALUE))
        stages = Stages(p, stream.start, blocks, rows, words_in, words_out, words_block)
        self._stages = stages
        repetition = Repetition(words_in, words_out, logged=self.sim.gauges)
        token = 0
        while token <= op.tokens:
            if out.roomy < AHEAD * repetition.words:
                yield from out.caught_up()
            if jumped := repetition.jump(stages, stream, out, token, op.tokens - 1):
                token += jumped
                continue
            arrivals = None
            if token < op.tokens:
                yield from stream.until((token + 1) * words_in)
                arrivals = stream.arrivals[token * words_in : (token + 1) * words_in]
            # words of the tokens read before that are still to come
            pending = min(token * words_out - out.known, out.foreseeable)
            stages.room = yield from out.room(max(pending, 0))
            held = stages.held
            taken = np.array(stages.token(None if arrivals is None else arrivals.tolist()), dtype=np.int64)
            if token == op.tokens:
                stages.finish()
            written = np.array(stages.written, dtype=np.int64)
            stages.written = []
            late = yield from out.push(written)
            if arrivals is not None:
                stream.take(taken)
                noted = _Token(taken, arrivals >= taken, written)
                repetition.note(stages, noted, steady=not late and held == stages.held)
            token += 1
        self.in_r.wait += stages.waited
        self.out_r.wait += stages.held
        self.stalls.update(stages.stalls)
        return (yield from out.finished()) + p.finish

    def gauges(self, start: int, end: int) -> list[Gauge]:
        inside = self._stages.gauges(start, end) if self._stages else []
        return [replace(g, name=f"{self.name}.{g.name}") for g in inside] + super().gauges(start, end)

    def occupancy(self) -> list[str]:
        ports = super().occupancy()
        inside = self._stages.occupancy if ports and self._stages else []
        return [f"{self.name}.{text}" for text in inside] + ports


class Stages:
    """The seven stages of a call: reader, quantizer, decoder, multiplier, accumulator, dequantizer, writer.

    The reader passes a token to the quantizer while it reads the next, because the scale needs the whole token.
    It is in lockstep with its input. The stages behind it are rigid.
    """

    def __init__(
        self,
        p: LinearParams,
        start: int,
        blocks: int,
        rows: int,
        words_in: int,
        words_out: int,
        words_block: int,
    ):
        self.p = p
        self.blocks = blocks
        self.rows = rows
        self.words_in = words_in
        self.words_block = words_block
        # words that complete a block of a token, and words of each row of blocks on the way out
        self.completes = [min((b + 1) * words_block, words_in) - 1 for b in range(blocks)]
        self.row_words = [min(words_block, words_out - r * words_block) for r in range(rows)]
        self.written: list[int] = []
        self.room: np.ndarray | None = None
        self.waited = 0
        self.held = 0
        self.stalls: Counter[str] = Counter()  # cycles for which a full FIFO stopped the reader

        self._to_quantizer = Fifo(p.input_fifo, name="input_fifo")
        self._to_decoder = Fifo(p.fifo, name="fifo to the decoder")
        self._to_multiplier = Fifo(p.fifo, name="fifo to the multiplier")
        self._to_accumulator = Fifo(p.fifo, name="fifo to the accumulator")
        self._to_dequantizer = Fifo(p.fifo, name="fifo to the dequantizer")
        self._to_writer = Fifo(p.fifo, turnaround=0, name="fifo to the writer")
        self._scales = Fifo(p.quantizer_scale_fifo, visible=0, turnaround=0, name="quantizer_scale_fifo")
        self._output_scales = Fifo(p.scale_fifo, visible=0, turnaround=0, name="scale_fifo")
        self._scale_at: deque[int] = deque()  # when each scale still needed by the quantizer was pushed
        self._output_scale_at: deque[int] = deque()

        self._writer = RigidStage(p.writer, words_block, None, self._write)
        self._dequantizer = RigidStage(p.dequantizer, 1, self._to_writer, self._enter_writer)
        self._accumulator = RigidStage(p.accumulator, 1, self._to_dequantizer, self._enter_dequantizer)
        self._multiplier = RigidStage(p.multiplier, 1, self._to_accumulator, self._enter_accumulator)
        self._decoder = RigidStage(p.decoder, 1, self._to_multiplier, self._enter_multiplier)
        self._quantizer = RigidStage(p.quantizer, 1, self._to_decoder, self._enter_decoder)
        self._fifos = (
            self._to_quantizer, self._to_decoder, self._to_multiplier, self._to_accumulator,
            self._to_dequantizer, self._to_writer, self._scales, self._output_scales,
        )  # fmt: skip
        self._pipeline = (
            self._quantizer, self._decoder, self._multiplier, self._accumulator, self._dequantizer, self._writer,
        )  # fmt: skip
        self._quantized = 0  # blocks that have entered the quantizer
        self._decoded = 0
        self._row = 0  # of the token in the dequantizer

        self._read = start  # cycle of the last word read; the first can be there a cycle later
        self._coming: deque[tuple[int, bool]] = (
            deque()
        )  # pushes on their way through the reader: cycle, is a scale
        self._blocks_at: deque[int] = deque()  # blocks in the FIFO whose token has no scale yet
        self._first = True

    def token(self, arrivals: list[int] | None) -> list[int]:
        """Read a token (None: no more) while the one before is passed on; returns when its words were taken."""
        p = self.p
        coming = self._coming
        completes = 0
        taken = []
        last = self.words_in - 1
        for word in range(self.words_in):
            at = self._read + 1
            if coming and coming[0][0] <= at:
                at = self._pass_on(at)
            if arrivals is not None and arrivals[word] > at:
                wait = arrivals[word] - at
                self.waited += wait
                for i, (due, scale) in enumerate(coming):
                    coming[i] = (due + wait, scale)
                at = arrivals[word]
            self._read = at
            taken.append(at)
            if not self._first and word == self.completes[completes]:
                completes += 1
                self._push_later(at + p.block_stage, False)
            if arrivals is not None and word == last:
                self._push_later(at + p.scale_stage, True)
        self._first = False
        return taken

    def state(self) -> tuple[object, ...]:
        """All that what comes next depends on, with times since the last word was read."""
        base = self._read
        fifos = tuple(f.state(base) for f in self._fifos)
        stages = tuple(s.state(base) for s in self._pipeline)
        queues = tuple(
            tuple(t - base for t in q) for q in (self._scale_at, self._output_scale_at, self._blocks_at)
        )
        coming = tuple((t - base, scale) for t, scale in self._coming)
        counts = (
            self._quantized % self.blocks,
            self._decoded % self.blocks,
            self._row % self.rows,
            self._first,
        )
        return counts, fifos, stages, queues, coming

    def shift(self, cycles: int) -> None:
        """Everything so far happened so much later."""
        self._read += cycles
        for part in (*self._fifos, *self._pipeline):
            part.shift(cycles)
        self._scale_at = deque(t + cycles for t in self._scale_at)
        self._output_scale_at = deque(t + cycles for t in self._output_scale_at)
        self._blocks_at = deque(t + cycles for t in self._blocks_at)
        self._coming = deque((t + cycles, scale) for t, scale in self._coming)

    def repeat(self, passed: Passed, cycles: int, repeats: int) -> None:
        """The FIFOs' last pushes and pops happen again, each time `cycles` later."""
        for fifo, (pushes, pops) in zip(self._fifos, passed, strict=True):
            fifo.repeat(pushes, pops, cycles, repeats)

    @property
    def passed(self) -> Passed:
        return tuple((len(f.push_times), len(f.pop_times)) for f in self._fifos)

    def gauges(self, start: int, end: int) -> list[Gauge]:
        """How full the FIFOs were."""
        return [f.gauge(start, end) for f in self._fifos]

    @property
    def occupancy(self) -> list[str]:
        return [f"{f.name}: {f.level} of {f.capacity}" for f in self._fifos if f.level > 0]

    @property
    def now(self) -> int:
        """Cycle at which the last word was read."""
        return self._read

    def finish(self) -> None:
        """Everything in the reader comes out."""
        self._pass_on(-NEVER)

    def _push_later(self, at: int, scale: bool) -> None:
        coming = self._coming
        i = len(coming)
        while i and coming[i - 1][0] > at:
            i -= 1
        coming.insert(i, (at, scale))

    def _pass_on(self, until: int) -> int:
        """Pushes due by `until`; a full FIFO stops the reader. Returns `until`, later if it was stopped then."""
        while self._coming and self._coming[0][0] <= until:
            due, scale = self._coming.popleft()
            full = self._to_quantizer
            if scale:
                full = max(self._output_scales, self._scales, key=Fifo.space)
            at = max(due, full.space())
            if at > due:
                late = at - due
                self.stalls[full.name] += late
                for i, (t, s) in enumerate(self._coming):
                    self._coming[i] = (t + late, s)
                until = max(until, at)
            if scale:
                self._scales.push(at)
                self._output_scales.push(at)
                self._scale_at.append(at)
                self._output_scale_at.append(at)
            else:
                self._to_quantizer.push(at)
                self._blocks_at.append(at)
            while self._blocks_at and (self._quantized % self.blocks or self._scale_at):
                self._enter_quantizer(self._blocks_at.popleft())
        return until

    def _enter_quantizer(self, pushed: int) -> None:
        ready = pushed + 1
        first = self._quantized % self.blocks == 0
        if first:
            ready = max(ready, self._scale_at.popleft())
        self._quantized += 1
        # the entry is noted before the block's way on is worked out
        at = self._quantizer.enter(ready, emits=False)
        self._to_quantizer.pop(at)
        if first:
            self._scales.pop(at)
        self._quantizer.emit(at)

    def _enter_decoder(self, pushed: int) -> None:
        block = self._decoded % self.blocks
        self._decoded += 1
        last = block == self.blocks - 1
        at = self._decoder.enter(pushed + 1, emits=False)
        self._to_decoder.pop(at)
        if last:
            self._decoder.emit(at)
            for _ in range(self.rows - 1):
                self._decoder.enter_run(self.blocks)

    def _enter_multiplier(self, pushed: int) -> None:
        at = self._multiplier.enter(pushed + 1, emits=False)
        self._to_multiplier.pop(at)
        self._multiplier.emit(at)

    def _enter_accumulator(self, pushed: int) -> None:
        at = self._accumulator.enter(pushed + 1, emits=False)
        self._to_accumulator.pop(at)
        self._accumulator.emit(at)

    def _enter_dequantizer(self, pushed: int) -> None:
        ready = pushed + 1
        first = self._row % self.rows == 0
        if first:
            ready = max(ready, self._output_scale_at.popleft())
        self._row += 1
        at = self._dequantizer.enter(ready, emits=False)
        self._to_dequantizer.pop(at)
        if first:
            self._output_scales.pop(at)
        self._dequantizer.emit(at)

    def _enter_writer(self, pushed: int) -> None:
        row = (self._row - 1) % self.rows
        ready = pushed + 1
        words = self.row_words[row]
        if self.room is not None and len(self.room):
            low = min(len(self.written), len(self.room) - 1)
            held = self.room[low : low + words]
            room = int((held - np.arange(len(held))).max()) - self.p.writer
            free = max(ready, self._writer.last + self._writer.interval)
            if room > free:
                self.held += room - free
                ready = room
        at = self._writer.enter(ready, emits=False)
        self._writer.interval = words  # the next block waits until these are out
        self._to_writer.pop(at)
        self._writer.emit(at)

    def _write(self, at: int) -> None:
        words = self.row_words[(self._row - 1) % self.rows]
        self.written.extend(range(at, at + words))


class Repetition:
    """Finds that the stages are where they were some tokens ago, and jumps over what would repeat.

    The stages' future follows from their state and from when words arrive and find room. When a state comes
    back, all times later by the same number of cycles, the tokens since then form a period. It repeats as long
    as no word arrives later than it was taken a period ago (exactly then, where it was waited for), and no
    word finds its room later than it is written. Both are checked for every word that is jumped over.
    """

    def __init__(self, words_in: int, words_out: int, logged: bool = False):
        self._words_in = words_in
        self._words_out = words_out
        self._logged = logged  # FIFOs remember what is jumped over
        self._forget()

    def _forget(self) -> None:
        # of each state: tokens noted, cycle, waits, stalls, what passed the FIFOs
        self._seen: dict[tuple[object, ...], tuple[int, int, int, Counter[str], Passed]] = {}
        self._tokens: deque[_Token] = deque()  # noted; the period once there is one
        self._cycles = 0  # of the period, 0 while there is none
        self._waited = 0
        self._stalls: Counter[str] = Counter()
        self._passed: Passed = ()

    @property
    def words(self) -> int:
        """Words written in a period, 0 while there is none."""
        return len(self._tokens) * self._words_out if self._cycles else 0

    def note(self, stages: Stages, token: _Token, steady: bool) -> None:
        """A token was read; `steady` when no write held the stages up."""
        if self._cycles:
            expected = self._tokens.popleft()
            if not steady or not token.repeats(expected, self._cycles):
                self._forget()
                return
        if not steady:
            self._forget()
            return
        self._tokens.append(token)
        if self._cycles:
            return
        state = stages.state()
        if state not in self._seen:
            stalls = stages.stalls.copy()
            self._seen[state] = len(self._tokens), stages.now, stages.waited, stalls, stages.passed
            return
        count, cycle, waited, stalls, passed = self._seen[state]
        if (
            sum(len(t.written) for t in list(self._tokens)[count:])
            == (len(self._tokens) - count) * self._words_out
        ):
            for _ in range(count):
                self._tokens.popleft()
            self._cycles = stages.now - cycle
            self._waited = stages.waited - waited
            self._stalls = stages.stalls - stalls
            both = zip(stages.passed, passed, strict=True)
            self._passed = tuple((now[0] - then[0], now[1] - then[1]) for now, then in both)

    def jump(self, stages: Stages, stream: ReadStream, out: WriteStream, token: int, last: int) -> int:
        """Jump over tokens from `token` to `last` at most; returns how many."""
        length = len(self._tokens)
        if not self._cycles:
            return 0
        repeats = min(last + 1, stream.known // self._words_in) - token
        repeats = min(repeats // length, out.roomy // self.words)
        if repeats <= 0:
            return 0
        takes, waits, writes = (np.concatenate(column) for column in zip(*self._tokens, strict=True))
        later = (np.arange(1, repeats + 1, dtype=np.int64) * self._cycles)[:, None]
        first = token * self._words_in
        arrivals = stream.arrivals[first : first + repeats * len(takes)].reshape(repeats, -1)
        taken = takes + later
        written = writes + later
        fits = np.where(waits, arrivals == taken, arrivals <= taken).all(axis=1)
        room = out.known_room(repeats * len(writes))
        if room is not None:
            fits &= (room.reshape(repeats, -1) <= written).all(axis=1)
        if not fits.all():
            repeats = int(fits.argmin())
            if not repeats:
                return 0
        cycles = repeats * self._cycles
        stages.shift(cycles)
        if self._logged:
            stages.repeat(self._passed, self._cycles, repeats)
        stages.waited += repeats * self._waited
        for fifo, stalled in self._stalls.items():
            stages.stalls[fifo] += repeats * stalled
        stream.take(taken[:repeats].ravel())
        out.produce(written[:repeats].ravel())
        self._tokens = deque(t.later(cycles) for t in self._tokens)
        return repeats * length


class _Token(NamedTuple):
    """When the words of a token were taken and which were waited for; words written meanwhile."""

    taken: Cycles
    waited: npt.NDArray[np.bool_]
    written: Cycles

    def later(self, cycles: int) -> _Token:
        return _Token(self.taken + cycles, self.waited, self.written + cycles)

    def repeats(self, other: _Token, cycles: int) -> bool:
        return np.array_equal(self.taken, other.taken + cycles) and np.array_equal(
            self.written, other.written + cycles
        )
