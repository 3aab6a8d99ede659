"""What is said of a search's trials: the front, the samplers beside each other, on fresh seeds."""

import json

import optuna
import pytest
from synthetic import record
from tiny import TASK

from sssam.lab.comparison.compare import compare
from sssam.lab.search import chart, confirm, drive, told
from sssam.lab.search.design import Design
from sssam.lab.search.findings import Candidate, Findings, Found
from sssam.lab.studies import conduct

LONGER = TASK.model_copy(update={"epochs": 8})
FAMILIES = {"late": {"kind": "late", "f": 0.25}, "constant": {"kind": "constant", "p": 0.25}}


def candidate(number: int, scores: tuple[float, ...], **values: object) -> Candidate:
    label = "constant" if number % 2 else "late"
    method = {"label": label, "kind": "sssam", "rho": 0.1 + number / 100}
    method["schedule"] = FAMILIES[label]
    given = {"number": number, "end": "complete", "scores": scores, "method": method, **values}
    return Candidate.model_validate(given)


def found(budget: float, sampler: str, *candidates: Candidate) -> Found:
    design = Design(task=LONGER, budget=budget, sampler=sampler, seeds=(2000, 2001))
    return Found(design=design, candidates=candidates)


def test_the_front_leaves_out_a_dearer_budget_that_is_no_better_and_trials_given_up() -> None:
    cheap, dear, dearest = candidate(0, (0.9,)), candidate(1, (0.9,)), candidate(2, (0.95,))
    pruned = candidate(3, (0.99,), end="pruned")
    findings = Findings(
        searches=(
            found(1.1, "tpe", cheap, pruned),
            found(1.2, "tpe", dear),
            found(1.5, "tpe", candidate(4, (0.8,))),
            found(1.5, "random", dearest),
        )
    )
    assert findings.front() == [(1.1, cheap), (1.5, dearest)]
    drawn = chart.front(findings).to_dict()
    assert "4 trials. On the front: 90.00% at 1.1, 95.00% at 1.5." in drawn["description"]
    assert json.dumps(drawn).count('"number": ') == 4
    stars = [cell.endswith("*") for cell in next(iter(told.table(findings).columns)).cells]
    assert stars == [True, False, False, True]


def test_the_difference_is_tpes_less_that_of_random_search() -> None:
    mine, theirs = candidate(0, (0.9, 0.9)), candidate(1, (0.7, 0.8))
    findings = Findings(searches=(found(1.25, "tpe", mine), found(1.25, "random", theirs)))
    assert ": +15.0 points, paired (95% -48.5 to +78.5, n = 2)." in told.sentences(findings)[0]


def test_one_seed_has_no_spread() -> None:
    findings = Findings(searches=(found(1.25, "tpe", candidate(0, (0.9,))),))
    cells = [next(iter(column.cells)) for column in told.table(findings).columns]
    assert cells[2:4] == ["90.00%", ""]


def test_early_accuracies_are_ranked_against_the_ends_quarter_by_quarter() -> None:
    def curve(i: int) -> tuple[float, ...]:
        """Reversed after a quarter, without order after a half, as the end after three quarters."""
        return (0.0, -i / 20 + 0.6, 0.0, (i * 5 % 12) / 20, 0.0, i / 20, 0.0, i / 20)

    trials = [candidate(i, (i / 20, 0.5), curve=curve(i)) for i in range(12)]
    said = told.sentences(Findings(searches=(found(1.25, "tpe", *trials),)))
    assert said == [
        "At 1.25 (tpe), accuracy after a quarter, a half and three quarters of a run ranks 12 "
        "trials as its end does with Spearman's -1.00, 0.22, 1.00."
    ]


def test_on_fresh_seeds_what_tpe_found_is_compared_with_what_random_search_found() -> None:
    searches = (
        found(1.25, "tpe", candidate(0, (0.9, 0.9))),
        found(1.25, "random", candidate(1, (0.8, 0.8))),
    )
    findings = Findings(searches=searches)
    study = confirm.study(findings, 3)
    (part,) = study.parts
    methods = conduct.undecided(part).methods
    assert [method.label for method in methods[2:]] == [
        "found 1.25 (late)",
        "random 1.25 (constant)",
    ]
    accuracy = {"found 1.25 (late)": 50.0, "random 1.25 (constant)": 90.0}
    made = [
        record(method, seed, accuracy.get(method.label, 70.0), 0.1, part.task)
        for method in methods
        for seed in study.seeds
    ]
    (line,) = told.fresh(compare(part.task, methods, study.seeds, made), findings.budgets)
    assert "the test set, at 1.25: found 1.25 (late) less random 1.25 (constant) is -40." in line


@pytest.mark.parametrize(
    ("name", "sampler"),
    [("tpe", optuna.samplers.TPESampler), ("random", optuna.samplers.RandomSampler)],
)
def test_a_search_draws_by_the_sampler_that_it_is_named_for(name: str, sampler: type) -> None:
    assert type(drive.sampler(found(1.25, name).design, 0)) is sampler
