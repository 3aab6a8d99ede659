"""The sentences say what the numbers bear: the headline, why there is none, and the remarks."""

import re
from typing import get_args

from made import LATE, made, tuned

from sssam.lab.comparison.details import Reason, ReasonKind
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import sentences
from sssam.lab.report.captions import FIGURES
from sssam.lab.report.sentences import WHY, headline, remarks, support


def changed(comparison: Comparison, label: str, **values: object) -> Comparison:
    """With other values of one variant."""
    variants = [v.model_copy(update=values) if v.label == label else v for v in comparison.variants]
    return comparison.model_copy(update={"variants": tuple(variants)})


def test_the_headline_names_variant_gain_both_prices_control_and_seeds(
    comparison: Comparison,
) -> None:
    found = re.fullmatch(
        r"On noisy-digits, late half 1/8 ascent gains \+1\.\d points \[.*\] over the base for "
        r"1\.06 times the base's passes and 1\.08 times its seconds, and \+0\.9 points "
        r"\[\+0\.6, \+1\.2\] over base EMA, of the controls that cost no more the best on "
        r"validation data \(12 seeds\)\.",
        headline(comparison),
    )
    assert found
    assert support(comparison) == ""


def test_a_price_never_stands_in_passes_alone(comparison: Comparison) -> None:
    said = headline(changed(comparison, LATE.label, time=None))
    assert "1.06 times the base's passes (its seconds are not known)" in said


def test_a_winner_by_passes_that_is_none_by_seconds_is_reported(
    comparison: Comparison,
) -> None:
    found = comparison.model_copy(update={"is_best_in_seconds": False})
    assert support(found).startswith("Counted in seconds, it is not clearly more accurate than")


def test_a_price_that_the_clock_was_too_noisy_for_is_not_stated(comparison: Comparison) -> None:
    time = next(v.time for v in comparison.variants if v.label == LATE.label)
    assert time is not None
    noisy = time.model_copy(update={"low": 0.9 * time.low, "high": 1.1 * time.high})
    said = headline(changed(comparison, LATE.label, time=noisy))
    assert "1.06 times the base's passes (the clock was too noisy to state its seconds)" in said


def test_without_a_clear_gain_the_headline_says_so_and_what_came_nearest(
    comparison: Comparison,
) -> None:
    none = comparison.model_copy(update={"best": None})
    assert headline(none) == (
        "On noisy-digits, no variant at up to 1.1 times the base's price is clearly more accurate "
        "than the best control that costs no more (12 seeds)."
    )
    assert "that of SS-SAM late half: +0.9 points [+0.6, +1.2] to base EMA" in support(none)


def test_over_an_untuned_base_nothing_is_claimed_or_shown_off() -> None:
    found = made(base=False)
    assert "nothing is claimed: the base's recipe was not tuned on this task" in headline(found)
    assert (support(found), remarks(found)[0]) == ("", sentences.NOT_TUNED)


def test_a_price_that_is_dearer_in_seconds_is_reported() -> None:
    assert support(made(over=1.2)).startswith("Counted in seconds, that price is above 1.1")


def test_a_reason_that_is_of_all_variants_stands_in_the_headline(comparison: Comparison) -> None:
    untuned = Reason(kind="untuned_base")
    found = comparison.model_copy(update={"best": None, "reasons": (untuned,)})
    assert "nothing is claimed: the base's recipe was not tuned on this task" in headline(found)
    assert remarks(found)[0] == sentences.NOT_TUNED


def test_remarks_say_first_what_was_tuned_over_what(comparison: Comparison) -> None:
    assert remarks(comparison)[:2] == [
        "Tuned on validation data, 3 trials on 2 seeds: weight decay in 0.1, 0.2, 0.4. Chosen: "
        "base weight decay 0.2.",
        "Tuned on validation data, 3 trials on 2 seeds: rho in 0.1, 0.2, 0.4. Chosen: SAM rho 0.2.",
    ]


def test_variants_of_equal_grids_share_a_sentence() -> None:
    (said,) = sentences.tuned([tuned("SAM"), tuned("ASAM")])
    assert said.endswith("Chosen: SAM rho 0.2; ASAM rho 0.2.")


def test_settings_that_too_few_trials_left_alone_are_not_said_to_be_tuned() -> None:
    found = tuned("base")
    grids = {**found.grids, "dropout": (0.0,)}
    (said,) = sentences.tuned([found.model_copy(update={"grids": grids})])
    assert "0.4; too few trials to vary dropout. Chosen:" in said


def test_refusals_and_caveats_are_remarks(comparison: Comparison) -> None:
    found = comparison.model_copy(
        update={
            "reasons": (Reason(kind="incomplete", variants=("SAM",)),),
            "tuning": (tuned("SAM").model_copy(update={"at_end": ("rho", "weight_decay")}),),
            "untuned": ("ASAM",),
            "seeds_added": (8, 9),
            "mixed_seeds": (3,),
            "other_data": {"old": 2},
            "without_flatness": {"asked later": 1},
            "has_test_error": False,
        }
    )
    said = "\n".join(remarks(found))
    for words in (
        "Nothing is claimed of SAM: some of its runs failed or are missing.",
        "rho was not tuned here for ASAM: another may do better",
        "Added after the study was fixed: 2 seeds.",
        "Pairs of unlike environments, so rounding may be in the difference at 1 seed.",
        "Left out, since their data differ: 2 runs (old).",
        "The best value lies at an end of its grid: SAM (rho and weight decay).",
        "The records do not say which examples were right",
        "Flatness is not known of: 1 run (asked later).",
    ):
        assert words in said
    assert len(remarks(found)) == 10


def test_what_the_seeds_can_detect_is_a_remark(comparison: Comparison) -> None:
    pattern = (
        r"With 12 seeds, a real 0\.\d-point difference between a variant and its control is "
        r"detected 80% of the time, before the adjustment for several variants; for 1 point, "
        r"\d seeds are enough\."
    )
    assert re.fullmatch(pattern, sentences.detected(comparison))
    claims = [
        v.claim and v.claim.model_copy(update={"seeds_needed": None}) for v in comparison.variants
    ]
    small = [
        v.model_copy(update={"claim": c}) for v, c in zip(comparison.variants, claims, strict=True)
    ]
    said = sentences.detected(comparison.model_copy(update={"variants": tuple(small)}))
    assert said.endswith("; for 1 point, no number of seeds is enough on this test set.")
    variants = [v.model_copy(update={"claim": None}) for v in comparison.variants]
    without = comparison.model_copy(update={"variants": tuple(variants)})
    assert sentences.detected(without) == ""


def test_every_kind_of_reason_has_its_sentence() -> None:
    assert set(WHY) == set(get_args(ReasonKind))
    assert all(why(Reason(kind="few_seeds")) for why in WHY.values())


def test_captions_are_whole_sentences() -> None:
    for words in FIGURES.values():
        assert words.caption[0].isupper()
        assert words.caption[-1] == "."
