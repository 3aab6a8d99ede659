"""What is claimed of a variant, and what must not be."""

import pytest
from made_up import (
    ALL,
    BASE,
    DOUBLE,
    EIGHTH,
    HALF,
    LINEAR,
    SAM,
    changed,
    judged,
    made,
    reasons,
    study,
    variant,
)
from synthetic import scheduled

from sssam.lab.comparison.values import Claim
from sssam.lab.specs import Method, Timing
from sssam.schedules import constant

CHEAP = scheduled("late eighth", constant(0.05))
GOOD = {"late eighth": 90.0}
WITH = (*ALL, CHEAP)


def claim(comparison, label: str) -> Claim:
    found = variant(comparison, label).claim
    assert found is not None
    return found


def timing(ratio: float, low: float | None = None, high: float | None = None) -> Timing:
    environment = made()[0].environment
    assert environment is not None
    return Timing(
        ratio=ratio,
        low=low or ratio,
        high=high or ratio,
        quartiles=(ratio, ratio),
        blocks=20,
        steps=50,
        seconds=ratio,
        base_seconds=1.0,
        environment=environment,
    )


def timed(ratios: dict[str, float], accuracy: dict[str, float]):
    found = made(accuracy, WITH)
    runs = {r.run.method.label: r.run.variant for r in found}
    return judged(found, WITH, timings={runs[k]: timing(v) for k, v in ratios.items()})


def test_a_claim_is_against_the_best_control_that_costs_no_more() -> None:
    """The double costs more than a ramp of 1.5 passes, and no more than SAM."""
    comparison = study({"base 2x steps": 89.0})
    assert claim(comparison, LINEAR.label).control == "base"
    assert set(claim(comparison, LINEAR.label).controls) == {"base", "base 1/2"}
    assert claim(comparison, "SAM").control == "base 2x steps"
    found = claim(comparison, "SAM")
    own, other = (variant(comparison, each).accuracies for each in ("SAM", "base 2x steps"))
    mean = sum(own[seed] - other[seed] for seed in own) / 10
    assert found.difference.mean == pytest.approx(mean)
    assert found.established


def test_the_control_is_chosen_on_validation_data_and_compared_on_test_data() -> None:
    found = changed(made(), "base 1/2", validation_accuracy=0.99)
    assert claim(judged(found), LINEAR.label).control == "base 1/2"


def test_early_stopping_is_not_chosen_for_the_best_of_its_epochs() -> None:
    methods = (BASE, HALF, Method(label="early", kind="base", patience=3), SAM, LINEAR)
    found = changed(made({"early": 88.0}, methods), "early", validation_accuracy=0.99)
    against = claim(judged(found, methods), LINEAR.label)
    assert against.control == "base"
    assert "early" in against.controls


def test_no_luck_in_the_choice_of_the_control_makes_a_claim() -> None:
    """On validation data the short base is best, on test data the base is level with the ramp."""
    found = made({"base": 93.4, "SS-SAM linear": 93.4, "SAM": 95.0})
    comparison = judged(changed(found, "base 1/2", validation_accuracy=0.99))
    against = claim(comparison, LINEAR.label)
    assert (against.control, against.hardest) == ("base 1/2", "base")
    assert against.difference.above_zero
    assert not against.to_hardest.above_zero
    assert not against.established


def test_sam_below_its_margin_is_no_claim() -> None:
    """Base 80, SAM 80.6, a variant at 80.4: the margin lets it through, and claims nothing."""
    accuracy = {"base": 80.4, "base 1/2": 79, "SAM": 81.0, "SS-SAM linear": 80.5}
    comparison = study(accuracy, seeds=range(12), spread=0.3)
    assert variant(comparison, LINEAR.label).to_sam.low > -1
    assert not claim(comparison, LINEAR.label).established
    assert not variant(comparison, LINEAR.label).non_inferior


def test_a_base_that_diverges_at_some_seeds_makes_no_gain() -> None:
    level = {"base": 90.0, "base 1/2": 84.0, "SAM": 90.0, "SS-SAM linear": 90.0}
    found = made(level, seeds=range(12))
    lost = {"outcome": "diverged", "test_accuracy": 0.1, "validation_accuracy": 0.1}
    comparison = judged(changed(found, "base", 1, 4, 6, 9, **lost), seeds=range(12))
    assert variant(comparison, LINEAR.label).to_base.mean > 20
    assert not any(v.claim.established for v in comparison.candidates)
    assert comparison.best is None
    assert variant(comparison, LINEAR.label).non_inferior is None


