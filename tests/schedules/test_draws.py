import copy
import dataclasses
import hashlib
import math
import pickle
import random
import re
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sssam.schedules import Schedule, constant, cosine, custom, late, linear, piecewise
from sssam.schedules.draws import Draws, rational, uniform

RARE = 1e-6
"""The chance that a test of fixed seeds had to fail for no reason, when its seed was chosen."""

both = pytest.mark.parametrize("draws", ["bernoulli", "systematic"])
probabilities = st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 1.0]) | st.floats(0.0, 1.0)


def given_values(values: list[float]) -> Schedule:
    """The schedule of exactly these probabilities, over as many steps."""
    return custom(lambda u: values[min(round(u * len(values)), len(values) - 1)])


def uniforms(seed: int, count: int, start: int = 0) -> np.ndarray:
    return np.array([uniform(seed, t) for t in range(start, start + count)])


def independent(x: np.ndarray, y: np.ndarray, cells: int = 16) -> bool:
    """Whether a contingency table of two samples of uniforms shows no dependence."""
    table, _, _ = np.histogram2d(x, y, bins=cells, range=[[0, 1], [0, 1]])
    return stats.chisquare(table.ravel()).pvalue > RARE


# ---- the stream of uniforms


def test_the_stream_never_changes():
    assert [uniform(0, t) for t in range(3)] == [
        0.3758852064188736,
        0.9450237679947908,
        0.6722245948974755,
    ]
    assert uniform(2**64 - 1, 2**64 - 1) == 0.35444961079462434
    message = (7).to_bytes(8, "little") + (11).to_bytes(8, "little")
    digest = hashlib.blake2b(message, digest_size=8, person=b"sssam.trial").digest()
    assert uniform(7, 11) == math.floor(int.from_bytes(digest, "little") / 2**11) / 2**53


def test_the_draws_never_change():
    assert Draws(linear(0, 1), 20, seed=1).acting_steps() == [4, 5, 8, 13, 14, 15, 16, 18, 19]
    systematic = Draws(linear(0, 1), 20, seed=1, kind="systematic")
    assert systematic.acting_steps() == [3, 7, 10, 11, 13, 15, 16, 17, 18, 19]


def test_a_million_uniforms_are_uniform():
    draws = uniforms(seed=2022, count=1_000_000)
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    counts = np.histogram(draws, bins=1000, range=(0, 1))[0]
    assert RARE < stats.chisquare(counts).pvalue < 1 - RARE
    bits = (draws * 2**53).astype(np.uint64)
    for position in range(53):
        ones = int((bits >> np.uint64(position) & np.uint64(1)).sum())
        assert stats.binomtest(ones, len(draws)).pvalue > RARE
    for lag in (1, 2, 3, 7, 64, 1000):
        assert independent(draws[:-lag], draws[lag:])


def test_seeds_and_steps_are_independent():
    grid = np.array([uniforms(seed, 200) for seed in range(200)])
    assert independent(grid[:-1].ravel(), grid[1:].ravel())
    assert independent(grid[:, :-1].ravel(), grid[:, 1:].ravel())
    # (seed, step) and (step, seed) are different pairs
    assert independent(grid[np.triu_indices(200, 1)], grid.T[np.triu_indices(200, 1)])


# ---- both kinds of draws


@both
def test_a_trial_is_a_pure_function_of_seed_and_step(draws):
    trial = Draws(cosine(0, 1), 300, seed=5, kind=draws)
    forwards = [trial(t) for t in range(320)]
    order = random.Random(0).sample(range(320), 320)
    assert {t: trial(t) for t in order} == dict(enumerate(forwards))
    assert [Draws(cosine(0, 1), 300, 5, draws)(t) for t in range(320)] == forwards
    assert [trial(150), trial(150), trial(149)] == [forwards[150], forwards[150], forwards[149]]
    assert trial.acting_steps(100) == [t for t in range(100) if forwards[t]]
    assert trial.acting_steps() == [t for t in range(300) if forwards[t]]


