"""A comparison says what its records hold, and nothing more."""

import random

import pytest
import torch
from synthetic import ACCURACY, METHODS, TASK, record, records, scheduled

from sssam.lab.comparison import contrasts, headline
from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Method, Record
from sssam.lab.stats import Interval
from sssam.lab.training.evaluate import bit_set
from sssam.schedules import constant, late, linear

BASE, CONTROL, SAM = METHODS[:3]
LINEAR = scheduled("SS-SAM linear", linear(0.0, 1.0))


def study(accuracy: dict[str, float], methods=(BASE, SAM, LINEAR), seeds=range(10)) -> Comparison:
    made = records(methods, seeds, {**ACCURACY, **accuracy})
    return compare(TASK, methods, seeds, made)


def row(comparison: Comparison, label: str) -> Variant:
    return next(row for row in comparison.variants if row.label == label)


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
        "On noisy-digits, 20 seeds: late half 1/8 ascent is non-inferior to SAM at 1.06 "
    )
    assert "SAM is +6.9 points [+6.5, +7.2] above a base whose recipe was not tuned here." in (
        comparison.headline
    )
    assert comparison.support.startswith("Its difference to SAM is -0.2 points [-0.6, +0.1]")
    assert "7 of the 8 rows cheaper than SAM are shown to be" in comparison.support
    assert [row.label for row in comparison.variants] == [method.label for method in METHODS]


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
    assert [r.runs.finished for r in comparison.variants] == [2, 2]


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
    comparison = study({"SAM": 83.0})
    assert "SAM does worse than the base optimizer, -3." in comparison.headline
    assert comparison.headline.endswith("; there is no gain to keep.")


@pytest.mark.parametrize("accuracy", [83.0, 86.6])
def test_no_row_keeps_the_gain_of_a_sam_that_shows_none(accuracy: float) -> None:
    """It is within the margin of SAM and better than base: of a gain of SAM that says nothing."""
    comparison = study({"SAM": accuracy, "SS-SAM linear": 92.0})
    found = row(comparison, "SS-SAM linear")
    assert found.to_sam.low > -TASK.margin
    assert found.to_base.above_zero
    assert (found.keeps, found.p_value, found.share_p_value) == (None, None, None)
    assert not found.holds
    assert any("no row is tested to keep it" in remark for remark in comparison.remarks)


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


def judged(made: list[Record], right, hashes=None) -> list[Record]:
    """The records with what was right by example: `right(label, seed)` are flags."""
    update = []
    for r in made:
        flags = torch.tensor(right(r.run.method.label, r.run.seed))
        values = {"correct": bit_set(flags), "test_size": len(flags)}
        values["test_accuracy"] = flags.double().mean().item()
        values["test_hash"] = "" if hashes is None else hashes(r.run.seed)
        update.append(r.model_copy(update=values))
    return update


def test_noise_is_read_from_the_bit_sets() -> None:
    """A row that is SAM, but for one example a seed: at seed s example s."""

    def right(label: str, seed: int) -> list[bool]:
        return [label != "base" and not (label == LINEAR.label and i == seed) for i in range(11)]

    made = judged(records((BASE, SAM, LINEAR), range(4)), right, hashes=str)
    comparison = compare(TASK, (BASE, SAM, LINEAR), range(4), made)
    noise = row(comparison, LINEAR.label).noise
    assert noise is not None
    assert noise.seeds == pytest.approx(0.0, abs=1e-12)
    assert noise.test == pytest.approx(100 * (1 / 11 * 10 / 11 / 10) ** 0.5)
    assert (noise.examples, noise.shared, noise.training) == (11, None, 0.0)
    assert row(comparison, "SAM").noise is None
    assert row(comparison, "base").noise.test == 0.0


@pytest.mark.parametrize("size", [3, 8, 9, 64, 597])
def test_bit_sets_come_back_in_their_order(size: int) -> None:
    flags = [bool(random.Random(size + i).getrandbits(1)) for i in range(size)]
    made = judged(records((BASE,), range(1)), lambda label, seed: flags)
    assert contrasts.right(made[0]).tolist() == [int(flag) for flag in flags]


