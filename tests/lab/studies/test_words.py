"""Variants from words: labels, kinds, kinds with settings."""

import pytest
from tiny import TASK

from sssam.lab import tasks
from sssam.lab.specs import Method
from sssam.lab.studies import defaults, words
from sssam.lab.training import methods
from sssam.schedules import late, linear

NOISY = tasks.TASKS["noisy-digits"]


def start(*given):
    return [variant.start for variant in words.parse(NOISY, given)]


def test_no_words_are_the_default_variants():
    assert words.parse(NOISY, []) == words.parse(NOISY, ["default"])
    assert start() == [each.start for each in defaults.variants(NOISY)]


def test_labels_of_variants_and_controls_go_in_any_case_and_once():
    found = start("sam", "SS-SAM LATE half", "Sam", "base ema")
    assert [each.label for each in found] == ["SAM", "SS-SAM late half", "base EMA"]
    assert found[-1].average == "ema"


def test_a_kind_has_its_class_s_settings_and_radius():
    (found,) = start("MSAM")
    assert (found.label, found.kind, found.rho, found.options) == ("MSAM", "msam", 0.3, {})
    (scheduled,) = start("sssam")
    assert scheduled.scheduling_function() == linear(0, 1)


def test_a_kind_with_settings_as_in_a_study_file():
    looksam, sssam = start(
        "looksam:k=5,rho=0.1", "sssam:schedule='late(0.5)',draws='systematic',mix=0.8,length=2"
    )
    assert (looksam.label, looksam.rho) == ("looksam:k=5,rho=0.1", 0.1)
    assert looksam.options == {"k": 5}
    assert sssam.scheduling_function() == late(0.5)
    assert (sssam.options, sssam.length) == ({"draws": "systematic", "mix": 0.8}, 2)


def test_a_rho_is_tuned_where_that_is_asked_for_and_none_is_given():
    found = words.parse(NOISY, ["default", "msam", "looksam:k=5", "asam:rho=2"], "tune")
    assert {v.label: v.tuned for v in found} == {
        "SAM": True,
        "SS-SAM constant": True,
        "SS-SAM late half": True,
        "late half 1/8 ascent, EMA": True,
        "SS-SAM late sixteenth": True,
        "MSAM": True,
        "looksam:k=5": True,
        "asam:rho=2": False,
    }


def test_all_are_every_kind_that_suits_the_task():
    found = start("all")
    assert {each.kind for each in found} == set(methods.KINDS) - {"samon", "flatlora", "base"}
    for each in found:
        methods.check(each)


def test_a_search_chooses_schedule_and_rho_for_each_budget_and_fraction_that_can_cost_it():
    study = words.search(NOISY, [1.1, 1.5], [1.0, 0.25], trials=7, seeds=10)
    (part,) = study.parts
    labels = ["SAM", "found 1.1", "found 1.1, ascent on 0.25", "found 1.5"]
    assert [each.label for each in part.variants] == labels
    assert {each.count(study.trials) for each in part.tuned} == {7}
    assert part.controls == defaults.controls(NOISY)
    for each in part.variants[1:]:
        assert {"schedule", "rho"} <= each.axes.keys()
        assert each.start.options["draws"] == "systematic"
    assert (study.name, study.seeds) == ("noisy-digits-search", tuple(range(10)))
    with pytest.raises(ValueError, match=r"from 1 .* to 1\.25 .*, not 1\.5"):
        words.search(NOISY, [1.5], [0.25], trials=7, seeds=10)


def test_a_rule_for_the_radius_is_a_value_that_is_not_tuned():
    [found] = words.parse(TASK, ["sam:rho='auto'"], "tune")
    assert found.start.rho == "auto"
    assert found.start.radius == "auto"
    assert not any(axis.tuned for axis in found.axes.values())
    assert Method.model_validate_json(found.start.model_dump_json()) == found.start


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("SSAM", "unknown variant 'SSAM': did you mean 'SAM'"),
        ("looksam:k", "'looksam:k': can't read 'k'; settings are those of a study file"),
        ("sssam:schedule=late(0.5)", "schedule='late(0.5)'"),
        ("sssam:schedule='lat(0.5)'", "unknown schedule 'lat': did you mean 'late'"),
        ("sam:rho=-1", "variant 'sam:rho=-1': "),
        ("sam:rho='much'", "not 'much'"),
        ("sam:rho=inf", "variant 'sam:rho=inf': "),
        ("looksam:k=5,k=6", "variant 'looksam:k=5,k=6': "),
        ("", "unknown variant ''"),
    ],
)
def test_bad_words_are_named(word, said):
    with pytest.raises(ValueError) as raised:
        words.parse(TASK, [word])
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_known_names_stand_once_in_an_error():
    with pytest.raises(ValueError) as raised:
        words.parse(NOISY, ["xyzzy"])
    assert str(raised.value).count("base, ") == 1
