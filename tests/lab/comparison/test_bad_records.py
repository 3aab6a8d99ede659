"""What is no accuracy, or no seed of its own, is refused by name."""

import math

import pytest
from synthetic import METHODS, TASK, records

from sssam.lab.comparison.compare import compare

BASE = METHODS[:1]


@pytest.mark.parametrize("name", ["test_accuracy", "validation_accuracy"])
@pytest.mark.parametrize("value", [1.3, -0.1, math.nan, math.inf])
def test_what_is_no_accuracy_is_refused_with_its_run(name: str, value: float) -> None:
    made = records(BASE, range(3))
    made[1] = made[1].model_copy(update={name: value})
    with pytest.raises(ValueError, match=rf"{name} of 'base' at seed 1 is {value}.*\[0, 1\]") as e:
        compare(TASK, BASE, range(3), made)
    assert made[1].id in str(e.value)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_range_are_accuracies(value: float) -> None:
    made = [r.model_copy(update={"test_accuracy": value}) for r in records(BASE, range(3))]
    (row,) = compare(TASK, BASE, range(3), made).variants
    assert row.accuracy is not None
    assert row.accuracy.mean == 100 * value


def test_a_seed_that_is_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"seeds are \[0, 0, 1\].*\[0\] appear twice.*once"):
        compare(TASK, BASE, [0, 0, 1], records(BASE, range(2)))