@pytest.mark.parametrize(
    ("hashes", "shared"), [(lambda seed: "one", True), (str, False), (None, None)]
)
def test_a_shared_test_set_is_seen_by_its_hash(hashes, shared) -> None:
    def right(label: str, seed: int) -> list[bool]:
        return [random.Random(f"{label}/{seed}/{i}").random() < 0.9 for i in range(50)]

    made = judged(records((BASE, SAM, LINEAR), range(6)), right, hashes)
    noise = row(compare(TASK, (BASE, SAM, LINEAR), range(6), made), LINEAR.label).noise
    assert (noise.shared is not None) is (shared is True)
    assert (noise.training is None) is (shared is None)


def test_a_metric_in_shares_has_no_bit_set_and_no_noise() -> None:
    made = [r.model_copy(update={"test_size": 50}) for r in records((BASE, SAM, LINEAR), range(4))]
    assert {r.correct for r in made} == {"0x0"}
    assert row(compare(TASK, (BASE, SAM, LINEAR), range(4), made), LINEAR.label).noise is None


def test_pairs_judged_on_unlike_test_sets_have_no_noise() -> None:
    def right(label: str, seed: int) -> list[bool]:
        return [random.Random(f"{label}/{seed}/{i}").random() < 0.9 for i in range(50)]

    made = judged(records((BASE, SAM, LINEAR), range(4)), right, str)
    made = [
        r.model_copy(update={"test_hash": "another"}) if r.run.method == LINEAR else r for r in made
    ]
    comparison = compare(TASK, (BASE, SAM, LINEAR), range(4), made)
    assert row(comparison, LINEAR.label).noise is None
    assert row(comparison, "base").noise is not None


def test_records_that_hold_nothing_by_example_have_no_noise() -> None:
    comparison = study({})
    assert all(row.noise is None for row in comparison.variants)
    assert not any("a test set of" in remark for remark in comparison.remarks)


def test_seed_noise_stands_beside_test_set_noise() -> None:
    def right(label: str, seed: int) -> list[bool]:
        return [random.Random(f"{label}/{seed}/{i}").random() < 0.9 for i in range(1200)]

    made = judged(records((BASE, SAM, LINEAR), range(5)), right, lambda seed: "one")
    said = compare(TASK, (BASE, SAM, LINEAR), range(5), made).remarks
    sentence = next(remark for remark in said if "a test set of 1,200 examples" in remark)
    assert "All seeds share one test set" in sentence


def test_a_row_keeps_a_share_that_it_does_not_keep_within_the_margin() -> None:
    made = records((BASE, SAM, LINEAR), range(10), {**ACCURACY, "SS-SAM linear": 92.2})
    lenient = TASK.model_copy(update={"share": 0.7})
    comparison = compare(lenient, (BASE, SAM, LINEAR), range(10), made)
    assert not row(comparison, "SS-SAM linear").holds
    assert row(comparison, "SS-SAM linear").holds_share
    assert row(comparison, "SS-SAM linear").share.low > 0.7
    assert any("shown to keep at least 70% of SAM's gain" in r for r in comparison.remarks)


def test_the_share_is_the_tasks() -> None:
    made = records((BASE, SAM, LINEAR), range(10), {**ACCURACY, "SS-SAM linear": 92.2})
    strict = TASK.model_copy(update={"share": 0.99})
    comparison = compare(strict, (BASE, SAM, LINEAR), range(10), made)
    assert row(comparison, "SS-SAM linear").runs.finished == 10
    assert not row(comparison, "SS-SAM linear").holds_share
    assert any("0 of 1 row is shown to keep at least 99%" in r for r in comparison.remarks)


def test_the_share_of_no_gain_is_said_not_to_be_identified() -> None:
    comparison = study({"SAM": 86.6})
    assert row(comparison, "SS-SAM linear").share_p_value is None
    assert not row(comparison, "SS-SAM linear").holds_share
    assert any("no share of it is identified" in remark for remark in comparison.remarks)


