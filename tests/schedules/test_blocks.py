import math
import re
from bisect import bisect_right
from fractions import Fraction

import pytest
from hypothesis import given

from sssam.schedules import late, piecewise

from .strategies import pieces, probabilities, runs


def test_late_counts_its_steps_exactly():
    for k in range(201):
        for total_steps in range(1, 401):
            n = math.floor(Fraction(k, 200) * total_steps + Fraction(1, 2))
            block, edge = late(k / 200), total_steps - n
            assert edge == 0 or block.at(edge - 1, total_steps) == 0.0
            assert n == 0 or block.at(edge, total_steps) == block.at(total_steps - 1, total_steps)
            assert n == 0 or block.at(edge, total_steps) == 1.0


@given(probabilities, probabilities, runs)
def test_late_is_plain_then_its_first_step_then_sharpness_aware(f, first, total_steps):
    n = math.floor(Fraction(repr(f)) * total_steps + Fraction(1, 2))
    expected = [0.0] * (total_steps - n) + [first][:n] + [1.0] * (n - 1)
    assert late(f, first).probabilities(total_steps) == expected


def test_late_as_a_function_of_progress():
    assert [late(0.25)(u) for u in (0.0, 0.7, 0.75, 1.0)] == [0.0, 0.0, 1.0, 1.0]
    assert late(0.0)(1.0) == 0.0
    assert late(0.01).at(5, 5) == 1.0


@given(pieces(), runs)
def test_piecewise_begins_each_piece_at_the_nearest_step(schedule, total_steps):
    edges = [
        math.floor(Fraction(repr(b)) * total_steps + Fraction(1, 2)) for b in schedule.boundaries
    ]
    expected = [schedule.values[bisect_right(edges, t)] for t in range(total_steps)]
    assert schedule.probabilities(total_steps) == expected


def test_the_published_two_levels():
    p, b = 0.2, 0.3
    schedule = piecewise([b], [p, 1 - p])
    assert 1 + schedule.mean_probability(100) == pytest.approx(1 + p * b + (1 - p) * (1 - b))
    assert [schedule(u) for u in (0.0, 0.29, 0.3, 1.0)] == [0.2, 0.2, 0.8, 0.8]
    assert piecewise([], [0.25]).probabilities(2) == [0.25, 0.25]


RISE = "boundaries must rise strictly inside (0, 1), not "
END = "; 0 is never, 1 is always; a function with a larger range can be ended by .clamp(0, 1)"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: piecewise([0.5, 0.25], [0, 1, 0]), ValueError, RISE + "[0.5, 0.25]"),
        (lambda: piecewise([0.5, 0.5], [0, 1, 0]), ValueError, RISE + "[0.5, 0.5]"),
        (lambda: piecewise([0], [0, 1]), ValueError, RISE + "[0.0]"),
        (lambda: piecewise([1], [0, 1]), ValueError, RISE + "[1.0]"),
        (
            lambda: piecewise([-0.5], [0, 1]),
            ValueError,
            "boundaries[0] must be in [0, 1], not -0.5",
        ),
        (
            lambda: piecewise([math.nan], [0, 1]),
            ValueError,
            "boundaries[0] must be in [0, 1], not nan",
        ),
        (
            lambda: piecewise([0.5], [0, 1.5]),
            ValueError,
            "values[1] must be in [0, 1], not 1.5" + END,
        ),
        (
            lambda: piecewise([0.5], [1]),
            ValueError,
            "values must have length 2, not 1; the number of pieces that 1 boundaries make",
        ),
        (
            lambda: piecewise(0.5, [0, 1]),
            TypeError,
            "boundaries must be a list of numbers, not 0.5",
        ),
        (lambda: piecewise([0.5], "01"), TypeError, "values[0] must be a number, not '0'"),
        (lambda: late(1.25), ValueError, "f must be in [0, 1], not 1.25" + END),
        (lambda: late(0.5, math.nan), ValueError, "first must be in [0, 1], not nan" + END),
    ],
)
def test_errors_name_argument_value_range_and_remedy(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call()
