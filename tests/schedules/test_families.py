import math
import re

import pytest

from sssam.schedules import constant, cosine, custom, linear, power, sine


@pytest.mark.parametrize(
    ("schedule", "limit"),
    [
        (constant(0.3), 1.3),
        (linear(0.2, 0.8), 1.5),
        (linear(1, 0), 1.5),
        (cosine(0, 1), 1.5),
        (cosine(1, 0), 1.5),
        (sine(0, 1), 1 + 2 / math.pi),
        (sine(1, 0), 2 - 2 / math.pi),
        (power(3), 1.25),
    ],
    ids=repr,
)
def test_the_published_counts_are_the_limits(schedule, limit):
    for total_steps in (10, 100, 1000, 10_000):
        error = abs((1 + schedule.mean_probability(total_steps)) - limit)
        assert error <= 0.5 / total_steps + 0.5 / total_steps**2


@pytest.mark.parametrize("ramp", [linear, cosine, sine])
def test_ramps_go_from_start_to_end(ramp):
    up, down = ramp(0.1, 0.7), ramp(0.7, 0.1)
    assert (up(0.0), down(0.0)) == (0.1, 0.7)
    assert (up(1.0), down(1.0)) == pytest.approx((0.7, 0.1), abs=1e-15)
    rising = [up(i / 50) for i in range(51)]
    assert rising == sorted(rising)
    assert [down(i / 50) for i in range(51)] == pytest.approx([0.8 - p for p in rising])


def test_shapes_are_those_of_the_formulas():
    for u in (i / 16 for i in range(17)):
        assert linear(0, 1)(u) == u
        assert cosine(0, 1)(u) == pytest.approx((1 - math.cos(math.pi * u)) / 2, abs=1e-15)
        assert sine(0, 1)(u) == pytest.approx(math.sin(math.pi * u / 2), abs=1e-15)
        assert power(2.5)(u) == u**2.5
        assert power(1)(u) == linear(0, 1)(u)


def test_custom_takes_what_becomes_a_float():
    assert custom(lambda u: 1).probabilities(2) == [1.0, 1.0]
    assert type(custom(lambda u: True).at(0, 1)) is float
    shared = math.sqrt
    assert custom(shared) == custom(shared) != custom(math.sin)


UNIT = "must be in [0, 1], not"
END = "; 0 is never, 1 is always; a function with a larger range can be ended by .clamp(0, 1)"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: constant(1.5), ValueError, f"p {UNIT} 1.5{END}"),
        (lambda: constant(-1e-9), ValueError, f"p {UNIT} -1e-09{END}"),
        (lambda: constant(math.nan), ValueError, f"p {UNIT} nan{END}"),
        (lambda: constant("0.5"), TypeError, "p must be a number, not '0.5'"),
        (lambda: constant(True), TypeError, "p must be a number, not True"),
        (lambda: linear(2, 0), ValueError, f"start {UNIT} 2{END}"),
        (lambda: cosine(0, math.inf), ValueError, f"end {UNIT} inf{END}"),
        (lambda: sine(None), TypeError, "start must be a number, not None"),
        (lambda: power(-1), ValueError, "k must be at least 0, not -1"),
        (lambda: power(math.nan), ValueError, "k must be at least 0, not nan"),
        (lambda: power(0), ValueError, "k must be above 0, not 0.0; u**0 is constant(1)"),
        (
            lambda: custom(0.5),
            TypeError,
            "callable must be a function of the progress u in [0, 1], not 0.5; "
            "for the same p at every step use constant(p)",
        ),
        (
            lambda: custom(print).at(1, 4),
            TypeError,
            "custom(builtins.print) gives None at progress 0.25, "
            "but it must give a number in [0, 1]",
        ),
    ],
)
def test_errors_name_argument_value_range_and_remedy(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call()
