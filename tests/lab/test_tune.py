import json

import pytest
from tiny import TASK

from sssam.lab import tasks, tune
from sssam.lab.specs import Method, Record, Run
from sssam.lab.tuned import Score, Tuned


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ([0.2], (0.1, 0.2, 0.6)),
        ([0.2, 0.1], (0.05, 0.1, 0.2, 0.6)),
        ([0.6, 0.2], (0.1, 0.2, 0.6, 0.8)),
        ([0.0, 0.2], (0.1, 0.2, 0.6)),
    ],
)
def test_the_grid_grows_where_a_best_lies_at_its_end(best, expected):
    assert tune.extended((0.1, 0.2, 0.6), best) == expected


def _record(accuracy: float | None, outcome: str = "finished") -> Record:
    run = Run(task=TASK, method=Method(label="SAM", kind="sam"), seed=0)
    return Record(run=run, outcome=outcome, validation_accuracy=accuracy)


def test_diverged_runs_count_with_what_was_measured_and_failed_ones_as_nothing():
    found = tune.score(0.4, [_record(0.9), _record(0.1, "diverged"), _record(None, "failed")])
    assert found.mean == pytest.approx(1 / 3)
    assert found.spread == pytest.approx(0.4933, abs=1e-4)
    assert (found.n, found.diverged) == (3, 2)


def test_the_best_mean_is_chosen_and_the_smaller_of_equals():
    scores = [Score(rho=r, mean=m, spread=0, n=1) for r, m in ((0.1, 0.5), (0.2, 0.7), (0.4, 0.7))]
    assert tune.choose("row", scores).rho == 0.2


def test_every_row_is_tried_equally_often_and_validation_decides(tmp_path, monkeypatch):
    rows = [Method(label="base", kind="base"), Method(label="SAM", kind="sam")]
    monkeypatch.setattr(tasks, "untuned_rows", lambda _: rows)
    result, runs = tune.tune(TASK, tmp_path, grid=(0.05, 0.1, 0.2), seeds=(1000, 1001))
    base, sam = result.rows
    assert [score.n for score in base.scores] == [2]
    assert [score.rho for score in sam.scores] == list(result.grid)
    assert {score.n for score in sam.scores} == {2}
    assert len(runs) == 2 + 2 * len(result.grid)
    best = max(score.mean for score in sam.scores)
    chosen = [r for r in runs if r.run.method.kind == "sam" and r.run.method.rho == sam.rho]
    assert sum(r.validation_accuracy for r in chosen) / 2 == pytest.approx(best)
    assert Tuned.model_validate_json(result.model_dump_json()) == result
    again, _ = tune.tune(TASK, tmp_path, grid=(0.05, 0.1, 0.2), seeds=(1000, 1001))
    assert again.rows == result.rows


def test_compact_records_hold_nothing_of_the_test_set():
    line = json.loads(tune.compact(_record(0.5).model_copy(update={"test_accuracy": 0.9})))
    assert line["validation_accuracy"] == 0.5
    assert not [key for key in line if "test" in key or "correct" in key]
