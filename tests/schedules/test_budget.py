import math
import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sssam.schedules import (
    BudgetError,
    Schedule,
    constant,
    cosine,
    custom,
    late,
    linear,
    piecewise,
    power,
    sine,
)

from .strategies import budgets, parabola, pieces, powers, probabilities, ramps, runs, schedules


def meets(schedule: Schedule, budget: float, total_steps: int) -> bool:
    return abs(1 + schedule.mean_probability(total_steps) - budget) <= 1e-12


def attempt(schedule: Schedule, budget: float, total_steps: int) -> Schedule | BudgetError:
    try:
        return schedule.with_budget(budget, total_steps)
    except BudgetError as error:
        return error


@settings(max_examples=300)
@given(schedules, budgets, runs)
def test_a_budget_is_met_or_the_error_names_what_can_be(schedule, budget, total_steps):
    found = attempt(schedule, budget, total_steps)
    if isinstance(found, Schedule):
        assert meets(found, budget, total_steps)
    else:
        low, high = found.reachable
        assert not low - 1e-13 <= budget <= high + 1e-13
        assert f"[{low!r}, {high!r}]" in str(found)


@given(ramps, budgets, runs)
def test_a_ramp_reaches_what_its_end_allows_and_keeps_its_start(ramp, budget, total_steps):
    ends = [1 + type(ramp)(ramp.start, end).mean_probability(total_steps) for end in (0.0, 1.0)]
    if ends[0] <= budget <= ends[1]:
        found = ramp.with_budget(budget, total_steps)
        assert (type(found), found.start) == (type(ramp), ramp.start)
    elif not ends[0] - 1e-12 <= budget <= ends[1] + 1e-12:
        with pytest.raises(BudgetError) as caught:
            ramp.with_budget(budget, total_steps)
        assert caught.value.reachable == pytest.approx(ends, abs=1e-14)


@given(powers, budgets, runs)
def test_power_reaches_all_but_its_first_step(schedule, budget, total_steps):
    high = 2 - 1 / total_steps
    if budget <= high:
        assert type(schedule.with_budget(budget, total_steps)) is type(schedule)
    elif budget > high + 1e-12:
        with pytest.raises(BudgetError) as caught:
            schedule.with_budget(budget, total_steps)
        assert caught.value.reachable == pytest.approx((1.0, high), abs=1e-15)


def reachable(schedule: Schedule, total_steps: int) -> tuple[float, float]:
    """The interval that an error names, from a budget that no ramp and no power can meet."""
    with pytest.raises(BudgetError) as caught:
        schedule.with_budget(2.0, total_steps)
    return caught.value.reachable


@given(st.floats(0.0, 1.0), st.floats(0.0, 0.99), st.integers(1, 500))
def test_just_outside_the_interval_fails_and_all_inside_is_met(share, start, total_steps):
    for schedule in (linear(start, 0.3), cosine(start), sine(start, 0.9), power(2)):
        low, high = reachable(schedule, total_steps)
        for inside in (low, high, low + share * (high - low)):
            assert meets(schedule.with_budget(inside, total_steps), inside, total_steps)
        for outside in (low - 1e-11, high + 1e-11):
            with pytest.raises(ValueError, match="reaches" if outside >= 1.0 else "must be in"):
                schedule.with_budget(outside, total_steps)


@given(budgets, runs, probabilities)
def test_late_gives_the_remainder_to_its_first_step(budget, total_steps, f):
    found = late(f).with_budget(budget, total_steps)
    values = found.probabilities(total_steps)
    assert meets(found, budget, total_steps)
    assert values == sorted(values)
    assert sum(0.0 < p < 1.0 for p in values) <= 1


@given(pieces(), budgets, runs)
def test_piecewise_moves_all_its_values_one_way(schedule, budget, total_steps):
    found = schedule.with_budget(budget, total_steps)
    assert type(found) is type(schedule)
    assert found.boundaries == schedule.boundaries
    steps = [b - a for a, b in zip(schedule.values, found.values, strict=True)]
    assert all(s <= 0 for s in steps) or all(s >= 0 for s in steps)


