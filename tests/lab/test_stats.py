"""The statistics have known answers: by hand, by inversion of a test, and by simulation."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from sssam.lab import stats


def test_interval_is_students() -> None:
    x = [86.1, 87.0, 86.4, 86.9, 85.8]
    ours = stats.interval(x)
    theirs = scipy_stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert ours.mean == pytest.approx(np.mean(x))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_interval_of_one_value_has_no_ends() -> None:
    assert stats.interval([3.0]) == stats.Interval(3.0, None, None, 1)


def test_interval_of_equal_values_is_a_point() -> None:
    assert stats.interval([0.0, 0.0, 0.0]) == stats.Interval(0.0, 0.0, 0.0, 3)


def test_interval_covers_the_mean_in_95_of_100_studies() -> None:
    samples = np.random.default_rng(1).normal(2.0, 3.0, size=(2000, 10))
    intervals = [stats.interval(row) for row in samples]
    covered = np.mean([i.low <= 2.0 <= i.high for i in intervals if i.low and i.high])
    assert 0.93 <= covered <= 0.97


def test_paired_interval_covers_when_seeds_share_a_component() -> None:
    generator = np.random.default_rng(2)
    covered = []
    for _ in range(2000):
        common = generator.normal(0, 5, 10)
        difference = stats.paired(
            common + generator.normal(0.5, 1, 10), common + generator.normal(0, 1, 10)
        )
        assert difference.low is not None
        assert difference.high is not None
        covered.append(difference.low <= 0.5 <= difference.high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_a_method_at_the_margin_is_rarely_said_to_keep() -> None:
    generator = np.random.default_rng(3)
    said = []
    for _ in range(1000):
        to_sam = generator.normal(-1.0, 0.8, 12)
        to_base = generator.normal(5.0, 0.8, 12)
        kept = stats.keeps(stats.interval(to_sam), stats.interval(to_base), margin=1.0)
        assert kept == (stats.keeps_p_value(to_sam, to_base, 1.0) < stats.ONE_SIDED)
        said.append(kept)
    assert np.mean(said) <= 0.05


def test_families_of_rows_at_the_margin_are_rarely_said_to_hold_one() -> None:
    generator = np.random.default_rng(4)
    wrong = []
    for _ in range(300):
        rows = generator.normal(-1.0, 0.8, (4, 12))
        p = [stats.keeps_p_value(row, row + 6.0, 1.0) for row in rows]
        tempting = min(p) < stats.ONE_SIDED  # an adjustment only raises it
        wrong.append(tempting and min(stats.holm(p)) < stats.ONE_SIDED)
    assert np.mean(wrong) <= 0.05


def test_keeping_needs_a_gain_over_base() -> None:
    near_sam = stats.Interval(0.0, -0.2, 0.2, 10)
    no_gain = stats.Interval(0.1, -0.1, 0.3, 10)
    assert not stats.keeps(near_sam, no_gain, margin=1.0)
    assert stats.keeps(near_sam, stats.Interval(6.0, 5.5, 6.5, 10), margin=1.0)


def test_a_single_seed_keeps_nothing() -> None:
    alone = stats.interval([5.0])
    assert not stats.keeps(alone, alone, margin=1.0)
    assert stats.keeps_p_value([5.0], [5.0], 1.0) == 1.0


def test_equal_differences_need_no_t_test() -> None:
    assert stats.keeps_p_value([0.0, 0.0], [5.0, 5.0], 1.0) == 0.0
    assert stats.keeps_p_value([-2.0, -2.0], [5.0, 5.0], 1.0) == 1.0


def test_holm_by_hand() -> None:
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([]) == []


def test_fieller_ends_are_where_the_t_test_stops_rejecting() -> None:
    generator = np.random.default_rng(5)
    sam_gain = generator.normal(6.8, 1.0, 15)
    gain = 0.9 * sam_gain + generator.normal(0, 0.8, 15)
    ratio = stats.share(gain, sam_gain)
    assert ratio.low is not None
    assert ratio.high is not None
    for end in (ratio.low, ratio.high):
        p = scipy_stats.ttest_1samp(gain - end * sam_gain, 0).pvalue
        assert p == pytest.approx(0.05)


def test_fieller_covers_the_true_share() -> None:
    generator = np.random.default_rng(6)
    covered = []
    for _ in range(1000):
        sam_gain = generator.normal(5.0, 2.0, 12)
        ratio = stats.share(0.8 * sam_gain + generator.normal(0, 1.0, 12), sam_gain)
        if ratio.low is not None and ratio.high is not None:
            covered.append(ratio.low <= 0.8 <= ratio.high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_share_of_no_gain_is_not_identified() -> None:
    ratio = stats.share([0.1, -0.2, 0.3, 0.1], [0.4, -0.5, 0.3, -0.1])
    assert (ratio.low, ratio.high) == (None, None)
    with pytest.raises(ValueError, match="sam_gain has mean 0"):
        stats.share([1.0, 2.0], [1.0, -1.0])


def test_the_detectable_difference_is_found_four_times_in_five() -> None:
    spread = [-1.5, 1.5] * 6
    effect = stats.detectable(spread)
    assert effect is not None
    studies = np.random.default_rng(7).normal(effect, np.std(spread, ddof=1), size=(1000, 12))
    found = [stats.interval(study).above_zero for study in studies]
    assert 0.76 <= np.mean(found) <= 0.84
    assert stats.detectable([1.0, 2.0]) is None


@pytest.mark.parametrize("bad", [[], [float("nan")], [1.0, float("inf")]])
def test_values_that_are_not_finite_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        stats.interval(bad)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 2 and 1"):
        stats.paired([1.0, 2.0], [1.0])
