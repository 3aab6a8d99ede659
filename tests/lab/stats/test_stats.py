"""The statistics have known answers: by hand, by inversion of a test, and by other formulas."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from sssam.lab import stats
from sssam.lab.stats.intervals import student


def test_interval_is_students() -> None:
    x = [86.1, 87.0, 86.4, 86.9, 85.8]
    ours = stats.interval(x)
    theirs = scipy_stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert ours.mean == pytest.approx(np.mean(x))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_interval_of_one_value_has_no_ends() -> None:
    assert stats.interval([3.0]) == stats.Interval(3.0, None, None, 1)


def test_interval_of_equal_values_is_a_point() -> None:
    assert stats.interval([0.0, 0.0, 0.0]) == stats.Interval(0.0, 0.0, 0.0, 3, 0.0, 2)


def test_holm_by_hand() -> None:
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([]) == []
    assert stats.holm([None]) == [None]


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


def test_share_of_no_gain_is_not_identified() -> None:
    ratio = stats.share([0.1, -0.2, 0.3, 0.1], [0.4, -0.5, 0.3, -0.1])
    assert (ratio.low, ratio.high) == (None, None)
    with pytest.raises(ValueError, match="sam_gain has mean 0"):
        stats.share([1.0, 2.0], [1.0, -1.0])


@pytest.mark.parametrize("mean", [0.0, 0.5, 1.0, 2.0, -1.0, -8.0])
def test_a_share_is_identified_where_sams_interval_is_above_zero_and_nowhere_else(mean) -> None:
    """At the other means Fieller's set is unbounded, or it is the share of a loss."""
    noise = np.array([-1.0, 1.0, -0.5, 0.5, 0.25])
    sam_gain = mean + noise
    above = stats.interval(sam_gain).above_zero
    assert (stats.share(sam_gain[::-1], sam_gain).low is not None) is above


def test_a_share_of_one_seed_is_not_identified() -> None:
    assert stats.share([1.0], [2.0]) == stats.Interval(0.5, None, None, 1)


def test_power_of_too_few_or_equal_values() -> None:
    assert stats.detectable([1.0, 2.0]) is None
    assert stats.seeds_needed([1.0, 2.0], 1.0) is None
    assert stats.detectable([1.0, 1.0, 1.0]) == 0.0
    assert stats.seeds_needed([1.0, 1.0, 1.0], 0.5) == 2


@pytest.mark.parametrize("wanted", [0.05, 0.3, 1.0, 5.0, 1000.0])
def test_the_seeds_needed_are_the_fewest_of_that_power(wanted: float) -> None:
    x = np.array([-1.5, 1.5] * 6)
    n = stats.seeds_needed(x, wanted)
    effect = wanted / x.std(ddof=1)

    def power(n: int) -> float:
        df, shift = n - 1, effect * np.sqrt(n)
        end = scipy_stats.t.ppf(0.975, df)
        return scipy_stats.nct.sf(end, df, shift)

    assert n == 2 or power(n - 1) < 0.8
    assert wanted == 1000.0 or power(n) >= 0.8
    assert stats.seeds_needed(x, 1e-4) is None  # more than a million


def test_as_many_seeds_as_there_are_find_what_they_can_find() -> None:
    x = np.random.default_rng(10).normal(0, 2, 15)
    assert stats.seeds_needed(x, stats.detectable(x) * 1.0001) == 15


def test_a_test_set_that_decides_all_leaves_its_error() -> None:
    """Equal outcomes at all seeds: no spread over seeds, yet the mean is of these examples."""
    same = np.array([1, 1, 0, 0, 0, 0, -1, 0], dtype=float)
    assert stats.shared_error(np.stack([same] * 5)) == pytest.approx(
        100 * same.std(ddof=1) / np.sqrt(8)
    )


def test_pooling_two_equal_samples_is_welchs_test() -> None:
    """The mean of x and -y is half their difference, whose interval scipy has by Welch's t."""
    generator = np.random.default_rng(11)
    x, y = generator.normal(3, 1, 6), generator.normal(1, 4, 15)
    ours = stats.pooled([stats.interval(x), stats.interval(-y)])
    theirs = scipy_stats.ttest_ind(x, y, equal_var=False).confidence_interval(0.95)
    assert (2 * ours.low, 2 * ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.n == 21


def test_pooling_one_task_changes_nothing() -> None:
    x = stats.interval([1.0, 2.0, 4.0])
    alone = stats.pooled([x])
    assert (alone.mean, alone.error, alone.freedom) == pytest.approx((x.mean, x.error, x.freedom))


def test_pooling_without_errors() -> None:
    single, equal = stats.interval([1.0]), stats.interval([2.0, 2.0])
    assert stats.pooled([single, equal]) == stats.Interval(1.5, None, None, 3)
    assert stats.pooled([equal, equal]) == stats.Interval(2.0, 2.0, 2.0, 4, 0.0, 2)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_holm_rejects_as_the_step_down_procedure_does(count: int) -> None:
    """At each level: the smallest p against level / m, the next against level / (m - 1), ..."""
    p = np.random.default_rng(count).beta(0.4, 4.0, count)
    p[-1] = p[0]  # a tie
    adjusted = stats.holm(p.tolist())
    for level in (0.01, 0.025, 0.05, 0.2):
        rejected, order = set(), sorted(range(count), key=lambda i: p[i])
        for tested, i in enumerate(order):
            if p[i] > level / (count - tested):
                break
            rejected.add(i)
        assert {i for i in range(count) if adjusted[i] <= level} == rejected


@pytest.mark.parametrize("bad", [[], [float("nan")], [1.0, float("inf")]])
def test_values_that_are_not_finite_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        stats.interval(bad)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 2 and 1"):
        stats.share([1.0, 2.0], [1.0])


def test_a_further_error_is_added_in_quadrature_with_satterthwaite_s_degrees_of_freedom() -> None:
    found = student(1.0, 0.3, 9, 10).with_error(0.4, 499)
    assert (found.mean, found.error) == (1.0, pytest.approx(0.5))
    assert found.freedom == pytest.approx(0.25**2 / (0.09**2 / 9 + 0.16**2 / 499))
    assert student(1.0, 0.3, 9, 10).with_error(0.0, 499).freedom == 9
    assert student(1.0, 0.0, 0, 1).with_error(0.4, 499).freedom == 0


def test_equal_values_need_no_t_test() -> None:
    assert stats.interval([0.0, 0.0]).above(-1.0) == 0.0
    assert stats.interval([-2.0, -2.0]).above(-1.0) == 1.0
    assert stats.interval([5.0]).above(0.0) == 1.0


def test_the_share_s_interval_is_wider_with_the_error_of_a_common_test_set() -> None:
    gain, sam_gain = [4.0, 5.0, 6.0, 5.0], [5.0, 5.0, 7.0, 6.0]
    alone = stats.share(gain, sam_gain)
    found = stats.share(gain, sam_gain, np.array([[0.04, 0.01], [0.01, 0.04]]))
    assert found.mean == alone.mean
    assert found.high - found.low > alone.high - alone.low
