import copy
import dataclasses
import itertools
import math
import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sssam.schedules import Schedule, constant, custom, late, linear, piecewise, power
from sssam.schedules.base import steps_in

from .strategies import leaves, probabilities, runs, schedules, smooth


@given(smooth, runs, st.integers(0, 2000))
def test_a_step_has_the_value_of_its_progress(schedule, total_steps, t):
    assert schedule.at(t, total_steps) == schedule(min(t / total_steps, 1.0))


@given(schedules, runs)
def test_after_the_last_step_the_end_goes_on(schedule, total_steps):
    ends = {schedule.at(total_steps + more, total_steps) for more in (0, 1, 10**6)}
    assert ends == {schedule(1.0)}


@given(schedules, runs)
def test_every_step_gets_a_probability_and_they_add_up(schedule, total_steps):
    values = schedule.probabilities(total_steps)
    assert len(values) == total_steps
    assert all(0.0 <= p <= 1.0 for p in values)
    exact = 1 + sum(map(Fraction, values)) / total_steps
    assert abs((1 + schedule.mean_probability(total_steps)) - exact) < 1e-15


@given(schedules, st.integers(1, 7))
def test_variance_is_that_of_the_count_over_all_outcomes(schedule, total_steps):
    values = schedule.probabilities(total_steps)
    mean = second = 0.0
    for outcome in itertools.product((0, 1), repeat=total_steps):
        chance = math.prod(p if x else 1 - p for p, x in zip(values, outcome, strict=True))
        eta = 1 + sum(outcome) / total_steps
        mean, second = mean + chance * eta, second + chance * eta**2
    assert 1 + schedule.mean_probability(total_steps) == pytest.approx(mean, abs=1e-12)
    assert schedule.variance(total_steps) == pytest.approx(second - mean**2, abs=1e-12)
    assert schedule.variance(total_steps) <= 0.25 / total_steps + 1e-15


@given(probabilities, st.integers(1, 10**6))
def test_steps_are_counted_from_the_decimal_with_halves_up(fraction, total_steps):
    exact = Fraction(repr(fraction)) * total_steps
    assert abs(steps_in(fraction, total_steps) - exact) <= Fraction(1, 2)
    assert steps_in(fraction, total_steps) - exact > -Fraction(1, 2)


@given(leaves)
def test_schedules_are_values(schedule):
    for twin in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert twin == schedule
        assert hash(twin) == hash(schedule)
    field = dataclasses.fields(schedule)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(schedule, field, 0.5)


def test_integers_are_the_floats_they_equal():
    assert constant(1) == constant(1.0)
    assert repr(constant(1)) == "constant(1.0)"
    assert piecewise([0.5], [0, 1]) == piecewise((0.5,), (0.0, 1.0))
    assert len({linear(0, 1), linear(0.0, 1.0), linear(), power(1)}) == 2


def test_dust_is_clipped_and_no_more_than_dust():
    above, below = custom(lambda u: 1.0 + 5e-14), custom(lambda u: -5e-14)
    assert above.probabilities(3) == [1.0] * 3
    assert below.probabilities(3) == [0.0] * 3
    with pytest.raises(ValueError, match="scale it"):
        custom(lambda u: 1.0 + 1e-12).at(0, 3)


def third_is(value):
    def schedule(u):
        return value if u == 0.3 else 0.5

    return custom(schedule)


OWN = "schedule custom(" + __name__ + ".third_is.<locals>.schedule)"
RANGE = "probabilities lie in [0, 1]"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: third_is(math.nan).at(3, 10),
            f"{OWN} gives nan at step 3 of 10; {RANGE}: make its callable return a number there",
        ),
        (
            lambda: third_is(1.5)(0.3),
            f"{OWN} gives 1.5 at progress 0.3; {RANGE}: end it with .clamp(0, 1), or scale it",
        ),
        (
            lambda: third_is(-math.inf).mean_probability(10),
            f"{OWN} gives -inf at step 3 of 10; {RANGE}: end it with .clamp(0, 1), or scale it",
        ),
        (
            lambda: (linear(0, 1) * 2).at(6, 10),
            "schedule (linear(0.0, 1.0) * 2.0) gives 1.2 at step 6 of 10; "
            f"{RANGE}: end it with .clamp(0, 1), or scale it",
        ),
    ],
)
def test_a_value_that_is_no_probability_names_its_step(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


def test_validate_finds_the_step_before_the_run():
    third_is(1.0).validate(10)
    with pytest.raises(ValueError, match="nan at step 3 of 10"):
        third_is(math.nan).validate(10)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s: s.at(-1, 10), ValueError, "t, the step,"),
        (lambda s: s.at(0.5, 10), TypeError, "t, the step,"),
        (lambda s: s.at(True, 10), TypeError, "t, the step,"),
        (lambda s: s.at(0, 0), ValueError, "total_steps"),
        (lambda s: s.at(0, 10.0), TypeError, "total_steps"),
        (lambda s: s.validate(0), ValueError, "total_steps"),
        (lambda s: s.probabilities(0), ValueError, "total_steps"),
        (lambda s: s.variance(2.5), TypeError, "total_steps"),
        (lambda s: s.mean_probability(-3), ValueError, "total_steps"),
        (lambda s: s(1.5), ValueError, "u, the progress,"),
        (lambda s: s(math.nan), ValueError, "u, the progress,"),
        (lambda s: s("0.5"), TypeError, "u, the progress,"),
    ],
)
@pytest.mark.parametrize("schedule", [linear(0, 1), late(0.5), 1 - power(2)], ids=repr)
def test_arguments_are_named_in_errors(schedule: Schedule, call, error, text):
    with pytest.raises(error, match=f"^{text} must be "):
        call(schedule)
