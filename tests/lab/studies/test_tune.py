"""The tuning of settings: on validation data, on seeds apart, with equally many trials."""

from collections import Counter

import pytest
from tiny import TASK

from sssam.lab.runs import dispatch
from sssam.lab.runs import store as records
from sssam.lab.specs import Method, Record, Run
from sssam.lab.studies import tune
from sssam.lab.studies.design import Axis, Tunable

RADII = Axis(values=(0.05, 0.2), start=0.05, grows=True)
BASE = Tunable(method=Method(label="base", kind="base"))
SAM = Tunable(method=Method(label="SAM", kind="sam"), axes={"rho": RADII})
MSAM = Tunable(
    method=Method(label="MSAM", kind="msam"),
    axes={"rho": Axis(values=(0.3, 1.2), start=0.3, grows=True)},
)
SEEDS = (1000, 1001)


class Invented:
    """Stands in for training: accuracy peaks at a radius, and every request is counted."""

    def __init__(self, peak: float) -> None:
        self.peak, self.asked, self.rounds = peak, Counter[str](), 0

    def __call__(self, runs):
        self.rounds += 1
        self.asked.update(f"{run.method.label} {run.method.rho:g} {run.seed}" for run in runs)
        return {run.id: self._record(run) for run in runs}

    def _record(self, run: Run) -> Record:
        rho = run.method.rho / (6.0 if run.method.kind == "msam" else 1.0)
        accuracy = max(0.0, 1 - abs(rho - self.peak) / 100 - run.seed / 1e5)
        return Record(run=run, outcome="finished", validation_accuracy=accuracy)


def test_variants_are_tried_together_and_equally_often_on_every_seed():
    train = Invented(peak=0.3)
    base, sam, msam = tune.tune(TASK, [BASE, SAM, MSAM], SEEDS, 9, train)
    assert base == tune.Choice(BASE.method)
    assert sam.tuning.trials == msam.tuning.trials == len(sam.tuning.scores) == 9
    assert Counter(name.split()[0] for name in train.asked) == {"SAM": 18, "MSAM": 18}
    assert set(train.asked.values()) == {1}
    assert 0.2 <= sam.method.rho <= 0.4
    assert 1.2 <= msam.method.rho <= 2.4
    assert train.rounds < 9


def test_what_was_tuned_over_what_is_a_value():
    (choice,) = tune.tune(TASK, [SAM], SEEDS, 9, Invented(peak=0.2))
    found = choice.tuning
    assert (found.label, found.values, found.seeds) == ("SAM", {"rho": 0.2}, SEEDS)
    assert found.grids["rho"] == tuple(sorted(score.values["rho"] for score in found.scores))
    assert found.at_end == ()
    best = next(score for score in found.scores if score.values == found.values)
    assert best.mean == pytest.approx(1 - 1000.5 / 1e5)
    assert best.spread == pytest.approx(2**-0.5 / 1e5)


def test_the_end_of_a_grid_is_reported_where_it_was_reached():
    (choice,) = tune.tune(TASK, [SAM], SEEDS, 5, Invented(peak=50))
    assert choice.tuning.at_end == ("rho",)
    assert choice.tuning.values["rho"] == max(choice.tuning.grids["rho"])


def test_a_bound_of_a_range_is_no_end():
    axis = Axis(values=(0.0, 0.1), start=0.0, grows=True, most=0.9)
    smooth = Tunable(method=SAM.method, axes={"label_smoothing": axis})

    def train(runs):
        return {
            run.id: Record(
                run=run,
                outcome="finished",
                validation_accuracy=1 - run.method.label_smoothing,
            )
            for run in runs
        }

    (choice,) = tune.tune(TASK, [smooth], SEEDS, 5, train)
    assert choice.tuning.values == {"label_smoothing": 0.0}
    assert choice.tuning.at_end == ()


def test_the_smaller_radius_of_equals_is_chosen():
    def train(runs):
        return {r.id: Record(run=r, outcome="finished", validation_accuracy=0.5) for r in runs}

    (choice,) = tune.tune(TASK, [SAM], SEEDS, 6, train)
    assert choice.method.rho == min(choice.tuning.grids["rho"])


def test_equal_means_are_equal_whatever_their_sums_round_to():
    """Over two seeds of ten examples, 2 + 4 and 1 + 5 right: in binary the former is more."""
    right = {(0.05, 1000): 0.1, (0.05, 1001): 0.5, (0.2, 1000): 0.2, (0.2, 1001): 0.4}
    lists = SAM.model_copy(update={"axes": {"rho": Axis(values=(0.05, 0.2), start=0.05)}})

    def train(runs):
        return {
            run.id: Record(
                run=run,
                outcome="finished",
                validation_accuracy=right[run.method.rho, run.seed],
            )
            for run in runs
        }

    (choice,) = tune.tune(TASK, [lists], SEEDS, 6, train)
    assert choice.method.rho == 0.05


def test_diverged_runs_count_with_what_was_measured_and_failed_ones_as_nothing():
    ends = {1000: ("finished", 0.9), 1001: ("diverged", 0.1), 1002: ("failed", None)}
    one = SAM.model_copy(update={"axes": {"rho": Axis(values=(0.1, 0.2), start=0.1)}})

    def train(runs):
        return {
            run.id: Record(
                run=run, outcome=ends[run.seed][0], validation_accuracy=ends[run.seed][1]
            )
            for run in runs
        }

    (choice,) = tune.tune(TASK, [one], tuple(ends), 6, train)
    score = choice.tuning.scores[0]
    assert score.mean == pytest.approx(1 / 3)
    assert score.spread == pytest.approx(0.4933, abs=1e-4)
    assert score.diverged == 2


def test_the_test_set_has_no_say_in_what_is_chosen():
    """The same validation accuracies, with test sets that would choose the largest radius."""
    train = Invented(peak=0.3)

    def poisoned(runs):
        return {
            name: record.model_copy(
                update={
                    "test_accuracy": min(1.0, record.run.method.rho / 10),
                    "correct": "0xff",
                    "test_size": 8,
                }
            )
            for name, record in train(runs).items()
        }

    assert tune.tune(TASK, [SAM, MSAM], SEEDS, 9, poisoned) == tune.tune(
        TASK, [SAM, MSAM], SEEDS, 9, train
    )


def test_trained_runs_decide_and_a_second_time_reads_them(tmp_path):
    def train(runs):
        return dispatch.run_missing(runs, tmp_path).by_id

    (choice,) = tune.tune(TASK, [SAM], SEEDS, 4, train)
    stored = records.read_all(tmp_path).by_id
    stored = [r for r in stored.values() if r.run.method.rho == choice.method.rho]
    best = max(score.mean for score in choice.tuning.scores)
    assert sum(record.validation_accuracy for record in stored) / 2 == pytest.approx(best)
    assert len(records.read_all(tmp_path).by_id) == 8
    assert tune.tune(TASK, [SAM], SEEDS, 4, train) == [choice]
    assert len(records.read_all(tmp_path).by_id) == 8
