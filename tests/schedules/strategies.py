"""Schedules of every kind, for property tests."""

import math

from hypothesis import strategies as st

from sssam.schedules import (
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


def parabola(u: float) -> float:
    return u * (2.0 - u)


NAMES = {"parabola": parabola, "math": math}
"""What a repr may refer to beside the schedules themselves."""

CALLABLES = {f"{__name__}:parabola": parabola, "math:sqrt": math.sqrt}

probabilities = st.sampled_from([i / 20 for i in range(21)]) | st.floats(0.0, 1.0)
numbers = st.integers(-3, 3) | st.floats(-4.0, 4.0)
shares = st.sampled_from([0.1, 0.25, 0.5, 0.9]) | st.floats(0.01, 0.99)
runs = st.integers(1, 30) | st.integers(1, 2000)
budgets = st.sampled_from([1 + i / 40 for i in range(41)]) | st.floats(1.0, 2.0)

ramps = st.builds(linear, probabilities, probabilities)
ramps |= st.builds(cosine, probabilities, probabilities)
ramps |= st.builds(sine, probabilities, probabilities)
powers = st.builds(power, st.sampled_from([0.5, 1, 2, 3]) | st.floats(1e-3, 1e3))
smooth = st.builds(constant, probabilities) | ramps | powers


@st.composite
def pieces(draw: st.DrawFn) -> Schedule:
    boundaries = sorted(draw(st.sets(shares, max_size=4)))
    count = len(boundaries) + 1
    return piecewise(boundaries, draw(st.lists(probabilities, min_size=count, max_size=count)))


lates = st.builds(late, probabilities, probabilities | st.just(1.0))
customs = st.builds(custom, st.sampled_from(list(CALLABLES.values())))
leaves = smooth | pieces() | lates | customs


def _valid(inner: st.SearchStrategy[Schedule]) -> st.SearchStrategy[Schedule]:
    """One operation more, after which the values are still probabilities."""
    return (
        st.builds(lambda a, b: (a + b).clamp(0, 1), inner, inner)
        | st.builds(lambda a, x: (x - a).clamp(0.1, 0.9), inner, numbers)
        | st.builds(lambda a, x: a * x, inner, probabilities)
        | st.builds(lambda a, b: a * b, inner, inner)
        | st.builds(lambda a: 1 - a, inner)
        | st.builds(Schedule.reversed, inner)
        | st.builds(Schedule.then, inner, inner, shares)
    )


def _any(inner: st.SearchStrategy[Schedule]) -> st.SearchStrategy[Schedule]:
    """One operation more, whatever its values."""
    return (
        _valid(inner)
        | st.builds(lambda a, b: a - b, inner, inner)
        | st.builds(lambda a, x: a + x, inner, numbers)
        | st.builds(lambda a, x: x * a, inner, numbers)
        | st.builds(lambda a, x: (a - x).clamp(-x * x, 3), inner, numbers)
    )


schedules = st.recursive(leaves, _valid, max_leaves=4)
expressions = st.recursive(leaves, _any, max_leaves=6)
