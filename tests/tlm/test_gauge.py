from tlm.trace import Gauge


def test_three_items_through_two_places():
    """Cycles 0 to 20. Items come at 2, 4, 10 and go at 8, 12, 13: one item in 2-4, two in 4-8, one in 8-10, two in
    10-12, one in 12-13, none in 0-2 and 13-20. Mean: (2*1 + 4*2 + 2*1 + 2*2 + 1*1) / 20."""
    gauge = Gauge.of("fifo", 2, [2, 4, 10], [8, 12, 13], 0, 20)
    assert gauge == Gauge("fifo", 2, peak=2, mean=17 / 20, full=6, empty=9)


def test_what_comes_and_goes_at_once_was_never_there():
    assert Gauge.of("fifo", 1, [5], [5], 0, 10) == Gauge("fifo", 1, 0, 0.0, 0, 10)


def test_nothing():
    assert Gauge.of("fifo", 1, [], [], 3, 10) == Gauge("fifo", 1, 0, 0.0, 0, 7)