def test_a_gain_that_holds_on_the_seeds_that_finished_is_claimed() -> None:
    found = changed(made(seeds=range(12)), "base", 2, 5, outcome="diverged", test_accuracy=0.8)
    comparison = judged(found, seeds=range(12))
    assert claim(comparison, LINEAR.label).established
    assert variant(comparison, LINEAR.label).non_inferior


def test_too_few_seeds_that_finished_refuse_the_claim() -> None:
    found = changed(made(), "base", *range(6), outcome="diverged", test_accuracy=0.1)
    comparison = judged(found)
    assert claim(comparison, LINEAR.label).p_value is None
    (reason,) = reasons(comparison, LINEAR.label)
    assert (reason.kind, "base" in reason.controls) == ("diverged", True)


def test_a_control_of_which_no_run_finished_is_none() -> None:
    found = changed(made(), "base 2x steps", outcome="diverged", test_accuracy=0.1)
    comparison = judged(found)
    assert "base 2x steps" not in claim(comparison, "SAM").controls
    assert claim(comparison, "SAM").established


@pytest.mark.parametrize("end", ["failed", "missing"])
@pytest.mark.parametrize(
    ("label", "kind"), [(LINEAR.label, "incomplete"), ("base 1/2", "incomplete_control")]
)
def test_runs_that_failed_or_are_missing_choose_no_seeds(end: str, label: str, kind: str) -> None:
    found = changed(made(), label, 3, outcome="failed", test_accuracy=None)
    if end == "missing":
        found = [r for r in found if (r.run.method.label, r.run.seed) != (label, 3)]
    comparison = judged(found)
    assert kind in [reason.kind for reason in reasons(comparison, LINEAR.label)]
    assert (claim(comparison, LINEAR.label).adjusted, comparison.best) == (None, None)
    assert claim(comparison, "SAM").established is (label == LINEAR.label)


def test_what_is_refused_counts_in_the_adjustment() -> None:
    """Else which variants are tested would depend on what was measured."""
    accuracy = {"SS-SAM linear": 87.3, "late eighth": 86.5}
    found = made(accuracy, (*ALL, CHEAP))
    whole = claim(judged(found, (*ALL, CHEAP)), LINEAR.label)
    without = [r for r in found if r.run.method.label != CHEAP.label]
    assert claim(judged(without, (*ALL, CHEAP)), LINEAR.label).adjusted == whole.adjusted
    assert claim(judged(found), LINEAR.label).adjusted < whole.adjusted


@pytest.mark.parametrize(
    ("field", "kind"), [("test_hash", "unlike_test"), ("sample_hash", "unlike_samples")]
)
def test_unlike_pairs_refuse_the_claim(field: str, kind: str) -> None:
    found = [r.model_copy(update={field: f"of {r.run.seed}"}) for r in made()]
    assert claim(judged(found), LINEAR.label).established
    comparison = judged(changed(found, LINEAR.label, 1, 2, **{field: "another"}))
    assert not claim(comparison, LINEAR.label).established
    (reason,) = reasons(comparison, LINEAR.label)
    assert (reason.kind, reason.seeds, reason.controls) == (kind, (1, 2), ("base", "base 1/2"))
    assert variant(comparison, LINEAR.label).non_inferior is None
    assert claim(comparison, "SAM").established
    unlike = judged(changed(found, "base", 0, **{field: "another"}))
    assert not any(v.claim.established for v in unlike.candidates)


def test_a_diverged_run_saw_fewer_samples_and_is_no_unlike_pair() -> None:
    found = [r.model_copy(update={"sample_hash": f"of {r.run.seed}"}) for r in made()]
    stopped = changed(found, LINEAR.label, 1, outcome="diverged", sample_hash="fewer")
    assert reasons(judged(stopped), LINEAR.label) == []


@pytest.mark.parametrize(("seeds", "claimed"), [(2, False), (4, False), (5, True)])
def test_no_claim_below_five_seeds(seeds: int, claimed: bool) -> None:
    """Equal differences at two seeds have p = 0 by the t test."""
    found = [
        r.model_copy(update={"test_accuracy": 0.9 if r.run.method.kind != "base" else 0.8})
        for r in made(seeds=range(seeds))
    ]
    comparison = judged(found, seeds=range(seeds))
    assert claim(comparison, LINEAR.label).established is claimed
    assert ("few_seeds" in [reason.kind for reason in comparison.reasons]) is not claimed


def test_nothing_is_claimed_over_a_base_that_was_not_tuned() -> None:
    comparison = judged(made(), tuning=())
    assert comparison.reasons[0].kind == "untuned_base"
    assert comparison.reasons[0].variants == ()
    assert claim(comparison, LINEAR.label).difference.above_zero
    assert claim(comparison, LINEAR.label).p_value is None
    assert comparison.best is None


