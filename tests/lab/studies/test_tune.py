"""The choice of hyperparameters: on validation data, on seeds apart, with equal trials."""

import json
from collections import Counter

import pytest
from tiny import TASK

from sssam.lab.runs import dispatch
from sssam.lab.specs import Method, Record, Run
from sssam.lab.studies import tune
from sssam.lab.studies.chosen import as_tuned
from sssam.lab.studies.design import Grid
from sssam.lab.tuned import Tuned

BASE = Grid(method=Method(label="base", kind="base"))
SAM = Grid(method=Method(label="SAM", kind="sam"), factors=(0.05, 0.1, 0.2), grows=True)
MSAM = Grid(
    method=Method(label="MSAM", kind="msam"), unit=6.0, factors=(0.05, 0.1, 0.2), grows=True
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (False, False, (0.1, 0.2, 0.6)),
        (True, False, (0.05, 0.1, 0.2, 0.6)),
        (True, True, (0.05, 0.1, 0.2, 0.6, 0.8)),
    ],
)
def test_the_grid_grows_where_a_best_lies_at_its_end(low, high, expected):
    assert tune.extended((0.1, 0.2, 0.6), low, high) == expected


@pytest.mark.parametrize("end", [0.001, 0.1, 0.11, 0.15, 0.2, 21.3])
def test_a_grid_never_grows_by_a_value_that_it_has(end):
    assert tune.extended((0.0005, end), low=False, high=True)[-1] > end


def _record(accuracy: float | None, outcome: str = "finished", rho: float = 0.0) -> Record:
    run = Run(task=TASK, method=Method(label="SAM", kind="sam", rho=rho), seed=0)
    return Record(run=run, outcome=outcome, validation_accuracy=accuracy)


def test_diverged_runs_count_with_what_was_measured_and_failed_ones_as_nothing():
    records = [_record(0.9), _record(0.1, "diverged"), _record(None, "failed")]
    found = tune.score(SAM.method, records)
    assert found.mean == pytest.approx(1 / 3)
    assert found.spread == pytest.approx(0.4933, abs=1e-4)
    assert (found.n, found.diverged) == (3, 2)


def test_the_best_mean_is_chosen_and_the_smaller_radius_of_equals():
    tried = [
        tune.score(_record(mean, rho=rho).run.method, [_record(mean)])
        for rho, mean in ((0.1, 0.5), (0.4, 0.7), (0.2, 0.7))
    ]
    assert tune.best(SAM, tried).method.rho == 0.2


def test_equal_means_are_equal_whatever_their_sums_round_to():
    """Over two seeds of ten examples, 2 + 4 and 1 + 5 right: in binary the former is more."""
    tried = [
        tune.score(_record(0.0, rho=rho).run.method, [_record(one), _record(other)])
        for rho, one, other in ((0.4, 0.2, 0.4), (0.1, 0.1, 0.5))
    ]
    assert tried[0].mean > tried[1].mean
    assert tune.best(SAM, tried).method.rho == 0.1


class Invented:
    """Stands in for training: accuracy peaks at a radius, and every request is counted."""

    def __init__(self, peak: float) -> None:
        self.peak, self.asked = peak, Counter[str]()

    def __call__(self, runs):
        self.asked.update(f"{run.method.label} {run.method.rho:g} {run.seed}" for run in runs)
        return {run.id: self._record(run) for run in runs}

    def _record(self, run: Run) -> Record:
        accuracy = 1 - abs(run.method.rho / (6.0 if run.method.kind == "msam" else 1.0) - self.peak)
        return Record(run=run, outcome="finished", validation_accuracy=accuracy)


def test_grids_grow_for_all_rows_until_no_best_is_at_an_end():
    train = Invented(peak=0.3)
    choices = tune.choose(TASK, [BASE, SAM, MSAM], (1000, 1001), train)
    base, sam, msam = choices
    assert base.trials == ()
    assert sam.grid.factors == (0.05, 0.1, 0.2, 0.3, 0.4)
    assert [trial.method.rho for trial in msam.trials] == [0.3, 0.6, 1.2, 1.8, 2.4]
    assert (sam.method.rho, msam.method.rho) == (0.3, 1.8)
    assert {trial.n for choice in (sam, msam) for trial in choice.trials} == {2}
    assert len(sam.trials) == len(msam.trials)
    runs_of = Counter(name.split()[0] for name in train.asked)
    assert runs_of["SAM"] == runs_of["MSAM"] == 2 * len(sam.trials)
    assert not sam.at_an_end
    assert not [name for name in train.asked if name.startswith("base")]


