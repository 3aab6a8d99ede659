"""Rows from words: labels, kinds, kinds with settings."""

import pytest
from tiny import TASK

from sssam.lab import tasks, tuned
from sssam.lab.studies import rows
from sssam.lab.training import methods
from sssam.schedules import late, linear

NOISY = tasks.TASKS["noisy-digits"]


def test_no_words_are_the_default_rows():
    assert rows.chosen(NOISY, None) == rows.chosen(NOISY, "default") == rows.default_rows(NOISY)


def test_default_rows_take_what_was_tuned_or_the_class_s_default():
    values = tuned.read(NOISY)
    for row, plain in zip(rows.default_rows(NOISY, values), rows.default_rows(NOISY), strict=True):
        assert row.rho == values.found(row.label)
        assert plain.rho == (0.0 if row.kind == "base" else 0.05)


def test_labels_go_in_any_case_and_once():
    values = tuned.read(NOISY)
    found = rows.chosen(NOISY, "sam, SS-SAM LINEAR,Sam", values)
    assert [row.label for row in found] == ["SAM", "SS-SAM linear"]
    assert found[0].rho == values.found("SAM") == 0.4


def test_a_kind_has_its_class_s_settings_and_radius():
    (found,) = rows.chosen(NOISY, "MSAM")
    assert (found.label, found.kind, found.rho, found.options) == ("MSAM", "msam", 0.3, {})
    (scheduled,) = rows.chosen(NOISY, "sssam")
    assert scheduled.scheduling_function() == linear(0, 1)


def test_a_kind_with_settings():
    words = "base,looksam:k=5,rho=0.1,sssam:schedule=late(0.5),draws=systematic,mix=0.8,length=2"
    base, looksam, sssam = rows.chosen(NOISY, words)
    assert base.kind == "base"
    assert (looksam.label, looksam.rho) == ("looksam:k=5,rho=0.1", 0.1)
    assert looksam.options == {"k": 5}
    assert sssam.scheduling_function() == late(0.5)
    assert (sssam.options, sssam.length) == ({"draws": "systematic", "mix": 0.8}, 2)


def test_all_are_every_kind_that_suits_the_task():
    found = rows.chosen(NOISY, "all")
    assert {row.kind for row in found} == set(methods.KINDS) - {"samon"}
    for row in found:
        methods.check(row)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("SSAM", "unknown method 'SSAM': did you mean 'SAM'"),
        ("looksam:k", "'k' is no setting of the form NAME=VALUE"),
        ("sssam:schedule=lat(0.5)", "unknown schedule 'lat': did you mean 'late'"),
        ("sam:rho=-1", "method 'sam:rho=-1': rho must be at least 0, not -1"),
        ("sam:rho=much", "method 'sam:rho=much': rho must be a number, not 'much'"),
        ("sam:rho=1e999", "rho must be a finite number, not inf"),
        ("looksam:k=5,k=6", "method 'looksam:k=5,k=6': k is given twice: name it once"),
        ("sam:length=0", "length must be above 0, not 0"),
        ("base,,SAM", "methods are 'base,,SAM', with no name where one is to stand"),
        ("", "methods are '', with no name where one is to stand: name rows such as 'base,SAM'"),
    ],
)
def test_bad_words_are_named(words, said):
    with pytest.raises(ValueError) as raised:
        rows.chosen(TASK, words)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_known_names_stand_once_in_an_error():
    with pytest.raises(ValueError) as raised:
        rows.chosen(NOISY, "xyzzy")
    assert str(raised.value).count("base, ") == 1


def test_grids_of_kinds_are_multiples_of_their_defaults():
    (msam,) = rows.chosen(TASK, "msam")
    radii = [trial.rho for trial in rows.tuning_grid(msam).trials()]
    assert radii == [0.075, 0.15, 0.3, 0.6, 1.2, 2.4, 4.8]
    assert not rows.tuning_grid(rows.chosen(TASK, "base")[0]).tuned
