"""What is said of a search's trials: the front, the samplers beside each other, on fresh seeds."""

import json

import pytest
from searches import Records, design
from synthetic import record

from sssam.lab.comparison.compare import compare
from sssam.lab.search import Candidate, Results, Searched, confirm, report, search, space
from sssam.lab.studies import conduct

FAMILIES = {"late": {"kind": "late", "f": 0.25}, "constant": {"kind": "constant", "p": 0.25}}


def candidate(number: int, scores: tuple[float, ...], **values: object) -> Candidate:
    label = "constant" if number % 2 else "late"
    method = {"label": label, "kind": "sssam", "rho": 0.1 + number / 100}
    method["schedule"] = FAMILIES[label]
    return Candidate.model_validate(
        {"end": "complete", "scores": scores, "method": method, **values}
    )


def searched(budget: float, sampler: str, *candidates: Candidate) -> Searched:
    return Searched(design=design(budget=budget, sampler=sampler), candidates=candidates)


@pytest.fixture(scope="module")
def found() -> Results:
    designs = [
        design(budget=budget, sampler=sampler)
        for budget in (1.5, 1.25)
        for sampler in ("tpe", "random")
    ]
    return search(designs, 13, Records())


def test_the_front_leaves_out_a_dearer_budget_that_is_no_better_and_trials_given_up() -> None:
    cheap, dear, dearest = candidate(0, (0.9,)), candidate(1, (0.9,)), candidate(2, (0.95,))
    pruned = candidate(3, (0.99,), end="pruned")
    results = Results(
        searches=(
            searched(1.1, "tpe", cheap, pruned),
            searched(1.2, "tpe", dear),
            searched(1.5, "tpe", candidate(4, (0.8,))),
            searched(1.5, "random", dearest),
        )
    )
    assert results.front() == [(1.1, cheap), (1.5, dearest)]
    drawn = report.front(results).to_dict()
    assert "4 trials. On the front: 90.00% at 1.1, 95.00% at 1.5." in drawn["description"]
    assert json.dumps(drawn).count('"family": ') == 4
    stars = [cell.endswith("*") for cell in next(iter(report.table(results).columns)).cells]
    assert stars == [True, False, False, True]


def test_the_difference_is_tpes_less_that_of_random_search() -> None:
    mine, theirs = candidate(0, (0.9, 0.9)), candidate(1, (0.7, 0.8))
    results = Results(searches=(searched(1.25, "tpe", mine), searched(1.25, "random", theirs)))
    (sentence,) = report.sentences(results)
    assert ": +15.0 points, paired (95% interval -48.5 to +78.5, n = 2)." in sentence
    assert "best of 1 TPE trials reached 90.00% (late) on 2 validation seeds" in sentence
    assert "of 1 random trials 75.00% (constant)" in sentence


def test_one_seed_has_no_spread_and_a_lone_sampler_no_sentence() -> None:
    results = Results(searches=(searched(1.25, "tpe", candidate(0, (0.9,))),))
    cells = [next(iter(column.cells)) for column in report.table(results).columns]
    assert cells[2:4] == ["90.00%", ""]
    assert report.sentences(results) == []


def test_runs_that_diverged_are_named_wherever_the_best_is() -> None:
    bad = candidate(0, (0.8, 0.1), diverged=1)
    results = Results(
        searches=(searched(1.25, "tpe", bad), searched(1.25, "random", candidate(2, (0.9, 0.8))))
    )
    assert "45.00%, runs diverged: 1 (late)" in report.sentences(results)[0]
    cells = [list(column.cells) for column in report.table(results).columns]
    assert cells[2] == ["45.00%, runs diverged: 1", "85.00%"]
    assert cells[4] == ["1 complete; 1 diverged", "1 complete"]
    line = "1.25 tpe: 1 trial, best 45.00%, runs diverged: 1 (late)"
    assert report.progress(results)[0] == line


def test_table_and_figure_show_every_search(found: Results) -> None:
    assert report.table(found).row_count == 4
    budget, best = found.front()[-1]
    drawn = report.front(found).to_dict()
    assert f"{100 * best.mean:.2f}% at {budget:g}." in drawn["description"]
    complete = sum(each.number("complete") for each in found.searches)
    assert json.dumps(drawn).count('"family": ') == complete == 28
    nothing = Results(searches=(found.searches[0].model_copy(update={"candidates": ()}),))
    with pytest.raises(ValueError, match="no trial is complete"):
        report.front(nothing)
    with pytest.raises(ValueError, match="nothing to confirm"):
        confirm.study(nothing, 2)
    assert report.progress(nothing) == ["1.5 tpe: 0 trials"]


def test_what_is_confirmed_and_on_which_seeds(found: Results) -> None:
    study = confirm.study(found, 12)
    methods = conduct.undecided(study.parts[0]).methods
    assert [method.label for method in methods[:2]] == ["base", "SAM"]
    words = [method.label.split()[0] for method in methods[2:]]
    assert words[0] == "found"
    assert words[1] in ("named", "free")
    assert set(study.seeds).isdisjoint(found.searches[0].design.seeds)
    best = found.at(1.25, "tpe").best().method
    assert methods[2].model_copy(update={"label": best.label}) == best
    named = methods[2].label.split("(")[1][:-1] in space.NAMED
    assert (words[1] == "free") == named
    assert "among trials of sssam search: 13 at 1.5 by tpe" in study.parts[0].note
    with pytest.raises(ValueError, match="--confirm is 0, must be at least 1"):
        confirm.study(found, 0)


def test_on_fresh_seeds_what_tpe_found_is_compared_with_what_random_search_found() -> None:
    searches = (
        searched(1.25, "tpe", candidate(0, (0.9, 0.9))),
        searched(1.25, "random", candidate(1, (0.8, 0.8))),
    )
    study = confirm.study(Results(searches=searches), 3)
    (part,) = study.parts
    methods = conduct.undecided(part).methods
    labels = ["found 1.25 (late)", "random 1.25 (constant)"]
    assert [method.label for method in methods[2:]] == labels
    accuracy = dict(zip(labels, (50.0, 90.0), strict=True))
    made = [
        record(method, seed, accuracy.get(method.label, 70.0), 0.1, part.task)
        for method in methods
        for seed in study.seeds
    ]
    (line,) = report.fresh(compare(part.task, methods, study.seeds, made), [1.25])
    assert "the test set, at 1.25: found 1.25 (late) less random 1.25 (constant) is -40." in line
    diverged = [each.model_copy(update={"outcome": "diverged"}) for each in made]
    assert report.fresh(compare(part.task, methods, study.seeds, diverged), [1.25]) == []
