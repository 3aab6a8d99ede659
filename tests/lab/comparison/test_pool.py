"""Several tasks as one comparison, each with the same weight."""

import numpy as np
import pytest
from made_up import BASE, HALF, LINEAR, MEANS, SAM, TUNED, variant
from scipy import stats as scipy_stats
from synthetic import METHODS, TASK, records, scheduled

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.pool import Pooled, PooledVariant, pool
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import DataSpec, Timing
from sssam.schedules import linear

FOUR = (BASE, HALF, SAM, LINEAR)


def task(name: str, **values: object):
    short = {"name": name, "data": DataSpec(name=name), "epochs": 2}
    return TASK.model_copy(update={**short, **values})


def study(name: str, seeds: int = 10, accuracy=None, methods=FOUR, **values) -> Comparison:
    chosen = task(name, **values)
    # A spread that differs by task, so that the pooled degrees of freedom are no whole number.
    made = records(methods, range(seeds), {**MEANS, **(accuracy or {})}, seeds / 20, chosen)
    return compare(chosen, methods, range(seeds), made, tuning=TUNED)


def pooled(label: str, *comparisons: Comparison) -> PooledVariant:
    return next(each for each in pool(comparisons).variants if each.label == label)


def reductions(comparison: Comparison, label: str, other: str) -> np.ndarray:
    base = np.array([*variant(comparison, "base").accuracies.values()])
    own, reference = (
        np.array([*variant(comparison, each).accuracies.values()]) for each in (label, other)
    )
    return 100 * (own - reference) / (100 - base).mean()


def test_each_task_has_the_same_weight_whatever_its_seeds_and_errors() -> None:
    low = {"base": 60.0, "base 1/2": 50.0, "SAM": 62.0, LINEAR.label: 62.0}
    one, other = study("one", 5), study("other", 16, low)
    found = pooled(LINEAR.label, one, other)
    means = [reductions(each, LINEAR.label, "base").mean() for each in (one, other)]
    assert found.to_base.mean == pytest.approx(np.mean(means))
    assert found.to_base.n == 21
    assert {name: each.mean for name, each in found.by_task.items()} == pytest.approx(
        dict(zip(("one", "other"), means, strict=True))
    )


def test_the_interval_is_welchs() -> None:
    one, other = study("one", 5), study("other", 16)
    x, y = (reductions(each, LINEAR.label, "SAM") for each in (one, other))
    theirs = scipy_stats.ttest_ind(x, -y, equal_var=False).confidence_interval(0.95)
    ours = pooled(LINEAR.label, one, other).to_sam
    assert (ours.low, ours.high) == pytest.approx((theirs.low / 2, theirs.high / 2))


def test_wins_ties_and_losses_are_counted_by_their_intervals() -> None:
    even, worse = study("even", accuracy={LINEAR.label: 86.6}), {LINEAR.label: 80.0}
    found = pooled(LINEAR.label, study("one"), study("two"), even, study("four", accuracy=worse))
    assert found.counts == (2, 1, 1)


def test_what_is_established_in_the_mean_is_adjusted_over_the_variants() -> None:
    many = (*FOUR, scheduled("another", linear(0.0, 1.0), rho=0.2))
    accuracy = {"another": 86.6, LINEAR.label: 87.3}
    few = pooled(LINEAR.label, study("one", 8, accuracy), study("other", 8, accuracy))
    among = pooled(LINEAR.label, *(study(n, 8, accuracy, many) for n in ("one", "other")))
    assert few.established
    assert few.p_value < among.p_value
    assert pooled("base 1/2", study("one"), study("other")).p_value is None


def test_a_task_that_refuses_its_claim_refuses_the_pooled_one() -> None:
    untuned = compare(
        task("other"),
        FOUR,
        range(10),
        records(FOUR, range(10), MEANS, 0.5, task("other")),
    )
    found = pooled(LINEAR.label, study("one"), untuned)
    assert found.to_control.above_zero
    assert (found.p_value, found.established) == (None, False)


def test_sam_has_no_difference_to_itself() -> None:
    found = pooled("SAM", study("one"), study("other"))
    assert found.to_base.above_zero
    assert found.to_sam is None


def test_variants_that_a_task_lacks_are_left_out_by_name() -> None:
    found = pool([study("one", methods=(*METHODS, HALF)), study("other")])
    assert [each.label for each in found.variants] == ["SAM", "SS-SAM linear", "base 1/2"]
    assert set(found.left_out) == {m.label for m in METHODS} - {"base", "SAM", "SS-SAM linear"}


def test_tasks_on_the_same_data_and_seeds_are_named() -> None:
    again = study("again", data=DataSpec(name="one", label_noise=0.4))
    assert pool([study("one"), again]).related == (("one", "again"),)
    assert pool([study("one"), study("other")]).related == ()


def test_it_reads_back_from_its_json() -> None:
    found = pool([study("one"), study("other")])
    assert Pooled.model_validate_json(found.model_dump_json()) == found


def test_what_can_not_be_pooled_is_refused() -> None:
    one = study("one")
    for bad in ([], [one], [one, one]):
        with pytest.raises(ValueError, match="two or more different tasks"):
            pool(bad)
    with pytest.raises(ValueError, match=r"'other' has no finished run of the base.*train it"):
        pool([one, study("other", methods=(SAM, LINEAR))])
    perfect = records(FOUR, range(5), MEANS, 0.0, task("other"))
    perfect = [r.model_copy(update={"test_accuracy": 1.0}) for r in perfect]
    with pytest.raises(ValueError, match=r"error on task 'other' is 0, must be above 0"):
        pool([one, compare(task("other"), FOUR, range(5), perfect)])


@pytest.mark.parametrize(("low", "seconds"), [(1.95, 2.0), (1.5, None)])
def test_a_price_that_is_too_noisy_on_one_task_is_none_over_the_tasks(low, seconds) -> None:
    environment = study("one").environments[0]
    time = Timing(
        ratio=2.0,
        low=low,
        high=2.05,
        quartiles=(2.0, 2.0),
        blocks=20,
        steps=50,
        seconds=2.0,
        base_seconds=1.0,
        environment=environment,
    )
    found = [_timed(study(name), time) for name in ("one", "other")]
    assert pooled("SAM", *found).seconds == (None if seconds is None else pytest.approx(seconds))


def _timed(comparison: Comparison, time: Timing) -> Comparison:
    variants = [
        each.model_copy(update={"time": time} if each.label == "SAM" else {})
        for each in comparison.variants
    ]
    return comparison.model_copy(update={"variants": tuple(variants)})
