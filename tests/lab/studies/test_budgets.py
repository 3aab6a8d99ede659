"""Families at a budget: numbers are the schedule's own, and what can't be reached is said."""

import pytest

from sssam.lab.studies.budgets import FAMILIES, AtBudget, bands, cells, families
from sssam.schedules.draws import Draws


def planned(family: str, *arguments: object, **more: object) -> AtBudget:
    return next(p for p in families(*arguments, **more) if p.family == family)  # type: ignore[arg-type]


@pytest.mark.parametrize("budget", [1.0, 1.1, 1.25, 1.5, 1.9, 2.0])
@pytest.mark.parametrize("total_steps", [1, 10, 1000])
def test_every_family_meets_the_budget_or_says_what_it_reaches(
    budget: float, total_steps: int
) -> None:
    for each in families(budget, total_steps):
        if each.schedule is None:
            assert "reaches 1" in each.remark or "reaches 2" in each.remark
        else:
            assert abs(each.expected - budget) <= 1 / total_steps + 1e-12


def test_the_default_budget_is_in_reach_of_all_families() -> None:
    assert [p.family for p in families() if p.schedule is not None] == list(FAMILIES)


def test_a_family_out_of_reach_names_its_interval() -> None:
    falling = planned("linear, falling", 1.25, 1000)
    assert falling.schedule is None
    assert falling.remark == "reaches 1.5 to 2 from linear(1.0, 0.0)"


def test_the_spread_is_that_of_the_draws() -> None:
    each = planned("constant", 1.5, 100)
    counts = [1 + len(Draws(each.schedule, 100, s).acting_steps()) / 100 for s in range(400)]
    mean = sum(counts) / 400
    spread = (sum((c - mean) ** 2 for c in counts) / 399) ** 0.5
    assert each.spread == pytest.approx(0.05)
    assert spread == pytest.approx(each.spread, rel=0.1)
    assert planned("late block", 1.5, 100).spread == 0


def test_bands_are_drawn_as_the_optimizer_would() -> None:
    found = families(1.5, 200)
    band = bands(found, 200, seed=3)[0]
    assert [t for t, taken in enumerate(band.taken) if taken] == Draws(
        found[0].schedule, 200, seed=3
    ).acting_steps()


def test_the_table_has_a_row_for_each_family_in_reach() -> None:
    lines = [[cell.text for cell in line] for line in cells(families(1.25, 1000))]
    assert ["late(0.25)", "1.2500", "exactly"] in lines
    assert len(lines) == len(FAMILIES) - 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"budget": 0.9}, r"budget must be in \[1, 2\], not 0.9; 1 is the base optimizer"),
        ({"budget": 2.1}, r"budget must be in \[1, 2\], not 2.1"),
        ({"budget": float("nan")}, r"budget must be in \[1, 2\], not nan"),
        ({"total_steps": 0}, "total_steps must be at least 1, not 0; the steps of the whole run"),
    ],
)
def test_bad_input_is_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        families(**arguments)