def test_the_bootstrap_stands_beside_t_from_20_seeds_on() -> None:
    few, many = study({}, seeds=range(19)), study({}, seeds=range(20))
    assert row(few, "SAM").to_base_bootstrap is None
    assert not any("bootstrap" in remark for remark in few.remarks)
    beside = row(many, "SAM").to_base_bootstrap
    assert (beside.low, beside.high) == pytest.approx(
        (row(many, "SAM").to_base.low, row(many, "SAM").to_base.high), abs=0.15
    )
    assert any("bootstrap's intervals" in remark for remark in many.remarks)


def test_the_seeds_that_the_margin_needs_are_told() -> None:
    comparison = study({})
    needed = row(comparison, "SS-SAM linear").seeds_needed
    assert needed is not None
    assert (needed <= 10) == (row(comparison, "SS-SAM linear").detectable <= TASK.margin)
    assert any(f"the margin, 1 point, takes {needed} " in r for r in comparison.remarks)


def test_the_power_is_told_of_the_seeds_that_there_are() -> None:
    made = records((BASE, SAM, LINEAR), range(10))
    few = [r for r in made if r.run.seed < 4]
    said = compare(TASK, (BASE, SAM, LINEAR), range(10), few).remarks
    assert any(remark.startswith("4 seeds find a true difference") for remark in said)
    alone = [r for r in made if r.run.seed == 3]
    said = compare(TASK, (BASE, SAM, LINEAR), range(10), alone).remarks
    assert [remark[:31] for remark in said] == ["A single seed gives means witho"]


@pytest.mark.parametrize(
    ("gain", "told"), [(6.8, None), (3.0, "% of SAM's gain"), (0.9, "no smaller than SAM's gain: ")]
)
def test_a_margin_that_lets_a_row_lose_more_than_the_share_is_remarked_on(gain, told) -> None:
    comparison = study({"SAM": 86.6 + gain, "SS-SAM linear": 86.9 + gain}, seeds=range(20))
    assert row(comparison, LINEAR.label).holds
    said = [remark for remark in comparison.remarks if remark.startswith("The margin, 1 point, is")]
    assert len(said) == (told is not None)
    assert not said or (told in said[0] and "may have lost" in said[0])


def test_a_row_that_lies_at_the_margin_at_every_seed_does_not_keep_by_rounding() -> None:
    """Of 100 examples, 57 less 56 is 1 point, and in binary a little more or less."""
    hundredths = {"base": 20, "SAM": 56, LINEAR.label: 55}
    made = [
        r.model_copy(update={"test_accuracy": (hundredths[r.run.method.label] + r.run.seed) / 100})
        for r in records((BASE, SAM, LINEAR), range(4))
    ]
    found = row(compare(TASK, (BASE, SAM, LINEAR), range(4), made), LINEAR.label)
    assert found.to_sam == Interval(-1.0, -1.0, -1.0, 4)
    assert (found.keeps, found.p_value) == (False, 1.0)


def test_a_row_whose_seeds_identify_no_share_still_counts_in_the_adjustment() -> None:
    other = METHODS[3]
    made = records((BASE, SAM, LINEAR, other), range(10))
    alone = row(compare(TASK, (BASE, SAM, LINEAR), range(10), made), LINEAR.label)
    few = [r for r in made if r.run.method != other or r.run.seed == 0]
    comparison = compare(TASK, (BASE, SAM, LINEAR, other), range(10), few)
    assert row(comparison, other.label).share_p_value is None
    among = row(comparison, LINEAR.label)
    assert among.share_p_value == pytest.approx(2 * alone.share_p_value)


def test_cheaper_is_what_is_cheaper_as_it_is_told() -> None:
    made = records((BASE, SAM, LINEAR), range(10))
    made = [
        r.model_copy(update={"propagations": 1.999}) if r.run.method == LINEAR else r for r in made
    ]
    assert (
        "no cheaper row was measured"
        in compare(TASK, (BASE, SAM, LINEAR), range(10), made).headline
    )


