"""Which values are tried next: equally many trials, grids that widen, steps that shrink."""

import math

import pytest

from sssam.lab.studies.design import Axis
from sssam.lab.studies.trials import WIDENINGS, proposed, ranked

RHO = Axis(values=(0.0125, 0.05, 0.2, 0.8), start=0.05, grows=True)
RATE = Axis(values=(0.05, 0.1, 0.2), start=0.1, grows=True)
SMOOTHING = Axis(values=(0.0, 0.1, 0.3), start=0.0, grows=True, most=0.9)


def search(axes, value, trials):
    """All points that are tried of a known function, and the rounds that they were tried in."""
    scores, rounds = {}, []
    while points := proposed(axes, scores, trials):
        rounds.append(points)
        scores |= {point: value(*point) for point in points}
    return scores, rounds


def peak(*at):
    """A function with its largest value at these values, on a logarithmic scale."""
    return lambda *point: -sum(math.log(x / y) ** 2 for x, y in zip(point, at, strict=True))


@pytest.mark.parametrize("at", [0.002, 0.05, 0.3, 3.0, 40.0])
def test_a_radius_far_outside_the_first_grid_is_found_to_a_root_of_2(at):
    scores, rounds = search([RHO], peak(at), 12)
    ((best,), *_) = ranked(scores)
    assert abs(math.log(best / at, 2)) <= 0.51
    assert len(scores) == sum(map(len, rounds)) == 12
    assert min(scores) < (best,) < max(scores)


def test_steps_near_the_best_shrink_from_4_to_the_root_of_2_and_no_further():
    _, rounds = search([RHO], peak(0.2), 8)
    assert rounds[1:3] == [[(0.4,), (0.1,)], [(0.283,), (0.141,)]]


def test_a_grid_is_widened_at_most_so_often():
    scores, _ = search([RHO], lambda rho: rho, 30)
    assert max(scores) == (pytest.approx(0.8 * 4**WIDENINGS, rel=0.01),)


def test_nothing_goes_beyond_a_bound():
    scores, _ = search([SMOOTHING], lambda s: s, 20)
    assert max(scores) == (0.9,)
    scores, _ = search([SMOOTHING], lambda s: -s, 20)
    assert min(scores) == (0.0,)


def test_all_that_helped_alone_is_tried_together():
    scores, rounds = search([RATE, SMOOTHING], lambda r, s: r + s, 7)
    assert rounds[0][0] == (0.1, 0.0)
    assert set(rounds[0]) == {(0.1, 0.0), (0.05, 0.0), (0.2, 0.0), (0.1, 0.1), (0.1, 0.3)}
    assert rounds[1] == [(0.2, 0.3)]
    assert ranked(scores)[0] == (0.4, 0.3)


def test_settings_that_depend_on_each_other_are_followed():
    decay = Axis(values=(5e-4, 2e-3, 8e-3), start=5e-4, grows=True)
    scores, _ = search([RATE, decay], peak(0.025, 0.02), 20)
    rate, weight = ranked(scores)[0]
    assert rate == pytest.approx(0.025, rel=0.5)
    assert weight == pytest.approx(0.02, rel=0.5)


def test_lists_are_tried_whole_and_no_more():
    lists = [Axis(values=(0.1, 0.2), start=0.1), Axis(values=("a", "b"), start="a")]
    scores, _ = search(lists, lambda rho, word: rho, 12)
    assert set(scores) == {(0.1, "a"), (0.1, "b"), (0.2, "a"), (0.2, "b")}


def test_lists_that_are_too_long_are_tried_in_part():
    lists = [Axis(values=tuple(range(1, 6)), start=1) for _ in range(2)]
    scores, _ = search(lists, lambda a, b: a + b, 10)
    assert len(scores) == 10
    assert ranked(scores)[0] == (5, 5)


def test_whole_numbers_stay_whole():
    scores, _ = search([Axis(values=(2, 8), start=2, grows=True)], peak(4), 5)
    assert {type(k) for (k,) in scores} == {int}
    assert ranked(scores)[0] == (4,)


def test_of_equal_scores_the_first_is_the_best():
    assert ranked({(0.4,): 0.1 + 0.2, (0.1,): 0.3})[0] == (0.4,)


def test_a_single_value_leaves_nothing_to_try():
    assert search([Axis(values=(0.1,), start=0.1)], peak(0.1), 12)[0] == {(0.1,): 0.0}