@given(schedules, runs)
def test_its_own_cost_leaves_a_schedule_as_it_is(schedule, total_steps):
    budget = 1 + schedule.mean_probability(total_steps)
    assert schedule.with_budget(budget, total_steps) is schedule


@pytest.mark.parametrize(
    ("total_steps", "budget"),
    [(t, b) for t in (1, 2, 3, 7) for b in (1.0, 1.03, 1 + 1 / 3, 1.5, 1.999, 2.0)]
    + [(100_000, 1.03), (100_000, 1.9)],
)
def test_short_and_long_runs(budget, total_steps):
    for schedule in (constant(0.1), late(0.3), piecewise([0.2], [0.25, 0.75]), custom(parabola)):
        assert meets(schedule.with_budget(budget, total_steps), budget, total_steps)
    for schedule in (linear(0.5), cosine(1, 0), sine(0.2, 0.1), power(2)):
        found = attempt(schedule, budget, total_steps)
        if isinstance(found, Schedule):
            assert meets(found, budget, total_steps)
        else:
            assert not found.reachable[0] <= budget <= found.reachable[1]


def test_what_moves():
    assert constant(0.9).with_budget(1.1, 100) == constant(0.1)
    assert linear(0.25, 1).with_budget(1.25, 10) == linear(0.25, 0.25)
    assert power(2).with_budget(1.45, 10).k == pytest.approx(1.0, rel=1e-12)
    assert late(0.5).with_budget(1.1, 100) == late(0.1)
    assert late(0.9).with_budget(1 + 2 / 3, 3) == late(2 / 3)
    assert late(0.5).with_budget(1.0, 100) == late(0.0)
    assert late(0.5).with_budget(1.125, 100) == late(0.13, 0.5)
    half = piecewise([0.5], [0.25, 0.75])
    assert half.with_budget(1.25, 10) == piecewise([0.5], [0.125, 0.375])
    assert half.with_budget(1.75, 10) == piecewise([0.5], [0.625, 0.875])
    flat = custom(parabola).reversed()
    assert repr(flat.with_budget(1.25, 10)).startswith(f"({flat!r} * 0.")
    assert repr(flat.with_budget(1.9, 10)).startswith(f"(1.0 - ((1.0 - {flat!r}) * 0.")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: linear(0, 1).with_budget(1.75, 4),
            BudgetError,
            "propagations is 1.75, but linear(0.0, 1.0) over 4 steps reaches [1.0, 1.375] with "
            "start=0.0 fixed and end in [0, 1]; choose a budget in this interval or another "
            "family: constant, late and piecewise reach all of [1, 2]",
        ),
        (
            lambda: power(3).with_budget(2, 4),
            BudgetError,
            "propagations is 2.0, but power(3.0) over 4 steps reaches [1.0, 1.75] with k > 0; "
            "choose a budget in this interval or another family: constant, late and piecewise "
            "reach all of [1, 2]",
        ),
        *(
            (
                lambda bad=bad: late(0.5).with_budget(bad, 10),
                ValueError,
                f"propagations must be in [1, 2], not {bad!r}; "
                "1 is the base optimizer, 2 is SAM at every step",
            )
            for bad in (0.99, 2.01, math.nan, math.inf)
        ),
        (
            lambda: late(0.5).with_budget("1.5", 10),
            TypeError,
            "propagations must be a number, not '1.5'",
        ),
        (
            lambda: late(0.5).with_budget(1.5, 0),
            ValueError,
            "total_steps must be at least 1, not 0",
        ),
        (lambda: late(0.5).with_budget(1.5, 2.5), TypeError, "total_steps must be an int, not 2.5"),
    ],
)
def test_errors_name_argument_value_range_and_remedy(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call()


def test_budget_errors_travel_between_processes():
    with pytest.raises(BudgetError) as caught:
        linear(0, 1).with_budget(2, 10)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.reachable) == (str(caught.value), (1.0, 1.45))
