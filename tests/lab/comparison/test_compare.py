"""A comparison holds what its records hold, and nothing more."""

import math

import pytest
from made_up import BASE, DOUBLE, LINEAR, SAM, changed, judged, made, study, variant
from pydantic import ValidationError
from synthetic import METHODS, TASK, record, records

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Record
from sssam.lab.stats import Interval


def length(interval: Interval | None) -> float:
    assert interval is not None
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_variants_come_in_the_order_of_the_methods() -> None:
    comparison = compare(TASK, METHODS, range(3), records(seeds=range(3)))
    assert [each.label for each in comparison.variants] == [method.label for method in METHODS]
    assert comparison.missing == 0


def test_differences_are_paired_over_the_seeds_that_both_have() -> None:
    found = [
        record(SAM, 0, 90.0, 0.0),
        record(SAM, 1, 91.0, 0.0),
        record(LINEAR, 1, 90.5, 0.0),
        record(LINEAR, 2, 70.0, 0.0),
    ]
    difference = variant(compare(TASK, (SAM, LINEAR), range(3), found), LINEAR.label).to_sam
    assert difference is not None
    assert (difference.mean, difference.n) == (pytest.approx(-0.5), 1)
    assert (difference.low, difference.high) == (None, None)


def test_pairing_removes_what_the_seeds_share() -> None:
    sam = variant(study(seeds=range(20), spread=0.1), "SAM")
    assert length(sam.to_base) < length(sam.accuracy) / 3


def test_records_of_other_runs_are_left_out() -> None:
    other = TASK.model_copy(update={"epochs": 2})
    found = records((BASE, SAM), range(3)) + records((BASE, SAM), range(3), task=other)
    comparison = compare(TASK, (BASE, SAM), range(2), found)
    assert [each.runs.finished for each in comparison.variants] == [2, 2]


def test_missing_runs_are_counted() -> None:
    found = [r for r in records((BASE, SAM), range(10)) if r.run.seed < 8]
    comparison = compare(TASK, (BASE, SAM), range(10), found)
    assert variant(comparison, "SAM").runs.missing == 2
    assert comparison.missing == 4
    assert compare(TASK, (BASE, SAM), range(2), []).missing == 4


def test_a_record_without_a_test_accuracy_is_none_of_the_comparison_s() -> None:
    """Runs that choose values do not look at the test set."""
    found = changed(records((BASE, SAM), range(3)), "SAM", 1, test_accuracy=None)
    sam = variant(compare(TASK, (BASE, SAM), range(3), found), "SAM")
    assert (sam.runs.finished, sam.runs.missing, sam.is_complete) == (2, 1, False)


def test_without_sam_or_base_there_is_no_difference_to_it() -> None:
    assert variant(study(methods=(BASE, LINEAR)), LINEAR.label).to_sam is None
    assert variant(study(methods=(SAM, LINEAR)), LINEAR.label).to_base is None
    assert study(methods=(SAM, LINEAR)).base is None


def test_diverged_runs_count_and_failed_ones_do_not() -> None:
    found = changed(
        records((BASE, SAM), range(5)), "SAM", 1, outcome="diverged", test_accuracy=0.09
    )
    found = changed(found, "SAM", 2, outcome="failed", test_accuracy=None, propagations=None)
    sam = variant(compare(TASK, (BASE, SAM), range(5), found), "SAM")
    assert (sam.runs.finished, sam.runs.diverged, sam.runs.failed) == (3, 1, 1)
    assert sam.accuracy is not None
    assert sam.accuracy.n == 4
    assert sam.accuracy.mean < 75
    assert not sam.is_complete


def test_the_cost_is_of_the_whole_run_and_of_finished_runs() -> None:
    found = made(methods=(BASE, DOUBLE, SAM))
    found = changed(found, "SAM", 1, outcome="diverged", curve=found[0].curve[:3])
    comparison = judged(found, (BASE, DOUBLE, SAM))
    assert [each.cost for each in comparison.variants] == [1.0, 2.0, 2.0]
    stopped = changed(made(methods=(BASE,)), "base", curve=found[0].curve[:10])
    assert variant(judged(stopped, (BASE,)), "base").cost == 10 / TASK.epochs


def test_accuracies_are_kept_by_seed_and_validation_as_a_mean() -> None:
    found = records((BASE, SAM), range(3))
    sam = variant(compare(TASK, (BASE, SAM), range(3), found), "SAM")
    own = {r.run.seed: 100 * r.test_accuracy for r in found if r.run.method == SAM}
    assert sam.accuracies == own
    assert sam.validation == pytest.approx(sum(own.values()) / 3)


def test_curves_are_means_over_the_finished_runs() -> None:
    found = records((SAM,), range(3))
    found = changed(found, "SAM", 2, outcome="diverged", curve=found[0].curve[:3])
    curve = variant(compare(TASK, (SAM,), range(3), found), "SAM").curve
    assert len(curve) == TASK.epochs
    assert curve[-1].passes == pytest.approx(2 * TASK.epochs)
    expected = (found[0].curve[4].validation_accuracy + found[1].curve[4].validation_accuracy) / 2
    assert curve[4].validation_accuracy == pytest.approx(expected)


def test_draws_are_those_of_the_first_finished_run() -> None:
    draws = variant(study(), LINEAR.label).draws
    assert draws is not None
    assert draws.seed == 0
    assert sum(draws.taken()) == int(draws.ascended, 16).bit_count()
    assert draws.model_copy(update={"ascended": "0x5", "steps": 4}).taken() == [
        True,
        False,
        True,
        False,
    ]


def test_an_interval_of_an_accuracy_does_not_leave_its_range() -> None:
    near, reached = records((BASE,), range(3)), [0.999, 1.0, 0.96]
    found = [r.model_copy(update={"test_accuracy": a}) for r, a in zip(near, reached, strict=True)]
    (only,) = compare(TASK, (BASE,), range(3), found).variants
    assert only.accuracy is not None
    assert only.accuracy.high == 100.0
    assert only.accuracy.low == pytest.approx(92.9668, abs=1e-3)


def test_commits_are_listed_and_make_no_other_environment() -> None:
    found = records((BASE, SAM), range(2))
    for i, commit in enumerate("abab"):
        environment = found[i].environment.model_copy(update={"commit": commit, "time": commit})
        found[i] = found[i].model_copy(update={"environment": environment})
    comparison = compare(TASK, (BASE, SAM), range(2), found)
    assert comparison.commits == ("a", "b")
    assert len(comparison.environments) == 1


def test_a_comparison_reads_back_from_its_json() -> None:
    comparison = study()
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


@pytest.mark.parametrize("name", ["test_accuracy", "validation_accuracy"])
@pytest.mark.parametrize("value", [1.3, -0.1, math.nan, math.inf])
def test_a_record_holds_no_number_that_is_no_accuracy(name: str, value: float) -> None:
    (found,) = records((BASE,), range(1))
    with pytest.raises(ValidationError, match=name):
        Record.model_validate({**dict(found), name: value})


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_range_are_accuracies(value: float) -> None:
    found = [r.model_copy(update={"test_accuracy": value}) for r in records((BASE,), range(3))]
    (only,) = compare(TASK, (BASE,), range(3), found).variants
    assert only.accuracy is not None
    assert only.accuracy.mean == 100 * value
