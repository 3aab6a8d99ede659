"""A comparison says what its records hold, and nothing more."""

import pytest
from synthetic import ACCURACY, METHODS, TASK, record, records, scheduled

from sssam.lab import headline
from sssam.lab.compare import compare
from sssam.lab.comparison import Comparison, Row
from sssam.lab.specs import Method, Record
from sssam.lab.stats import Interval
from sssam.schedules import linear

BASE, CONTROL, SAM = METHODS[:3]
LINEAR = scheduled("SS-SAM linear", linear(0.0, 1.0))


def study(accuracy: dict[str, float], methods=(BASE, SAM, LINEAR), seeds=range(10)) -> Comparison:
    made = records(methods, seeds, {**ACCURACY, **accuracy})
    return compare(TASK, methods, seeds, made)


def row(comparison: Comparison, label: str) -> Row:
    return next(row for row in comparison.rows if row.label == label)


def length(interval: Interval | None) -> float:
    assert interval is not None
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def changed(made: list[Record], label: str, seed: int, **values: object) -> list[Record]:
    return [
        r.model_copy(update=values) if (r.run.method.label, r.run.seed) == (label, seed) else r
        for r in made
    ]


def test_the_pilots_numbers_give_the_pilots_sentence() -> None:
    comparison = compare(TASK, METHODS, range(20), records())
    assert comparison.headline.startswith(
        "On noisy-digits, 20 seeds: late half 1/8 ascent keeps SAM's gain of +6.9 points [+6.5, "
    )
    assert comparison.headline.endswith("at 1.06 propagations a step instead of 2.00.")
    assert comparison.support.startswith("Its difference to SAM is -0.2 points [-0.6, +0.1]")
    assert "7 of the 8 rows cheaper than SAM are shown to keep its gain." in comparison.support
    assert [row.label for row in comparison.rows] == [method.label for method in METHODS]


def test_differences_are_paired_over_the_seeds_that_both_have() -> None:
    made = [
        record(SAM, 0, 90.0, 0.0),
        record(SAM, 1, 91.0, 0.0),
        record(LINEAR, 1, 90.5, 0.0),
        record(LINEAR, 2, 70.0, 0.0),
    ]
    comparison = compare(TASK, (SAM, LINEAR), range(3), made)
    difference = row(comparison, "SS-SAM linear").to_sam
    assert difference is not None
    assert (difference.mean, difference.n) == (pytest.approx(-0.5), 1)
    assert (difference.low, difference.high) == (None, None)


def test_pairing_removes_what_the_seeds_share() -> None:
    comparison = compare(TASK, METHODS, range(20), records(spread=0.1))
    sam = row(comparison, "SAM")
    assert length(sam.to_base) < length(sam.accuracy) / 3


def test_records_of_other_runs_are_left_out() -> None:
    other = TASK.model_copy(update={"epochs": 2})
    made = records((BASE, SAM), range(3)) + records((BASE, SAM), range(3), task=other)
    comparison = compare(TASK, (BASE, SAM), range(2), made)
    assert [r.runs.finished for r in comparison.rows] == [2, 2]


def test_missing_runs_are_said() -> None:
    made = [r for r in records((BASE, SAM, LINEAR), range(10)) if r.run.seed < 8]
    comparison = compare(TASK, (BASE, SAM, LINEAR), range(10), made)
    assert "10 seeds (6 of 30 runs are missing): " in comparison.headline
    assert row(comparison, "SAM").runs.missing == 2


def test_no_records_at_all_are_said() -> None:
    comparison = compare(TASK, (BASE, SAM), range(2), [])
    assert "(4 of 4 runs are missing): there is no run of SAM" in comparison.headline


def test_without_sam_nothing_is_said_of_its_gain() -> None:
    comparison = study({}, methods=(BASE, LINEAR))
    assert "there is no run of SAM, so nothing is said" in comparison.headline
    assert row(comparison, "SS-SAM linear").to_sam is None
    assert row(comparison, "SS-SAM linear").keeps is None


def test_without_base_nothing_is_said_of_sams_gain() -> None:
    comparison = study({}, methods=(SAM, LINEAR))
    assert "there is no run of the base optimizer" in comparison.headline
    assert row(comparison, "SAM").relative_time is None


def test_a_sam_without_gain_is_said_to_bring_nothing() -> None:
    comparison = study({"SAM": 86.6, "SS-SAM linear": 86.6})
    assert "SAM brings nothing that these seeds can show" in comparison.headline
    assert comparison.support == ""
    assert headline.cheapest(comparison) is None


def test_a_sam_that_harms_is_said_to_lose() -> None:
    assert "SAM loses against the base optimizer, by -3." in study({"SAM": 83.0}).headline


def test_a_row_below_the_margin_is_not_said_to_keep() -> None:
    comparison = study({"SS-SAM linear": 91.0})
    assert "no cheaper row is shown to keep that within 1 point." in comparison.headline
    assert row(comparison, "SS-SAM linear").keeps is False


