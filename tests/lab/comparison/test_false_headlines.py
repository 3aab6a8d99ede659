"""A headline is as seldom wrong as its test promises, though its row is chosen among many."""

import numpy as np
import pytest
from synthetic import METHODS, TASK, records, scheduled

from sssam.lab import stats
from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.contrasts import contrasted
from sssam.lab.comparison.headline import headline
from sssam.lab.comparison.values import Comparison, Outcomes, Variant
from sssam.schedules import constant, linear

BASE, _, SAM = METHODS[:3]
ROWS = tuple(scheduled(f"row {i}", constant(0.1 + 0.05 * i)) for i in range(12))
SEEDS = 12


def row(method, values, cost: float) -> Variant:
    return Variant(
        method=method,
        runs=Outcomes(finished=SEEDS),
        accuracies=dict(enumerate(values.tolist())),
        accuracy=stats.interval(values),
        propagations=cost,
    )


def study(generator: np.random.Generator, gain: float, below: float) -> Comparison:
    """All rows lie so many points below SAM, and share a part of their luck at a seed."""
    means = 80.0 + np.array([0.0, gain, *[gain - below] * len(ROWS)])
    shared = generator.normal(0, 2.0, SEEDS) + np.outer(
        np.arange(len(means)) > 1, generator.normal(0, 0.5, SEEDS)
    )
    base, sam, *others = means[:, None] + shared + generator.normal(0, 0.8, (len(means), SEEDS))
    made = [row(BASE, base, 1.0), row(SAM, sam, 2.0)]
    made += [row(m, x, 1.1 + 0.05 * i) for i, (m, x) in enumerate(zip(ROWS, others, strict=True))]
    return contrasted(Comparison(task=TASK, seeds=tuple(range(SEEDS)), variants=tuple(made)))


@pytest.mark.parametrize("studies", [150, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_row_among_twelve_at_the_margin_is_seldom_said_to_keep_sams_gain(studies: int) -> None:
    """Unadjusted, one of the twelve would pass in more than 5 of 100 studies."""
    generator = np.random.default_rng(1)
    made = [study(generator, gain=5.0, below=TASK.margin) for _ in range(studies)]
    assert np.mean([" is non-inferior to SAM" in headline(each) for each in made]) <= 0.05
    assert np.mean([any(each.keeps for each in c.variants) for c in made]) > 0.05


def test_rows_better_than_a_sam_without_gain_are_seldom_said_to_keep_its_gain() -> None:
    generator = np.random.default_rng(2)
    made = [study(generator, gain=0.0, below=-2.0) for _ in range(150)]
    assert np.mean([" is non-inferior to SAM" in headline(each) for each in made]) <= 0.05
    assert np.mean([any(each.holds for each in c.variants) for c in made]) <= 0.05


def test_a_row_below_sam_where_sam_gains_little_is_not_in_the_headline() -> None:
    """Base 80, SAM 80.6, a row at 80.2: within the margin of 1 point, at a third of the gain."""
    ramp = scheduled("SS-SAM linear", linear(0.0, 1.0))
    methods = (BASE, SAM, ramp)
    accuracy = {"base": 80.0, "SAM": 80.6, "SS-SAM linear": 80.2}
    made = compare(TASK, methods, range(30), records(methods, range(30), accuracy, spread=0.2))
    found = next(each for each in made.variants if each.label == "SS-SAM linear")
    assert found.holds
    assert not found.holds_share
    assert "non-inferior" not in made.headline
    assert "no cheaper row" in made.headline