def test_the_test_set_has_no_say_in_what_is_chosen():
    """The same validation accuracies, with test sets that would choose the largest radius."""

    def poisoned(runs):
        held = train(runs)
        return {
            name: record.model_copy(
                update={
                    "test_accuracy": min(1.0, record.run.method.rho / 10),
                    "correct": "0xff",
                    "test_size": 8,
                    "test_hash": f"{record.run.method.rho}",
                }
            )
            for name, record in held.items()
        }

    train = Invented(peak=0.3)
    seeds = (1000, 1001, 1002)
    assert tune.choose(TASK, [BASE, SAM, MSAM], seeds, poisoned) == tune.choose(
        TASK, [BASE, SAM, MSAM], seeds, train
    )


def test_a_grid_that_is_given_does_not_grow_and_its_end_is_told():
    fixed = SAM.model_copy(update={"grows": False})
    choices = tune.choose(TASK, [BASE, fixed], (1000, 1001), Invented(peak=9))
    assert choices[1].grid == fixed
    told = tune.told(choices, (1000, 1001))
    assert "Chosen: SAM: rho 0.2 (of 0.05, 0.1, 0.2)." in told
    assert "over 2 seeds (1000, 1001) that the comparison does not use" in told
    assert "Not tuned, but run at the values given: base." in told
    assert "The best rho lies at the end of the grid for SAM." in told


def test_growing_ends():
    train = Invented(peak=1e9)
    (choice,) = tune.choose(TASK, [SAM], (1000,), train)
    assert len(choice.trials) == 3 + tune.EXTENSIONS


def test_every_row_is_tried_equally_often_and_validation_decides(tmp_path):
    def train(runs):
        return dispatch.run_missing(runs, tmp_path).by_id

    choices = tune.choose(TASK, [BASE, SAM], (1000, 1001), train, whole=True)
    base, sam = choices
    assert [trial.n for trial in base.trials] == [2]
    held = train([])
    best = max(trial.mean for trial in sam.trials)
    ran = [r for r in held.values() if r.run.method.rho == sam.method.rho]
    ran = [r for r in ran if r.run.method.kind == "sam"]
    assert sum(r.validation_accuracy for r in ran) / 2 == pytest.approx(best)
    described = ran[0].environment
    found = as_tuned(TASK, choices, (1000, 1001), "a command", described)
    assert Tuned.model_validate_json(found.model_dump_json()) == found
    assert found.found("SAM") == sam.method.rho
    assert [score.rho for score in found.rows[1].scores] == [t.method.rho for t in sam.trials]
    assert tune.choose(TASK, [BASE, SAM], (1000, 1001), train, whole=True) == choices


def test_compact_records_hold_nothing_of_the_test_set():
    line = json.loads(tune.compact(_record(0.5).model_copy(update={"test_accuracy": 0.9})))
    assert line["validation_accuracy"] == 0.5
    assert not [key for key in line if "test" in key or "correct" in key]


def _choice(label: str, *rows: list[float]) -> tune.Choice:
    """A row whose radii have these accuracies, by seed."""
    grid = Grid(method=Method(label=label, kind="sam"), factors=(0.1, 0.2, 0.4)[: len(rows)])
    made = zip(grid.trials(), rows, strict=True)
    return tune.best(grid, [tune.score(method, [_record(x) for x in row]) for method, row in made])


def test_rows_whose_choice_may_be_chance_are_told_of():
    apart = _choice("apart", [0.9, 0.8, 0.7], [0.5, 0.4, 0.31])
    tied, equal = _choice("tied", [0.9, 0.8], [0.8, 0.9]), _choice("equal", [0.9, 0.8], [0.9, 0.8])
    assert "chance" not in tune.told([apart], (1000, 1001, 1002))
    assert tune.told([apart, tied], (1000, 1001), "recall").endswith(
        " The seeds do not tell the trials apart for tied (p = 1), by an F test paired by seed, so "
        "this choice may be chance."
    )
    assert "for tied (p = 1) and equal (p = 1)" in tune.told([tied, equal], (1000, 1001))
    told = tune.told([_choice("single", [0.9], [0.8])], (1000,), "recall")
    assert "the best mean recall on validation samples over 1 seed (1000)" in told
    assert told.endswith(
        "One seed does not tell the trials of a row apart, so the choice may be chance."
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[0.9, 0.8], [0.9, 0.8]], "the seeds do not tell the radii apart (F test paired by seed"),
        ([[0.9, 0.8, 0.7], [0.8, 0.9, 0.7], [0.85, 0.8, 0.75]], "do not tell the radii apart"),
        ([[0.9, 0.8, 0.7], [0.5, 0.4, 0.31], [0.1, 0.0, 0.0]], ""),
        ([[0.9], [0.1]], "one seed does not tell the radii apart"),
        ([[0.9, 0.8]], ""),
    ],
)
def test_radii_are_told_apart_only_beyond_the_noise_of_seeds(rows, said):
    tried = [
        tune.score(_record(0.0, rho=0.1 * (i + 1)).run.method, [_record(each) for each in row])
        for i, row in enumerate(rows)
    ]
    told = tune.untold(tune.best(SAM, tried))
    assert said in told
    assert bool(said) == bool(told)
