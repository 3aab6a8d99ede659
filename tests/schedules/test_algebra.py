import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sssam.schedules import constant, custom, late, linear, piecewise, power, sine
from sssam.schedules.algebra import Product
from sssam.schedules.base import steps_in

from .strategies import numbers, probabilities, runs, schedules, shares


def raw(schedule, total_steps):
    """The values before they are checked."""
    return [schedule._step(t, total_steps) for t in range(total_steps)]


@given(schedules, schedules, numbers, runs)
def test_operations_act_value_by_value(a, b, x, total_steps):
    p, q = raw(a, total_steps), raw(b, total_steps)
    assert raw(a + b, total_steps) == [i + j for i, j in zip(p, q, strict=True)]
    assert raw(a - b, total_steps) == [i - j for i, j in zip(p, q, strict=True)]
    assert raw(a * b, total_steps) == [i * j for i, j in zip(p, q, strict=True)]
    assert raw(a + x, total_steps) == raw(x + a, total_steps) == [i + x for i in p]
    assert raw(a - x, total_steps) == [i - x for i in p]
    assert raw(x - a, total_steps) == [x - i for i in p]
    assert raw(a * x, total_steps) == raw(x * a, total_steps) == [i * x for i in p]
    assert raw((a * x).clamp(0.2, 0.8), total_steps) == [min(max(i * x, 0.2), 0.8) for i in p]


@given(schedules, schedules, numbers, probabilities)
def test_operations_act_on_functions_of_progress_too(a, b, x, u):
    assert (a + b)._curve(u) == a(u) + b(u)
    assert (x - a * b)._curve(u) == x - a(u) * b(u)
    assert (a * x).clamp()(u) == min(max(a(u) * x, 0.0), 1.0)
    assert a.reversed()(u) == a(1.0 - u)


@given(schedules, runs)
def test_reversed_mirrors_the_steps_and_keeps_the_mean_exactly(schedule, total_steps):
    mirror = schedule.reversed()
    assert mirror.probabilities(total_steps) == schedule.probabilities(total_steps)[::-1]
    assert mirror.reversed().probabilities(total_steps) == schedule.probabilities(total_steps)
    expected = 1 + schedule.mean_probability(total_steps)
    assert 1 + mirror.mean_probability(total_steps) == expected


@given(schedules, schedules, shares, runs)
def test_then_gives_each_part_its_own_length(a, b, at, total_steps):
    edge = steps_in(at, total_steps)
    first = a.probabilities(edge) if edge else []
    second = b.probabilities(total_steps - edge) if edge < total_steps else []
    assert a.then(b, at).probabilities(total_steps) == first + second


def test_a_late_block_is_a_join_or_a_reversed_early_one():
    joined = constant(0).then(constant(1), at=0.75)
    early = piecewise([0.25], [1, 0])
    for total_steps in range(4, 100, 4):
        steps = late(0.25).probabilities(total_steps)
        assert joined.probabilities(total_steps) == steps
        assert early.reversed().probabilities(total_steps) == steps


def test_sums_may_leave_the_unit_interval_until_they_are_clamped():
    steep = linear(0, 1) * 4 - 1.5
    assert steep.clamp(0, 1).probabilities(4) == [0.0, 0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match=re.escape("gives -1.5 at step 0 of 4")):
        steep.at(0, 4)


def test_clamp_lets_nan_through_to_be_refused():
    for schedule in (custom(lambda u: math.nan), (custom(lambda u: math.inf) - late(1) * 0) * 0):
        with pytest.raises(ValueError, match="nan at step 0 of 4"):
            schedule.clamp(0, 1).at(0, 4)


@pytest.mark.parametrize("other", ["0.5", None, True, [0.5], 1j])
def test_what_is_no_term_is_refused_by_python_itself(other):
    for operation in (
        lambda: sine() + other,
        lambda: sine() - other,
        lambda: sine() * other,
        lambda: other + sine(),
        lambda: other - sine(),
        lambda: other * sine(),
    ):
        with pytest.raises(TypeError):
            operation()


SCHEDULE = "must be a schedule, not 0.5; a number becomes one by constant(0.5)"
UNBOUNDED = "must be at least -inf, not nan; use a finite number"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: power(2).clamp(0.8, 0.2), ValueError, "low must be at most high, not 0.8 > 0.2"),
        (lambda: power(2).clamp(math.nan), ValueError, f"low {UNBOUNDED}"),
        (lambda: power(2).clamp(0, "1"), TypeError, "high must be a number, not '1'"),
        (lambda: power(2) * math.nan, ValueError, f"a term of the algebra {UNBOUNDED}"),
        (lambda: power(2).then(0.5), TypeError, f"second {SCHEDULE}"),
        (
            lambda: power(2).then(sine(), at=1),
            ValueError,
            "at must be in (0, 1), not 1.0; at its ends one part stands alone",
        ),
        (lambda: power(2).then(sine(), at=1.5), ValueError, "at must be in [0, 1], not 1.5"),
        (lambda: Product(2, 3), TypeError, "a product needs a schedule, not 2.0 and 3.0 alone"),
    ],
)
def test_errors_name_argument_value_range_and_remedy(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call()


@given(st.recursive(st.just(linear()), lambda s: st.builds(lambda a, b: a + b, s, s), max_leaves=9))
def test_equal_expressions_are_equal_values(schedule):
    assert schedule == eval(repr(schedule), {"linear": linear})
    assert schedule + 1 != 1 + schedule