def test_accuracies_are_kept_by_seed() -> None:
    made = records((BASE, SAM), range(3))
    kept = row(compare(TASK, (BASE, SAM), range(3), made), "SAM").accuracies
    assert kept == {r.run.seed: 100 * r.test_accuracy for r in made if r.run.method == SAM}


def diverged(made: list[Record], *labels: str) -> list[Record]:
    return [
        r.model_copy(update={"outcome": "diverged"}) if r.run.method.label in labels else r
        for r in made
    ]


def test_where_all_runs_diverged_the_headline_says_so_and_claims_nothing() -> None:
    made = diverged(records(METHODS[:4], range(12)), *(method.label for method in METHODS))
    comparison = compare(TASK, METHODS[:4], range(12), made)
    assert comparison.headline == (
        "On noisy-digits, 12 seeds (48 of 48 runs diverged): no run of any row finished, all "
        "diverged, so nothing is claimed."
    )
    assert comparison.support == ""
    assert headline.cheapest(comparison) is None


@pytest.mark.parametrize("label", ["base", "SAM"])
def test_no_gain_is_claimed_over_or_of_runs_that_all_diverged(label: str) -> None:
    made = diverged(records(METHODS[:4], range(12)), label)
    comparison = compare(TASK, METHODS[:4], range(12), made)
    assert comparison.headline == (
        f"On noisy-digits, 12 seeds (12 of 48 runs diverged): no run of {label} finished, all "
        "diverged, so nothing is claimed."
    )
    assert headline.cheapest(comparison) is None


def test_runs_that_did_not_finish_are_counted_in_the_headline() -> None:
    made = diverged(records(METHODS[:4], range(12)), "SS-SAM constant")
    made = changed(made, "base", 0, outcome="failed", test_accuracy=None)
    comparison = compare(TASK, METHODS[:4], range(12), made[:-1])
    assert (
        "12 seeds (1 of 48 runs is missing, 11 diverged, 1 failed): SAM gains"
        in comparison.headline
    )
    assert "no cheaper row is shown" in comparison.headline


@pytest.mark.parametrize("label", ["base", "SAM"])
def test_nothing_is_tested_against_runs_that_all_diverged(label: str) -> None:
    methods = (BASE, CONTROL, SAM, LINEAR)
    made = [
        r.model_copy(update={"test_accuracy": 0.1}) if r.run.method.label == label else r
        for r in diverged(records(methods, range(12)), label)
    ]
    comparison = compare(TASK, methods, range(12), made)
    found = row(comparison, LINEAR.label)
    assert found.to_base.above_zero
    assert (found.keeps, found.p_value, found.share, found.share_p_value) == (None,) * 4
    said = [remark for remark in comparison.remarks if "diverged" not in remark.casefold()]
    assert not [remark for remark in said if "gain of SAM" in remark or "SAM's gain" in remark]
    assert any(remark.startswith("base 2x steps costs") for remark in said) == (label == "SAM")


def test_a_row_that_came_to_nothing_has_no_share_and_is_counted_among_the_rows() -> None:
    methods = (BASE, SAM, LINEAR, METHODS[3])
    made = [
        r.model_copy(update={"test_accuracy": 0.1}) if r.run.method == LINEAR else r
        for r in diverged(records(methods, range(12)), LINEAR.label)
    ]
    comparison = compare(TASK, methods, range(12), made)
    found = row(comparison, LINEAR.label)
    assert (found.keeps, found.share, found.holds_share) == (False, None, False)
    assert any("1 of 2 rows is shown to keep at least 80%" in r for r in comparison.remarks)


def test_where_all_of_sam_failed_its_runs_are_not_said_to_be_absent() -> None:
    made = [
        r.model_copy(update={"outcome": "failed", "test_accuracy": None})
        if r.run.method == SAM
        else r
        for r in records((BASE, SAM, LINEAR), range(4))
    ]
    comparison = compare(TASK, (BASE, SAM, LINEAR), range(4), made)
    assert comparison.headline.endswith(
        ": no run of SAM finished, all failed, so nothing is claimed."
    )
    begun = compare(TASK, (BASE, SAM, LINEAR), range(5), made)
    assert begun.headline.endswith("all that ended failed, so nothing is claimed.")


