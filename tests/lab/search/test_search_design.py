"""Every draw is a method that costs exactly the budget."""

import pytest
from searches import Drawn, design

from sssam.lab.search import design as space
from sssam.lab.studies.design import TUNING_SEEDS


@pytest.mark.parametrize("family", list(space.SHAPES))
@pytest.mark.parametrize("budget", [1.001, 1.1, 1.5, 1.9, 2.0])
def test_every_draw_costs_exactly_the_budget(family: str, budget: float) -> None:
    for total_steps in (2, 7, 640):
        for fractions in ((1.0,), (1.0, 0.5, 0.125)):
            one = design(budget=budget, fractions=fractions)
            for seed in range(8):
                method = space.propose(Drawn(seed, family), one, total_steps)
                schedule = method.scheduling_function()
                schedule.validate(total_steps)
                mean = schedule.mean_probability(total_steps)
                assert abs(1 + method.ascent_fraction * mean - budget) < 1e-12


def test_the_free_form_keeps_its_form() -> None:
    one = design(budget=1.3)
    heights = [space.propose(Drawn(s, "pieces"), one, 640).schedule["values"] for s in range(9)]
    assert {len(values) for values in heights} == {space.KNOTS}
    assert any(max(values) > 0.9 for values in heights)  # peaks are within reach
    assert any(max(values) < 0.5 for values in heights)


def test_filled_has_the_mean_and_keeps_the_order() -> None:
    values = space.filled([0.0, 3.0, -1.0, 1.0], 0.6)
    assert sum(values) / 4 == pytest.approx(0.6, abs=1e-12)
    assert values[1] == 1.0
    assert values[2] < values[0] < values[3] <= 1.0
    assert space.filled([0.0, 5.0], 1.0) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"budget": 1.0}, "greater than 1"),
        ({"budget": 2.1}, "less than or equal to 2"),
        ({"seeds": ()}, "at least 1 item"),
        ({"seeds": (0,)}, "greater than or equal to 2000"),
        ({"fractions": (0.0,)}, "greater than 0"),
        ({"budget": 1.5, "fractions": (0.25,)}, "can cost, 1.25: name a lower budget or a larger"),
        ({"rho": (0.2, 0.1)}, "must be a range that rises"),
    ],
)
def test_what_can_not_be_searched_is_refused(values: dict[str, object], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        design(**values)


def test_seeds_are_none_of_tunings_or_comparisons() -> None:
    with pytest.raises(ValueError, match="2000"):
        design(seeds=TUNING_SEEDS)
