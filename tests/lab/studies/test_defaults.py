"""The controls and variants of a comparison that names none."""

import pytest
from tiny import TASK

from sssam import recommended
from sssam.lab import tasks
from sssam.lab.runs import checks
from sssam.lab.studies import defaults
from sssam.lab.studies.design import Part, Study

NOISY = tasks.TASKS["noisy-digits"]


def test_controls_are_the_base_at_other_lengths_its_averages_and_early_stopping():
    found = defaults.controls(NOISY)
    assert [each.length for each in found] == [0.25, 0.5, 1.0625, 1.5, 2, 1, 1, 1]
    assert {each.kind for each in found} == {"base"}
    assert [each.average for each in found[5:]] == ["ema", "swa", "none"]
    assert found[-1].patience == NOISY.epochs // 4
    checks.check(NOISY, found)


@pytest.mark.parametrize(("epochs", "lengths"), [(2, [0.5, 1.5, 2, 1]), (1, [2, 1])])
def test_of_controls_of_equally_many_epochs_one_is_left(epochs, lengths):
    short = NOISY.model_copy(update={"epochs": epochs})
    found = defaults.controls(short)
    assert [each.length for each in found if each.average == "none"] == lengths


def test_controls_by_name():
    assert [each.label for each in defaults.controls(TASK, ["swa", "2"])] == [
        "base SWA",
        "base 2x length",
    ]
    with pytest.raises(ValueError, match="unknown control 'swaa': did you mean 'swa'"):
        defaults.controls(TASK, ["swaa"])


def test_every_variant_s_rho_is_tuned_in_equally_many_trials():
    variants = defaults.variants(NOISY, "tune")
    assert variants[0].label == "SAM"
    assert [[n for n, axis in v.axes.items() if axis.tuned] for v in variants] == [["rho"]] * 5
    part = Part(task=NOISY, controls=defaults.controls(NOISY), variants=variants)
    Study(name="a", parts=(part,), seeds=(0,))


def test_the_two_cheapest_variants_cost_a_sixteenth_and_one_is_the_recommended_form_with_ema():
    cheap = [each.start for each in defaults.variants(NOISY)[-2:]]
    for each in cheap:
        extra = each.scheduling_function().mean_probability(320) * each.ascent_fraction
        assert extra == pytest.approx(1 / 16)
    settings = recommended()
    assert cheap[0].scheduling_function() == settings["schedule"]
    assert (cheap[0].ascent_fraction, cheap[0].average) == (settings["ascent_fraction"], "ema")
