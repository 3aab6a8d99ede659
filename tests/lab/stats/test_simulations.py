"""The statistics keep their promises over thousands of simulated studies with known truths.

Every generator has a fixed seed, so nothing here fails by chance. Bounds are the promises, or three
to four standard errors of the simulation about what theory says.
"""

import numpy as np
import numpy.typing as npt
import pytest

from sssam.lab import stats

Array = npt.NDArray[np.float64]


def covers(interval: stats.Interval, truth: float) -> bool:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low <= truth <= interval.high


def accuracies(
    seed: int, studies: int, means: list[float], seeds: int, spread: float = 0.8
) -> Array:
    """Of shape (studies, variants, seeds): the variants share a part by seed, as paired runs do."""
    generator = np.random.default_rng(seed)
    common = generator.normal(0, 2.0, (studies, 1, seeds))
    own = generator.normal(0, spread, (studies, len(means), seeds))
    return np.array(means)[:, None] + common + own


@pytest.mark.parametrize("n", [5, 12, 20])
def test_t_intervals_hold_the_true_mean_in_95_of_100_studies(n: int) -> None:
    samples = np.random.default_rng(n).normal(2.0, 3.0, (4000, n))
    assert 0.93 <= np.mean([covers(stats.interval(x), 2.0) for x in samples]) <= 0.97


def test_paired_intervals_hold_the_true_difference() -> None:
    made = accuracies(1, 4000, [86.5, 86.0], 10)
    assert 0.93 <= np.mean([covers(stats.interval(a - b), 0.5) for a, b in made]) <= 0.97


def test_t_intervals_hold_for_counts_of_a_finite_test_set() -> None:
    """Accuracies on 100 examples are far from normal."""
    made = np.random.default_rng(2).binomial(100, [[0.95], [0.90]], (4000, 2, 12)).astype(float)
    assert 0.93 <= np.mean([covers(stats.interval(a - b), 5.0) for a, b in made]) <= 0.97


def test_the_shares_interval_holds_the_true_share() -> None:
    made = accuracies(4, 3000, [80.0, 85.0, 84.0], 12)
    shares = [stats.share(own - base, sam - base) for base, sam, own in made]
    assert all(each.low is not None for each in shares)
    assert 0.93 <= np.mean([covers(each, 0.8) for each in shares]) <= 0.97


def test_the_shares_interval_is_seldom_wrong_where_sams_gain_is_weak() -> None:
    """The set holds the share in 95 of 100; where it is unbounded, it is not identified instead."""
    made = accuracies(5, 3000, [80.0, 80.8, 80.64], 12)
    shares = [stats.share(own - base, sam - base) for base, sam, own in made]
    known = [each for each in shares if each.low is not None]
    assert 0.3 <= len(known) / len(shares) <= 0.9
    assert sum(not covers(each, 0.8) for each in known) / len(shares) <= 0.05


@pytest.mark.parametrize("n", [5, 12, 20])
def test_the_detectable_difference_is_found_four_times_in_five(n: int) -> None:
    pattern = np.arange(n) - (n - 1) / 2
    effect = stats.detectable(pattern)
    assert effect is not None
    made = np.random.default_rng(n).normal(effect, np.std(pattern, ddof=1), (4000, n))
    assert 0.78 <= np.mean([stats.interval(x).above_zero for x in made]) <= 0.82


def test_on_a_shared_test_set_the_detectable_difference_is_found_as_often() -> None:
    """The mean has its error over the seeds and a further one, on the degrees of both."""
    pattern, shared = np.arange(10.0), 1.0
    effect = stats.detectable(pattern, shared)
    assert effect is not None
    assert effect > (stats.detectable(pattern) or 0.0)
    generator = np.random.default_rng(3)
    noise = generator.normal(0, np.std(pattern, ddof=1), (4000, 10))
    made = effect + noise + generator.normal(0, shared, (4000, 1))
    found = [stats.interval(x).with_error(shared, 499).above_zero for x in made]
    assert 0.78 <= np.mean(found) <= 0.88  # the degrees of freedom are taken for the seeds' alone
    assert stats.seeds_needed(pattern, 1.5, shared) is None  # the test set alone spreads too much


def test_the_seeds_needed_find_the_wanted_difference() -> None:
    pattern, wanted = np.arange(10.0), 2.0
    n = stats.seeds_needed(pattern, wanted)
    assert n is not None
    noise = np.random.default_rng(10).normal(0, np.std(pattern, ddof=1), (4000, n))
    assert 0.78 <= np.mean([stats.interval(x + wanted).above_zero for x in noise]) <= 0.84
    half = noise[:, : n // 2]
    assert np.mean([stats.interval(x + wanted).above_zero for x in half]) < 0.60


def test_a_shared_test_set_leaves_the_error_that_is_reported_in_the_mean() -> None:
    """Over many studies, each with one test set, means spread by seeds and examples together."""
    seed, example, rest, seeds, n = 0.02, 0.3, 0.3, 10, 200
    generator = np.random.default_rng(12)
    means, reported = [], []
    for _ in range(1500):
        table = generator.normal(0, seed, (seeds, 1)) + generator.normal(0, example, (1, n))
        table = table + generator.normal(0, rest, (seeds, n))
        alone = stats.interval(100 * table.mean(axis=1))
        means.append(alone.mean)
        reported.append(alone.with_error(stats.shared_error(table), n - 1).error ** 2)
    assert np.mean(reported) == pytest.approx(np.var(means), rel=0.12)


def test_seeds_with_test_sets_of_their_own_share_no_error() -> None:
    generator = np.random.default_rng(11)
    tables = generator.normal(0, 0.5, (400, 40, 300))
    assert (
        np.mean([stats.shared_error(table) ** 2 for table in tables]) < 0.05 * 100**2 * 0.25 / 300
    )


def test_pooled_intervals_hold_the_mean_over_unlike_tasks() -> None:
    generator = np.random.default_rng(13)
    tasks = [(1.0, 4.0, 5), (2.0, 1.0, 12), (-0.5, 0.3, 20)]
    found = []
    for _ in range(3000):
        samples = [generator.normal(mean, spread, n) for mean, spread, n in tasks]
        found.append(covers(stats.pooled(list(map(stats.interval, samples))), 2.5 / 3))
    assert 0.93 <= np.mean(found) <= 0.97


@pytest.mark.parametrize("seeds", [5, 12])
def test_with_the_shared_error_intervals_hold_for_new_examples(seeds: int) -> None:
    """Where seeds share a test set, Student's interval alone is one for these examples."""
    generator, n, found = np.random.default_rng(17), 300, {"alone": 0, "with": 0}
    for _ in range(1500):
        luck = generator.uniform(-0.25, 0.25, (2, n))
        rates = 0.75 + luck[:, None] + generator.normal(0, 0.01, (2, seeds, 1))
        right = generator.random((2, seeds, n)) < rates
        table = right[0].astype(float) - right[1]
        alone = stats.interval(100 * table.mean(axis=1))
        both = alone.with_error(stats.shared_error(table), n - 1)
        found["alone"] += covers(alone, 0.0)
        found["with"] += covers(both, 0.0)
    assert found["alone"] / 1500 <= 0.93
    assert 0.93 <= found["with"] / 1500 <= 0.97
