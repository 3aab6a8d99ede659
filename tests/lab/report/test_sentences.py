"""The sentences say what the numbers bear: the headline, why there is none, and the remarks."""

import re
from typing import get_args

from made import LATE, made, tuned

from sssam.lab.comparison.reasons import Caveat, CaveatKind, Reason, ReasonKind
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import sentences
from sssam.lab.report.sentences import CAPTIONS, CAVEATS, WHY, headline, remarks, support


def changed(comparison: Comparison, label: str, **values: object) -> Comparison:
    """With other values of one variant."""
    variants = [v.model_copy(update=values) if v.label == label else v for v in comparison.variants]
    return comparison.model_copy(update={"variants": tuple(variants)})


def test_the_headline_names_variant_gain_both_prices_control_and_seeds(
    comparison: Comparison,
) -> None:
    found = re.fullmatch(
        r"On noisy-digits, late half 1/8 ascent gains \+1\.\d points \[.*\] over the base for "
        r"1\.06 times its passes and 1\.08 times its seconds, and \+0\.9 points \[\+0\.6, \+1\.2\] "
        r"over base EMA, of the controls that cost no more the best on validation data "
        r"\(12 seeds\)\.",
        headline(comparison),
    )
    assert found
    assert support(comparison) == ""


def test_a_price_never_stands_in_passes_alone(comparison: Comparison) -> None:
    told = headline(changed(comparison, LATE.label, time=None))
    assert "1.06 times its passes (its seconds are not known)" in told


def test_a_winner_by_passes_that_is_none_by_seconds_is_said_to_be_so(
    comparison: Comparison,
) -> None:
    found = comparison.model_copy(update={"is_best_in_seconds": False})
    assert support(found).startswith("Counted in seconds, it is not clearly more accurate than")


def test_a_price_that_the_clock_was_too_noisy_for_is_not_stated(comparison: Comparison) -> None:
    time = next(v.time for v in comparison.variants if v.label == LATE.label)
    assert time is not None
    noisy = time.model_copy(update={"low": 0.9 * time.low, "high": 1.1 * time.high})
    told = headline(changed(comparison, LATE.label, time=noisy))
    assert "1.06 times its passes (the clock was too noisy to state its seconds)" in told


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


def test_a_price_that_is_dearer_in_seconds_is_said_to_be_so() -> None:
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
    (told,) = sentences.tuned([tuned("SAM"), tuned("ASAM")])
    assert told.endswith("Chosen: SAM rho 0.2; ASAM rho 0.2.")


def test_settings_that_too_few_trials_left_alone_are_not_said_to_be_tuned() -> None:
    found = tuned("base")
    grids = {**found.grids, "dropout": (0.0,)}
    (told,) = sentences.tuned([found.model_copy(update={"grids": grids})])
    assert "0.4; too few trials to vary dropout. Chosen:" in told


def test_refusals_and_caveats_are_remarks(comparison: Comparison) -> None:
    found = comparison.model_copy(
        update={
            "reasons": (Reason(kind="incomplete", variants=("SAM",)),),
            "caveats": (
                Caveat(kind="diverged", counts={"SAM": 2}),
                Caveat(kind="grid_end", values={"SAM": ("rho", "weight_decay")}),
                Caveat(kind="price_differs", numbers={"SAM": 1.25}),
            ),
        }
    )
    assert remarks(found)[2:] == [
        "Nothing is claimed of SAM: some of its runs failed or are missing.",
        "Diverged, counted with the score at their end: 2 runs (SAM).",
        "The best value lies at an end of its grid: SAM (rho and weight decay).",
        "Seconds differ from passes by more than a tenth: SAM, 1.25 times.",
    ]


def test_every_kind_of_reason_and_caveat_has_its_sentence() -> None:
    assert set(WHY) == set(get_args(ReasonKind))
    assert set(CAVEATS) == set(get_args(CaveatKind))
    assert all(told(Reason(kind="few_seeds")) for told in WHY.values())
    assert all(told(Caveat(kind="failed"))[-1] == "." for told in CAVEATS.values())


def test_captions_are_whole_sentences() -> None:
    for caption in CAPTIONS.values():
        assert caption[0].isupper()
        assert caption[-1] == "."
