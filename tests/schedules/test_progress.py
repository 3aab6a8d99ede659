"""Progress that is set: what it accepts, and whose it is when it is set amid a step."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from sssam.roles import Scheduled, Strength
from sssam.schedules import constant, late, linear
from sssam.schedules.draws import Draws, uniform
from sssam.schedules.progress import Progress, of


def test_a_draw_is_a_function_of_seed_step_and_progress() -> None:
    draws = Draws(linear(0, 1), seed=5)
    for t, u in ((0, 0.3), (7, 0.3), (7, 0.9), (8, 0.0), (9, 1.0)):
        assert draws(t, u) == (uniform(5, t) < u)
        assert draws.probability(t, u) == u
    counted = Draws(linear(0, 1), 100, seed=5)
    assert [counted(t, t / 100) for t in range(100)] == [counted(t) for t in range(100)]


@pytest.mark.parametrize("tenths", range(11))
def test_a_late_block_begins_at_the_decimal_that_was_typed(tenths: int) -> None:
    u, f = tenths / 10, (10 - tenths) / 10
    assert late(f)(u) == (f > 0)
    assert late(f)(max(u - 1e-9, 0.0)) == (f == 1)


def test_what_is_set_amid_a_step_is_the_next_one_s() -> None:
    progress = Progress(0.2)
    assert progress.peek(3) == 0.2
    progress.set(0.3)
    assert progress.at(3) == 0.3
    progress.set(0.6)
    assert progress.at(3) == progress.peek(3) == 0.3
    assert progress.at(4) == progress.at(5) == 0.6


def test_steps_that_were_counted_at_first_are_counted_to_the_end_of_theirs() -> None:
    progress = Progress()
    assert progress.at(0) is None
    progress.set(0.5)
    assert progress.at(0) is None
    assert progress.at(1) == 0.5


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (0.4, ValueError, r"must not go back from 0\.5 to 0\.4.*share of the whole training"),
        (1.5, ValueError, r"progress must be in \[0, 1\], not 1\.5"),
        (-0.1, ValueError, r"progress must be in \[0, 1\], not -0\.1"),
        (float("nan"), ValueError, r"progress must be in \[0, 1\], not nan"),
        ("end", TypeError, "progress must be a number, not 'end'"),
    ],
)
def test_backwards_or_outside_is_an_error(value: Any, error: type[Exception], said: str) -> None:
    progress = Progress(0.5)
    with pytest.raises(error, match=said):
        progress.set(value)
    assert progress.peek(0) == 0.5


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (lambda p: Scheduled(Draws(late(0.5), 10, kind="systematic"), p), "draws='bernoulli'"),
        (lambda p: Strength(late(0.5), 10, "total", progress=p), "strength='per-step' or 'fixed'"),
        (
            lambda p: Strength(constant(0.5), 10, "per-step", 0.01, p),
            "strength_floor must be at least 0.1",
        ),
    ],
)
def test_what_counts_by_all_steps_refuses_another_progress(part: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        part(Progress(0.0))
    later = Progress()
    part(later)
    with pytest.raises(ValueError, match=re.escape(said)):
        later.set(0.5)


def test_without_steps_and_progress_it_is_an_error_each_time_until_it_is_set() -> None:
    progress = Progress()
    coin = Scheduled(Draws(constant(1.0)), progress)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"optimizer\.progress = u.*sssam\.Deadline"):
            coin.acts(0)
    progress.set(0.0)
    assert coin.acts(0)
    with pytest.raises(ValueError, match="total_steps"):
        Draws(constant(1.0)).acting_steps()
    with pytest.raises(ValueError, match="draws='bernoulli'"):
        Draws(constant(1.0), kind="systematic")
    with pytest.raises(RuntimeError, match=r"schedule\.mean_probability\(n\)"):
        coin.rate(None)


def test_per_step_strength_follows_the_progress() -> None:
    progress = Progress(0.5)
    strength = Strength(linear(0, 1), None, "per-step", progress=progress)
    assert strength(0) == 2.0
    progress.set(0.8)
    assert strength(1) == 1.25


def test_one_progress_for_all_parts_of_a_method() -> None:
    one, other = Progress(), Progress()
    coins = [Scheduled(Draws(constant(0.5), 10), each) for each in (one, other, None)]
    assert of(coins[0]) is one
    assert of(coins[2]) is None
    with pytest.raises(ValueError, match=r"2 progresses.*sssam\.roles\.Progress"):
        of(_Both(*coins[:2]))


@dataclass
class _Both:
    one: Any
    other: Any
