"""Timing of stages by hand: lockstep pipelines, FIFOs and rigid pipelines."""

import numpy as np
import pytest

from components.pipeline import NEVER, Fifo, LockstepPipeline, RigidStage


def feed(pipe, *arrivals, gate=NEVER):
    entries, outputs = pipe.feed(np.array(arrivals, dtype=np.int64), gate)
    return entries.tolist(), outputs.tolist()


def test_lockstep_moves_when_the_next_item_comes():
    """Two deep: item 0 leaves when item 2 enters, at 20; behind the last item one leaves a cycle."""
    pipe = LockstepPipeline(depth=2)
    assert feed(pipe, 10, 11, 20) == ([10, 11, 20], [20])
    assert pipe.inside == 2
    assert pipe.drain().tolist() == [21, 22]


def test_lockstep_takes_an_item_every_other_cycle():
    """Items there at once enter at 0, 2, 4; leave with items 1 and 2, each 7 cycles further on."""
    pipe = LockstepPipeline(depth=1, take=2, latency=7)
    assert feed(pipe, 0, 0, 0) == ([0, 2, 4], [9, 11])
    assert pipe.drain().tolist() == [12]


def test_lockstep_is_the_same_in_pieces():
    """Fed item by item or all at once."""
    arrivals = [3, 4, 9, 9, 9, 30, 31, 31]
    whole, parts = (LockstepPipeline(depth=3, take=2, give=2, latency=5) for _ in range(2))
    entries, outputs = feed(whole, *arrivals)
    pieces = [feed(parts, t) for t in arrivals]
    assert [t for e, _ in pieces for t in e] == entries
    assert [t for _, o in pieces for t in o] == outputs
    assert parts.drain().tolist() == whole.drain().tolist()


def test_lockstep_counts_what_it_waited():
    """Ready at 11 and 13, the items came at 15 and 16: 4 cycles; item 2, there before 17, costs none."""
    pipe = LockstepPipeline(depth=1, take=2)
    feed(pipe, 9)
    feed(pipe, 15, 16)
    assert pipe.waited == 4


def test_a_gate_holds_the_first_item():
    assert feed(LockstepPipeline(depth=5), 1, 2, 3, gate=10) == ([10, 11, 12], [])


def test_a_short_stream_leaves_after_the_flush():
    """One item, three deep: it would be out 3 cycles behind its entry, the flush says 10."""
    pipe = LockstepPipeline(depth=3, flush=10)
    feed(pipe, 100)
    assert pipe.drain().tolist() == [110]


def test_a_long_stream_does_not_notice_the_flush():
    """20 items enter from 0 to 19; the last leaves at 22, behind the 10 of the flush."""
    pipe = LockstepPipeline(depth=3, flush=10)
    _, outputs = feed(pipe, *range(20))
    assert outputs == list(range(3, 20))
    assert pipe.drain().tolist() == [20, 21, 22]


def test_the_writer_passes_on_at_its_own_pace():
    """Three cycles an item: leaving at 1, 2 it gives at 1, 4."""
    pipe = LockstepPipeline(depth=1, give=3)
    assert feed(pipe, 0, 1, 2) == ([0, 1, 2], [1, 4])
    assert pipe.drain().tolist() == [7]


def test_an_output_held_up_holds_the_pipeline():
    """Item 0 left at 1 and found no room until 6: what is behind it leaves 5 later, the entries wait as well.

    Item 1 is inside; the reader goes on a depth before the exit, 6 - 1 = 5, so item 2 enters at 6.
    """
    pipe = LockstepPipeline(depth=1)
    feed(pipe, 0, 1)
    pipe.hold(6)
    assert feed(pipe, 2, 3) == ([6, 7], [7, 8])


def test_fifo_of_two():
    """No limit for two pushes; the third waits for the first pop, the fourth for the second."""
    fifo = Fifo(2)
    spaces = []
    for pop in (50, 60, 70):
        spaces.append(fifo.space())
        fifo.push(0)
        fifo.pop(pop)
    assert spaces == [NEVER, NEVER, 51]
    assert fifo.space() == 61


def test_a_fifo_that_takes_a_push_in_the_cycle_of_the_pop():
    fifo = Fifo(1, turnaround=0)
    fifo.push(0)
    fifo.pop(50)
    assert fifo.space() == 50


def rigid(depth, pops=(), interval=1, capacity=1):
    """A rigid stage whose outputs are popped no earlier than `pops`, a cycle after they are there."""
    left = []
    fifo = Fifo(capacity)
    times = iter(pops)

    def follow(out):
        left.append(out)
        fifo.pops.append(max(out + 1, next(times, 0)))

    return RigidStage(depth, interval, fifo, follow), left


def test_rigid_without_stalls():
    """Five deep; the bubble between 11 and 20 stays."""
    stage, left = rigid(5, capacity=8)
    assert [stage.enter(t) for t in (10, 11, 20)] == [10, 11, 20]
    assert left == [15, 16, 25]


def test_rigid_keeps_its_interval():
    """Three cycles an item: ready at once they enter at 0, 3, 6."""
    stage, left = rigid(5, interval=3, capacity=8)
    assert [stage.enter(0) for _ in range(3)] == [0, 3, 6]
    assert left == [5, 8, 11]


def test_a_run_enters_as_fast_as_it_may():
    """Four more items behind the one at 0 enter at 1, 2, 3, 4; only the last comes out."""
    stage, left = rigid(5, capacity=8)
    stage.enter(0)
    assert stage.enter_run(4) == 4
    assert left == [5, 9]


def test_a_head_that_cannot_leave_stops_the_stage():
    """Item 0 leaves at 15 and is popped at 100. Item 1 is at the head at 16 and leaves at 101, when there is room:
    85 cycles in which nothing moves. Item 2, in the stage since 12, is at the head at 17 + 85 = 102 and leaves at
    103, when item 1 has been popped at 102. Item 3, there at 50, cannot enter before 101."""
    stage, left = rigid(5, pops=[100])
    assert [stage.enter(t) for t in (10, 11, 12)] == [10, 11, 12]
    assert left == [15, 101, 103]
    assert stage.enter(50) == 101


def test_a_bubble_survives_a_stall():
    """As above; items 1 and 2, four cycles apart on the way in, are four apart behind the stall."""
    stage, left = rigid(5, pops=[100])
    for t in (10, 11, 15):
        stage.enter(t)
    assert left == [15, 101, 105]


@pytest.mark.parametrize(("second", "third_leaves"), [(10, 36), (26, 33)])
def test_coming_earlier_can_mean_leaving_later(second, third_leaves):
    """Why more room in front of a rigid stage can cost cycles. The first item leaves at 5 and is popped at 30.

    A second item from 10 is at the head at 15 and stops the stage until 31, so a third that is there at 27 enters
    at 31 and leaves at 36. A second from 26 reaches the head at 31 and stops nothing: the third enters at 27, is
    out at 32 and leaves at 33, when the second has been popped.
    """
    stage, left = rigid(5, pops=[30])
    for t in (0, second, 27):
        stage.enter(t)
    assert left == [5, 31, third_leaves]