def test_what_diverged_means_is_told_once_and_mixed_rows_are_called_rough() -> None:
    made = changed(diverged(records((BASE, SAM, LINEAR), range(5)), LINEAR.label), "SAM", 1)
    made = changed(made, "SAM", 1, outcome="diverged", test_accuracy=0.1)
    said = compare(TASK, (BASE, SAM, LINEAR), range(5), made).remarks
    assert len([remark for remark in said if remark.startswith("Diverged means that")]) == 1
    rough = [remark for remark in said if "intervals are rough" in remark]
    assert [remark[:28] for remark in rough] == ["1 of 5 runs of SAM diverged;"]
    assert not any(r.startswith("Diverged means") for r in study({}).remarks)


def test_where_all_runs_failed_the_headline_says_so() -> None:
    made = [
        r.model_copy(update={"outcome": "failed", "test_accuracy": None, "propagations": None})
        for r in records(METHODS[:4], range(2))
    ]
    comparison = compare(TASK, METHODS[:4], range(2), made)
    assert "(8 of 8 runs failed): no run of any row finished, all failed" in comparison.headline


def test_where_no_other_row_finished_the_headline_says_so() -> None:
    made = [
        r.model_copy(update={"outcome": "diverged", "test_accuracy": 0.1})
        if r.run.method.label == "SS-SAM linear"
        else r
        for r in records((BASE, SAM, LINEAR), range(5))
    ]
    comparison = compare(TASK, (BASE, SAM, LINEAR), range(5), made)
    assert "(5 of 15 runs diverged)" in comparison.headline
    assert comparison.headline.endswith(
        "; no run of any other row finished, all diverged, so nothing is claimed."
    )
    assert "no run of any other row" not in study({}).headline


def test_a_cost_off_the_schedule_s_is_remarked_on() -> None:
    late_, drawn = scheduled("late", late(0.25)), scheduled("drawn", constant(0.25))
    spaced = scheduled("spaced", constant(0.25), options={"draws": "systematic"})

    def remarks(method: Method, steps: int, spent: float, expected: float) -> list[str]:
        values = {"steps": steps, "propagations": spent, "expected_propagations": expected}
        made = [r.model_copy(update=values) for r in records((method,), range(4))]
        found = compare(TASK, (method,), range(4), made).remarks
        return [each for each in found if each.startswith(f"The runs of {method.label} took")]

    assert remarks(late_, 2, 1.5, 1.5) == []  # the expected cost is that of these two steps
    assert remarks(late_, 100, 1.25, 1.25) == []
    deviation = (0.25 * 0.75 / 100 / 4) ** 0.5
    assert remarks(drawn, 100, 1.25 + 2.9 * deviation, 1.25) == []
    assert remarks(drawn, 100, 1.25 + 4 * deviation, 1.25) == [
        "The runs of drawn took 1.34 propagations a step, where 1.25 are expected."
    ]
    assert remarks(spaced, 100, 1.29, 1.25) == []
    assert len(remarks(spaced, 100, 1.34, 1.25)) == 1
    assert [r for r in compare(TASK, METHODS, range(20), records()).remarks if " took " in r] == []


def test_an_interval_of_an_accuracy_does_not_leave_its_range() -> None:
    near = records(METHODS[:1], range(3))
    reached = [0.999, 1.0, 0.96]
    made = [r.model_copy(update={"test_accuracy": a}) for r, a in zip(near, reached, strict=True)]
    (row,) = compare(TASK, METHODS[:1], range(3), made).variants
    assert row.accuracy is not None
    assert row.accuracy.mean == pytest.approx(98.6333, abs=1e-3)
    assert row.accuracy.high == 100.0
    assert row.accuracy.low == pytest.approx(92.9668, abs=1e-3)
