"""A variant's table: what it says, what is tuned of it, and budgets that its schedule meets."""

import pytest
from pydantic import ValidationError
from tiny import TASK

from sssam.lab import tasks
from sssam.lab.studies import settings
from sssam.lab.studies.design import Axis, Tunable
from sssam.lab.studies.variants import NAMES, VARIANT
from sssam.lab.training import methods
from sssam.schedules import constant, from_dict, late, linear

NOISY = tasks.TASKS["noisy-digits"]
STEPS = 20 * 13


def read(**table) -> Tunable:
    """The variant of a table on noisy digits."""
    return VARIANT.validate_python(table).tunable(NOISY)


@pytest.mark.parametrize("kind", methods.KINDS)
def test_every_kind_has_a_table_with_the_options_of_its_class(kind):
    schedule = {"schedule": "linear(0, 1)"} if "schedule" in methods.arguments(kind) else {}
    made = VARIANT.validate_python({"kind": kind, **schedule})
    assert methods.options(kind).keys() < type(made).model_fields.keys()
    found = made.tunable(TASK)
    assert found.method.kind == kind
    assert found.label.startswith(NAMES[kind])
    assert found.start.rho == methods.default_rho(kind)
    assert not found.tuned


def test_values_lists_and_tune():
    found = read(kind="looksam", rho="tune", k=[2, 5], dropout=0)
    assert found.axes["rho"] == settings.radii("looksam")
    assert found.axes["k"] == Axis(values=(2, 5), start=2)
    assert found.axes["dropout"].values == (0.0,)
    assert read(kind="sam", rho=[0.2, 0.1]).axes["rho"].values == (0.1, 0.2)


def test_what_is_said_of_the_training():
    found = read(kind="base", label="mine", length=0.5, average="ema", patience=3).method
    assert (found.label, found.length, found.average, found.patience) == ("mine", 0.5, "ema", 3)


def test_a_schedule_is_text():
    found = read(kind="sssam", schedule="linear(0, 1)")
    assert found.label == "SS-SAM linear(0, 1)"
    assert found.method.scheduling_function() == linear(0, 1)


def test_a_schedule_meets_its_budget_over_the_steps_of_the_task():
    found = read(kind="sssam", schedule="late(0.5)", budget=1.125).method.scheduling_function()
    assert 1 + found.mean_probability(STEPS) == pytest.approx(1.125, abs=1e-12)
    assert found == from_dict(late(0.5).with_budget(1.125, STEPS).to_dict())


def test_a_schedule_is_chosen_among_several_each_at_the_budget():
    found = read(kind="sssam", schedule=["late(0.5)", "linear(0, 1)"], budget=1.125)
    assert found.label == "SS-SAM"
    assert found.tuned
    made = [found.at([text]).scheduling_function() for text in found.axes["schedule"].values]
    assert made == [s.with_budget(1.125, STEPS) for s in (late(0.5), linear(0, 1))]
    assert found.start.scheduling_function() == found.method.scheduling_function() == made[0]


def test_a_schedule_is_chosen_among_all_families_that_meet_the_budget():
    found = read(kind="sssam", schedule="tune", budget=1.05, ascent_fraction=0.25)
    texts = found.axes["schedule"].values
    assert {text.partition("(")[0] for text in texts} == {
        "constant",
        "piecewise",
        "linear",
        "cosine",
        "sine",
        "power",
        "late",
    }
    for text in texts:
        schedule = found.at([0.25, text]).scheduling_function()
        assert schedule.mean_probability(STEPS) == pytest.approx(0.2, abs=1 / STEPS)
    with pytest.raises(ValueError, match="at a budget: give one"):
        read(kind="sssam", schedule="tune")


def test_an_ascent_on_part_of_a_batch_costs_a_part_of_the_budget():
    table = {"kind": "sssam", "schedule": "constant(0.1)", "budget": 1.0625}
    assert read(**table, ascent_fraction=0.125).method.scheduling_function() == constant(0.5)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "samm"}, "Input tag 'samm'"),
        ({"rho": 0.1}, "Unable to extract tag using discriminator 'kind'"),
        ({"kind": "sam", "mixx": 1}, "unknown key 'mixx': did you mean 'mix'"),
        ({"kind": "sam", "k": 5}, "unknown key 'k'"),
        ({"kind": "base", "rho": 0.1}, "unknown key 'rho'"),
        ({"kind": "sam", "schedule": "late(1)"}, "unknown key 'schedule'"),
        ({"kind": "sssam"}, "Field required"),
        ({"kind": "sam", "rho": "big"}, "valid number"),
        ({"kind": "sam", "rho": [0.1, "b"]}, "valid number"),
        ({"kind": "sam", "rho": []}, "at least 1 item"),
        ({"kind": "sam", "rho": -0.1}, "greater than or equal to 0"),
        ({"kind": "sam", "rho": float("nan")}, "finite number"),
        ({"kind": "base", "learning_rate": [0.1, 0]}, "greater than 0"),
        ({"kind": "base", "label_smoothing": 1}, "less than 1"),
        ({"kind": "base", "length": 0}, "greater than 0"),
        ({"kind": "base", "length": "2"}, "valid number"),
        ({"kind": "base", "average": "mean"}, "'sema', 'swa' or 'lawa'"),
        ({"kind": "sam", "mix": {"a": 1}}, "valid string"),
        ({"kind": "sssam", "schedule": "late(1)", "budget": 2.5}, "less than or equal to 2"),
    ],
)
def test_bad_tables_are_refused_by_pydantic(table, said):
    with pytest.raises(ValidationError) as raised:
        VARIANT.validate_python(table)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "sam", "rho": [0.1, 0.1]}, "a value stands twice in"),
        ({"kind": "sssam", "schedule": "lat(1)"}, "unknown schedule 'lat': did you mean 'late'"),
        ({"kind": "sssam", "schedule": {"f": 1}}, "valid string"),
        (
            {"kind": "sssam", "schedule": "late(1)", "budget": 1.5, "ascent_fraction": 0.125},
            "to 1.125 (an ascent at every step), not 1.5",
        ),
        (
            {"kind": "sssam", "schedule": "late(1)", "budget": 1.1, "ascent_fraction": [0.1, 0.2]},
            "ascent_fraction must be one value in (0, 1] beside a budget",
        ),
        (
            {"kind": "sssam", "schedule": "linear(0.5)", "budget": 1.1},
            "budget 1.1 can't be met: linear(0.5, 1.0) over 260 steps reaches 1.25",
        ),
        ({"kind": "base", "average_start": 0.5}, "must be left out"),
    ],
)
def test_what_can_t_be_on_a_task_is_refused(table, said):
    with pytest.raises(ValueError) as raised:
        read(**table)
    assert said in str(raised.value)