@both
def test_no_global_random_state_is_read_or_moved(draws):
    def states() -> list[object]:
        return [random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()]

    before = states()
    steps = Draws(linear(0, 1), 200, seed=3, kind=draws).acting_steps()
    assert states() == before
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert Draws(linear(0, 1), 200, seed=3, kind=draws).acting_steps() == steps


@both
@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_never_and_always_are_certain(draws, seed):
    schedule = piecewise([0.3, 0.6], [0, 1, 0])
    assert Draws(schedule, 100, seed, draws).acting_steps() == list(range(30, 60))
    assert Draws(late(0.2), 10, seed, draws).acting_steps(13) == [8, 9, 10, 11, 12]


@both
def test_after_the_run_the_last_probability_goes_on(draws):
    trial = Draws(constant(0.5), 10, seed=4, kind=draws)
    assert trial.acting_steps(1000) == Draws(constant(0.5), 1000, 4, draws).acting_steps()
    assert Draws(linear(0, 0.5), 10).probability(10**9) == 0.5


@both
def test_trials_are_values(draws):
    trial = Draws(linear(0, 1), 100, seed=9, kind=draws)
    fresh = Draws(linear(0, 1), 100, seed=9, kind=draws)
    steps = trial.acting_steps()
    for twin in (fresh, copy.copy(trial), copy.deepcopy(trial), pickle.loads(pickle.dumps(trial))):
        assert twin == trial
        assert hash(twin) == hash(trial)
        assert repr(twin) == repr(trial)
        assert twin.acting_steps() == steps
    assert repr(trial) == (
        f"Draws(schedule=linear(0.0, 1.0), total_steps=100, seed=9, kind={draws!r})"
    )
    assert dataclasses.replace(trial, seed=10) == Draws(linear(0, 1), 100, 10, draws) != trial
    with pytest.raises(dataclasses.FrozenInstanceError):
        trial.seed = 1


# ---- bernoulli


@pytest.mark.parametrize("p", [0.001, 0.01, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 0.99, 0.999])
def test_the_frequency_is_the_probability(p):
    count = len(Draws(constant(p), 50_000, seed=17).acting_steps())
    assert stats.binomtest(count, 50_000, p).pvalue > RARE


def test_a_uniform_that_equals_the_probability_does_not_act():
    u = uniform(0, 0)
    assert not Draws(constant(u), 1)(0)
    assert Draws(constant(math.nextafter(u, 1.0)), 1)(0)


def test_acts_are_uncorrelated_at_every_lag_and_across_seeds():
    steps = np.arange(20_000)
    acts = [np.isin(steps, Draws(constant(0.3), 20_000, seed).acting_steps()) for seed in range(4)]
    bound = stats.norm.isf(RARE) / math.sqrt(len(steps) - 30)
    for lag in range(1, 31):
        assert abs(np.corrcoef(acts[0][:-lag], acts[0][lag:])[0, 1]) < bound
    off_diagonal = np.corrcoef(acts) - np.eye(4)
    assert np.abs(off_diagonal).max() < bound


@pytest.mark.parametrize("schedule", [constant(0.5), linear(0, 1), late(0.5) * 0.4], ids=repr)
def test_the_realised_count_has_the_mean_and_the_variance_that_are_planned(schedule):
    seeds, total_steps = 4000, 40
    counts = [len(Draws(schedule, total_steps, seed).acting_steps()) for seed in range(seeds)]
    realised = 1 + np.array(counts) / total_steps
    variance = schedule.variance(total_steps)
    error = realised.mean() - (1 + schedule.mean_probability(total_steps))
    assert abs(error) < 5 * math.sqrt(variance / seeds)
    assert abs(realised.var(ddof=1) / variance - 1) < 5 * math.sqrt(2 / seeds)


# ---- systematic


@settings(deadline=None)
@given(st.lists(probabilities, min_size=1, max_size=60), st.integers(0, 2**64 - 1))
def test_the_count_is_within_one_of_the_expected_one_at_every_prefix(values, seed):
    trial = Draws(given_values(values), len(values), seed, "systematic")
    expected, count = Fraction(0), 0
    for t, p in enumerate(values):
        expected, count = expected + rational(p), count + trial(t)
        assert abs(count - expected) < 1