def test_a_row_at_the_margin_is_not_said_to_keep() -> None:
    assert row(study({"SS-SAM linear": 92.4}), "SS-SAM linear").keeps is False


def test_only_dearer_rows_are_no_cheaper_ones() -> None:
    comparison = study({}, methods=(BASE, CONTROL, SAM))
    assert comparison.headline.endswith("no cheaper row was measured.")


def test_a_single_seed_claims_nothing() -> None:
    comparison = study({}, seeds=range(1))
    assert "on a single seed: nothing is claimed without an interval" in comparison.headline
    assert row(comparison, "SS-SAM linear").keeps is None
    assert any(remark.startswith("A single seed gives means") for remark in comparison.remarks)


def test_the_adjustment_for_many_rows_can_take_back_a_claim() -> None:
    comparison = study({"SS-SAM linear": 92.9}, seeds=range(6))
    alone = row(comparison, "SS-SAM linear")
    many = [LINEAR, *(scheduled(f"row {i}", linear(0.0, 1.0), rho=0.01 * i) for i in range(1, 30))]
    made = records((BASE, SAM, *many), range(6), {**ACCURACY, "SS-SAM linear": 92.9})
    among = row(compare(TASK, (BASE, SAM, *many), range(6), made), "SS-SAM linear")
    assert alone.p_value is not None
    assert among.p_value is not None
    assert among.p_value > alone.p_value
    assert among.keeps == alone.keeps


def test_diverged_runs_count_and_failed_ones_do_not() -> None:
    made = records((BASE, SAM), range(5))
    made = changed(made, "SAM", 1, outcome="diverged", test_accuracy=0.09)
    made = changed(made, "SAM", 2, outcome="failed", test_accuracy=None, propagations=None)
    comparison = compare(TASK, (BASE, SAM), range(5), made)
    sam = row(comparison, "SAM")
    assert (sam.runs.finished, sam.runs.diverged, sam.runs.failed) == (3, 1, 1)
    assert sam.accuracy is not None
    assert sam.accuracy.n == 4
    assert sam.accuracy.mean < 75
    assert any("1 of 5 runs of SAM diverged" in remark for remark in comparison.remarks)
    assert any("1 of 5 runs of SAM failed" in remark for remark in comparison.remarks)


def test_the_control_is_told_of() -> None:
    comparison = study({}, methods=(BASE, CONTROL, SAM))
    assert row(comparison, "base 2x steps").cost == 2.0
    assert any(
        remark.startswith("base 2x steps costs 2.00 without any sharpness-aware step")
        for remark in comparison.remarks
    )


def test_time_is_the_median_of_ratios() -> None:
    made = records((BASE, SAM), range(3))
    for seed, seconds in enumerate((2.0, 4.0, 90.0)):
        made = changed(made, "SAM", seed, seconds=seconds)
        made = changed(made, "base", seed, seconds=1.0)
    assert row(compare(TASK, (BASE, SAM), range(3), made), "SAM").relative_time == 4.0


def test_curves_are_means_over_the_finished_runs() -> None:
    made = records((SAM,), range(3))
    made = changed(made, "SAM", 2, outcome="diverged", curve=made[0].curve[:3])
    curve = row(compare(TASK, (SAM,), range(3), made), "SAM").curve
    assert len(curve) == TASK.epochs
    assert curve[-1].passes == pytest.approx(2 * TASK.epochs)
    expected = (made[0].curve[4].validation_accuracy + made[1].curve[4].validation_accuracy) / 2
    assert curve[4].validation_accuracy == pytest.approx(expected)


def test_draws_are_those_of_the_first_finished_run() -> None:
    draws = row(study({}), "SS-SAM linear").draws
    assert draws is not None
    assert draws.seed == 0
    assert len(draws.taken()) == int(draws.ascended, 16).bit_count()
    assert draws.model_copy(update={"ascended": "0x5", "steps": 4}).taken() == [0, 2]


def test_a_comparison_reads_back_from_its_json() -> None:
    comparison = study({})
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_two_rows_of_one_label_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'SAM'.*appear twice; rename one"):
        compare(TASK, (SAM, Method(label="SAM", kind="sam", rho=0.1)), range(2), [])


def test_no_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one method and one seed"):
        compare(TASK, (SAM,), [], [])


def test_commits_are_listed_and_make_no_other_environment() -> None:
    made = records((BASE, SAM), range(2))
    environments = [
        r.environment.model_copy(update={"commit": c}) for r, c in zip(made, "abab", strict=True)
    ]
    made = [
        r.model_copy(update={"environment": e}) for r, e in zip(made, environments, strict=True)
    ]
    comparison = compare(TASK, (BASE, SAM), range(2), made)
    assert comparison.commits == ("a", "b")
    assert len(comparison.environments) == 1


def test_two_machines_are_told_of() -> None:
    made = records((BASE, SAM), range(2))
    other = made[0].environment.model_copy(update={"processor": "another"})
    made[0] = made[0].model_copy(update={"environment": other})
    comparison = compare(TASK, (BASE, SAM), range(2), made)
    assert any("come from 2 environments" in remark for remark in comparison.remarks)