def test_nothing_is_claimed_where_the_base_alone_costs_no_more() -> None:
    comparison = study(methods=(BASE, DOUBLE, SAM, LINEAR))
    assert [r.kind for r in reasons(comparison, LINEAR.label)] == ["no_control"]
    assert claim(comparison, "SAM").established


def test_averages_of_the_base_are_controls() -> None:
    average = Method(label="EMA", kind="base", average="ema")
    early = Method(label="early", kind="base", patience=3)
    comparison = study({"EMA": 92.0, "early": 88.0}, methods=(BASE, average, early, SAM, LINEAR))
    assert claim(comparison, LINEAR.label).control == "EMA"
    assert [v.role for v in comparison.variants[:3]] == ["base", "control", "control"]
    assert variant(comparison, "SAM").to_base.mean == pytest.approx(6.9, abs=0.4)


def test_the_best_of_two_bases_and_of_two_sams_is_the_reference() -> None:
    smooth = Method(label="smooth base", kind="base", label_smoothing=0.5)
    small = Method(label="SAM 0.1", kind="sam", rho=0.1)
    methods = (BASE, smooth, HALF, small, SAM, LINEAR)
    comparison = study({"smooth base": 92.0, "SAM 0.1": 88.0}, methods=methods)
    assert (comparison.base.label, comparison.sam.label) == ("smooth base", "SAM")
    assert claim(comparison, LINEAR.label).control == "smooth base"
    assert variant(comparison, "SAM").to_base.mean == pytest.approx(1.5, abs=0.5)


def test_the_headline_names_the_largest_clear_gain_at_about_the_base_s_price() -> None:
    other = scheduled("another", constant(0.04))
    comparison = study({**GOOD, "another": 88.0}, methods=(*WITH, other))
    assert claim(comparison, "another").established
    assert comparison.best == CHEAP.label
    assert variant(comparison, CHEAP.label).cost < 1.1 < variant(comparison, EIGHTH.label).cost
    assert comparison.is_best_in_seconds is None
    assert study({CHEAP.label: 86.6}, methods=WITH).best is None


def test_a_price_in_seconds_is_judged_against_what_costs_no_more_in_seconds() -> None:
    """At twice the base's time, twice the training is a control, and brings as much."""
    comparison = timed({CHEAP.label: 2.0}, {**GOOD, "base 2x steps": 90.0})
    found = variant(comparison, CHEAP.label)
    assert found.seconds == pytest.approx(2.0)
    assert found.claim.established
    assert found.claim_in_seconds.control == "base 2x steps"
    assert not found.claim_in_seconds.established
    assert (comparison.best, comparison.is_best_in_seconds) == (CHEAP.label, False)


def test_the_upper_end_of_a_variant_s_seconds_says_which_controls_cost_no_more() -> None:
    found = made({**GOOD, "base 2x steps": 90.0}, WITH)
    runs = {r.run.method.label: r.run.variant for r in found}
    near = {runs[CHEAP.label]: timing(1.95, 1.9, 2.0)}
    cheap = variant(judged(found, WITH, timings=near), CHEAP.label)
    assert cheap.claim_in_seconds.controls[-1] == "base 2x steps"
    assert "base 2x steps" not in cheap.claim.controls


def test_too_noisy_a_clock_says_nothing_of_seconds() -> None:
    found = made(GOOD, WITH)
    runs = {r.run.method.label: r.run.variant for r in found}
    noisy = judged(found, WITH, timings={runs[CHEAP.label]: timing(1.0, 0.9, 1.1)})
    assert (noisy.best, noisy.is_best_in_seconds) == (CHEAP.label, None)
    assert variant(noisy, CHEAP.label).has_noisy_clock


def test_a_variant_that_is_cheap_in_seconds_too_goes_first() -> None:
    comparison = timed({CHEAP.label: 1.05, "base": 0.98}, GOOD)
    assert (comparison.best, comparison.is_best_in_seconds) == (CHEAP.label, True)
    assert variant(comparison, "base").seconds == 1.0
    assert variant(comparison, "base 2x steps").seconds == 2.0
    assert variant(comparison, "SAM").seconds is None


def test_the_power_is_that_of_the_difference_to_the_control() -> None:
    comparison = study(spread=1.5)
    found = claim(comparison, LINEAR.label)
    assert found.control == "base"
    assert (found.seeds_needed <= 10) == (found.detectable <= 1)
    assert variant(comparison, "base").claim is None
