"""What is reported of a search's trials: the table, and the study that confirms it."""

import pytest
from searches import Records, design

from sssam.lab.search import Candidate, Results, Searched, confirm, search
from sssam.lab.search.results import cells
from sssam.lab.studies import conduct

FAMILIES = {"late": {"kind": "late", "f": 0.25}, "constant": {"kind": "constant", "p": 0.25}}


def candidate(number: int, scores: tuple[float, ...], **values: object) -> Candidate:
    label = "constant" if number % 2 else "late"
    method = {"label": label, "kind": "sssam", "rho": 0.1 + number / 100}
    method["schedule"] = FAMILIES[label]
    return Candidate.model_validate(
        {"end": "complete", "scores": scores, "method": method, **values}
    )


def searched(budget: float, *candidates: Candidate) -> Searched:
    return Searched(design=design(budget=budget), candidates=candidates)


@pytest.fixture(scope="module")
def found() -> Results:
    return search([design(budget=budget) for budget in (1.5, 1.25)], 13, Records())


def test_the_front_leaves_out_a_dearer_budget_that_is_no_better_and_trials_given_up() -> None:
    cheap, dear, dearest = candidate(0, (0.9,)), candidate(1, (0.9,)), candidate(2, (0.95,))
    pruned = candidate(3, (0.99,), end="pruned")
    results = Results(
        searches=(
            searched(1.1, cheap, pruned),
            searched(1.2, dear),
            searched(1.5, candidate(4, (0.8,)), dearest),
        )
    )
    assert results.front() == [(1.1, cheap), (1.5, dearest)]
    assert [line[0].text for line in cells(results)] == ["1.1*", "1.2", "1.5*"]


def test_one_seed_has_no_spread() -> None:
    results = Results(searches=(searched(1.25, candidate(0, (0.9,))),))
    assert [cell.text for cell in cells(results)[0][1:3]] == ["90.00%", "-"]


def test_runs_that_diverged_are_counted() -> None:
    results = Results(searches=(searched(1.25, candidate(0, (0.8, 0.1), diverged=1)),))
    line = [cell.text for cell in cells(results)[0]]
    assert (line[1], line[3]) == ("45.00%, runs diverged: 1", "1 complete; 1 diverged")


def test_the_table_shows_every_search(found: Results) -> None:
    assert [line[0].text.rstrip("*") for line in cells(found)] == ["1.25", "1.5"]
    assert [c.end for each in found.searches for c in each.candidates].count("complete") == 14
    nothing = Results(searches=(found.searches[0].model_copy(update={"candidates": ()}),))
    assert [cell.text for cell in cells(nothing)[0][1:4]] == ["-", "-", "none"]
    with pytest.raises(ValueError, match="nothing to confirm"):
        confirm(nothing, 2)


def test_what_is_confirmed_and_on_which_seeds(found: Results) -> None:
    study = confirm(found, 12)
    methods = conduct.undecided(study, study.parts[0]).methods
    assert [method.label.split(" (")[0] for method in methods] == [
        "base",
        "SAM",
        "found 1.25",
        "found 1.5",
    ]
    assert set(study.seeds).isdisjoint(found.searches[0].design.seeds)
    best = found.searches[0].best().method
    assert methods[2].model_copy(update={"label": best.label}) == best
    assert "among trials of sssam search: 13 at 1.25, 13 at 1.5" in study.parts[0].note
