from tlm.gauge import BINS, Gauge, bin_edges


def test_three_items_through_two_places():
    """Cycles 0 to 20. Items come at 2, 4, 10 and go at 8, 12, 13: one item in 2-4, two in 4-8, one in 8-10, two in
    10-12, one in 12-13, none in 0-2 and 13-20. Mean: (2*1 + 4*2 + 2*1 + 2*2 + 1*1) / 20."""
    gauge = Gauge.of("fifo", 2, [2, 4, 10], [8, 12, 13], 0, 20)
    assert gauge == Gauge("fifo", 2, peak=2, mean=17 / 20, full=6, empty=9)


def test_what_comes_and_goes_at_once_was_never_there():
    assert Gauge.of("fifo", 1, [5], [5], 0, 10) == Gauge("fifo", 1, 0, 0.0, 0, 10)


def test_nothing():
    assert Gauge.of("fifo", 1, [], [], 3, 10) == Gauge("fifo", 1, 0, 0.0, 0, 7)


def test_levels_of_short_calls_are_those_of_every_cycle():
    """The call of three items above, shifted by 100: lowest, highest and sum of one cycle are its level."""
    levels = Gauge.of("fifo", 2, [102, 104, 110], [108, 112, 113], 100, 120).levels
    expected = [0, 0, 1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 1, 0, 0, 0, 0, 0, 0, 0]
    assert levels.tolist() == [[level] * 3 for level in expected]


def test_levels_of_long_calls_are_binned():
    """1280 cycles in 128 bins of ten. An item a bin comes with its fourth cycle and stays for five; in the last
    bin two do."""
    comes = [10 * i + 3 for i in range(BINS)] + [1273]
    gauge = Gauge.of("fifo", 8, comes, [t + 5 for t in comes], 0, 10 * BINS)
    assert bin_edges(10 * BINS, BINS).tolist() == list(range(0, 10 * BINS + 1, 10))
    assert gauge.levels.tolist() == [[0, 1, 5]] * (BINS - 1) + [[0, 2, 10]]


def test_bins_are_whole_cycles_and_nothing_is_lost():
    """1000 cycles in 128 bins, of seven or eight cycles each; an item from cycle 6 to 994."""
    gauge = Gauge.of("fifo", 1, [6], [994], 0, 1000)
    assert {int(n) for n in bin_edges(1000, BINS)[1:] - bin_edges(1000, BINS)[:-1]} == {7, 8}
    assert gauge.levels[:, 2].sum() == 994 - 6 == round(gauge.mean * 1000)
    assert (gauge.levels[0].tolist(), gauge.levels[-1].tolist()) == ([0, 1, 1], [0, 1, 2])  # 992 to 1000


def test_a_call_without_cycles_has_no_levels():
    assert Gauge.of("fifo", 1, [], [], 3, 3).levels.shape == (0, 3)
