"""A study as a value: fair trials, seeds that were added, variants at the base's recipe."""

import pytest
from tiny import TASK

from sssam.lab.specs import Method
from sssam.lab.studies.design import Axis, Part, Study, Tunable

BASE = Method(label="base", kind="base")
RATES = {"learning_rate": Axis(values=(0.1, 0.2), start=0.1)}
GROWING = {"rho": Axis(values=(0.1, 0.2), start=0.1, grows=True)}


def tunable(label: str, **axes: Axis) -> Tunable:
    return Tunable(method=Method(label=label, kind="sam", rho=0.05), axes=axes)


def listed(*values: float) -> Axis:
    return Axis(values=values, start=values[0])


def study(*variants: Tunable, base: dict[str, Axis] | None = None, **more) -> Study:
    part = Part(task=TASK, base=Tunable(method=BASE, axes=base or {}), variants=variants)
    return Study(name="a", parts=(part,), **{"seeds": (0, 1), "trials": 4, **more})


def test_a_variant_is_its_method_at_values():
    variant = tunable("SAM", rho=listed(0.1, 0.2), mix=listed(0.5), learning_rate=listed(1.0))
    assert variant.start.rho == 0.1
    other = variant.at([0.2, 0.5, 1.0])
    assert (other.rho, other.options, other.learning_rate) == (0.2, {"mix": 0.5}, 1.0)


def test_variants_follow_the_recipe_of_the_base_but_for_what_is_their_own():
    recipe = {"learning_rate": 0.3, "weight_decay": 0.01, "label_smoothing": 0.2, "dropout": 0.5}
    base = BASE.model_copy(update=recipe)
    variant = tunable("SAM", label_smoothing=listed(0.0), rho=listed(0.1)).following(base)
    assert variant.start.model_dump(include=set(recipe)) == {**recipe, "label_smoothing": 0.0}
    assert (variant.start.kind, variant.start.rho) == ("sam", 0.1)


def test_a_recipe_that_is_tuned_again_starts_from_the_base_s():
    rates = Axis(values=(0.1, 0.2), start=0.1, grows=True)
    variant = tunable("SAM", learning_rate=rates, rho=GROWING["rho"])
    found = variant.following(BASE.model_copy(update={"learning_rate": 0.05}))
    assert found.axes["learning_rate"] == Axis(values=(0.05, 0.1, 0.2), start=0.05, grows=True)
    assert found.axes["rho"] == GROWING["rho"]
    assert variant.following(BASE) == variant


@pytest.mark.parametrize(
    ("variants", "base"),
    [
        ([tunable("a", rho=listed(0.1, 0.2)), tunable("b", rho=listed(0.1, 0.2, 0.4))], {}),
        ([tunable("a", rho=listed(0.1, 0.2)), tunable("b", **GROWING)], {}),
        ([tunable("a", **GROWING)], RATES),
    ],
    ids=["lists", "a list and one that grows", "fewer of the base"],
)
def test_unequal_trials_are_refused(variants, base):
    with pytest.raises(ValueError, match="equally many trials, and the base no fewer") as raised:
        study(*variants, base=base)
    assert "a " in str(raised.value)
    assert "or set trials" in str(raised.value)


def test_a_base_may_have_more_trials_and_fixed_variants_none():
    growing = {"learning_rate": Axis(values=(0.1, 0.2), start=0.1, grows=True)}
    study(tunable("a", rho=listed(0.1, 0.2)), tunable("b", rho=listed(0.1)), base=growing)
    study(tunable("a", **GROWING), base=growing)


def test_what_is_chosen_on_a_seed_is_judged_on_others():
    with pytest.raises(ValueError, match="seed 1 is among seeds and among tuning_seeds"):
        study(tunable("a", **GROWING), tuning_seeds=(1, 2))
    study(tuning_seeds=(1, 2))


@pytest.mark.parametrize("name", ["seeds", "tuning_seeds"])
def test_a_seed_twice_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} hold a seed twice"):
        study(**{name: (3, 3)})


def test_a_label_twice_is_refused():
    with pytest.raises(
        ValueError, match="label 'base' is there twice: give one of the two another"
    ):
        study(tunable("base"))


def test_seeds_that_were_added_later_are_known():
    begun = study()
    assert begun.first_seeds == (0, 1)
    more = Study.model_validate({**dict(begun), "seeds": (0, 1, 2, 5)})
    assert more.seeds_added == (2, 5)
    assert Study.model_validate_json(more.text()) == more
    assert begun.seeds_added == ()


def test_a_value_that_stands_twice_is_refused():
    with pytest.raises(ValueError, match="a value stands twice"):
        Axis(values=(0.1, 0.1), start=0.1)