@settings(deadline=None)
@given(st.lists(probabilities, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_any_order_of_calls_gives_the_sequential_draws(values, shuffler):
    schedule, n = given_values(values), len(values)
    steps = Draws(schedule, n, 1, "systematic").acting_steps()
    trial, order = Draws(schedule, n, 1, "systematic"), list(range(n)) * 2
    shuffler.shuffle(order)
    assert sorted({t for t in order if trial(t)}) == steps


@pytest.mark.parametrize("k", range(1, 21))
def test_constant_one_over_k_acts_at_every_kth_step(k):
    trial = Draws(constant(1 / k), 10_000, seed=k, kind="systematic")
    steps = trial.acting_steps()
    assert steps[0] < k
    assert {b - a for a, b in pairwise(steps)} == {k}
    assert 10_000 - steps[-1] <= k
    offset = Fraction(uniform(k, 2**64 - 1))
    assert trial._sums(9_999)[1] == offset + Fraction(10_000, k)


def test_constant_j_over_k_acts_j_times_in_every_k_steps():
    acts = [Draws(constant(3 / 7), 700, 2, "systematic")(t) for t in range(700)]
    assert {sum(acts[t : t + 7]) for t in range(694)} == {3}


def test_over_seeds_each_step_keeps_its_own_probability():
    seeds, values = 10_000, [0.1, 0.9, 1 / 3, 0.0, 1.0, 0.37, 0.8]
    counts = np.zeros(len(values), dtype=int)
    for seed in range(seeds):
        counts[Draws(given_values(values), len(values), seed, "systematic").acting_steps()] += 1
    for count, p in zip(counts, values, strict=True):
        assert stats.binomtest(int(count), seeds, p).pvalue > RARE


@given(probabilities | st.builds(lambda a, b: min(a, b) / max(a, b), *[st.integers(1, 20_000)] * 2))
def test_rational_is_the_simplest_fraction_that_rounds_to_it(p):
    simple = Fraction(p).limit_denominator(10_000)
    assert rational(p) == (simple if float(simple) == p else Fraction(p))
    assert float(rational(p)) == p


# ---- errors


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: Draws(0.5, 10),
            TypeError,
            "schedule must be a Schedule, not 0.5; make one of sssam.schedules, such as "
            "linear(0, 1), constant(p) for a number, or custom(f) for a function",
        ),
        (lambda: Draws(late(1), 0), ValueError, "total_steps must be at least 1, not 0"),
        (lambda: Draws(late(1), 1.5), TypeError, "total_steps must be an int, not 1.5"),
        (lambda: Draws(late(1), 9, -1), ValueError, "seed must be at least 0, not -1"),
        (lambda: Draws(late(1), 9, "0"), TypeError, "seed must be an int, not '0'"),
        (
            lambda: Draws(late(1), 9, 2**64),
            ValueError,
            "seed must be below 2**64, not 18446744073709551616; take it modulo 2**64",
        ),
        (
            lambda: Draws(late(1), 9, kind="bernouli"),
            ValueError,
            "draws must be 'bernoulli' or 'systematic', not 'bernouli'",
        ),
        (lambda: Draws(late(1), 9)(-1), ValueError, "t, the step, must be at least 0, not -1"),
        (lambda: Draws(late(1), 9)(0.5), TypeError, "t, the step, must be an int, not 0.5"),
        (
            lambda: uniform(-1, 0),
            ValueError,
            "seed and counter must be integers in [0, 2**64), not -1 and 0",
        ),
        (
            lambda: uniform(0, 0.5),
            ValueError,
            "seed and counter must be integers in [0, 2**64), not 0 and 0.5",
        ),
    ],
)
def test_errors_name_argument_value_range_and_remedy(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call()


@both
def test_a_bad_probability_late_in_the_run_is_found_before_it(draws):
    with pytest.raises(ValueError, match="gives nan at step 99 of 100"):
        Draws(custom(lambda u: math.nan if u == 0.99 else 0.5), 100, kind=draws)
    with pytest.raises(ValueError, match=r"gives 1\.01 at step 51 of 100"):
        Draws(linear(0, 1) + 0.5, 100, kind=draws)
