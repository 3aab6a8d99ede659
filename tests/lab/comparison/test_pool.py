"""Several tasks as one comparison, each with the same weight."""

import numpy as np
import pytest
from scipy import stats as scipy_stats
from synthetic import ACCURACY, METHODS, TASK, records, scheduled

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.contrasts import differences
from sssam.lab.comparison.pool import Pooled, pool
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import DataSpec
from sssam.schedules import linear

BASE, CONTROL, SAM = METHODS[:3]
LINEAR = scheduled("SS-SAM linear", linear(0.0, 1.0))


def task(name: str, **values: object):
    short = {"name": name, "data": DataSpec(name=name), "epochs": 2}
    return TASK.model_copy(update={**short, **values})


def study(name: str, seeds: int = 10, accuracy=None, methods=(BASE, SAM, LINEAR), **values):
    chosen = task(name, **values)
    # A spread that differs by task, so that the pooled degrees of freedom are no whole number.
    made = records(methods, range(seeds), {**ACCURACY, **(accuracy or {})}, seeds / 20, chosen)
    return compare(chosen, methods, range(seeds), made)


def rows(comparison: Comparison | Pooled):
    return {row.label: row for row in comparison.variants}


def test_each_task_has_the_same_weight_whatever_its_seeds() -> None:
    one, other = study("one", 4), study("other", 16, {"SS-SAM linear": 91.0})
    pooled = rows(pool([one, other]))["SS-SAM linear"]
    expected = np.mean([rows(c)["SS-SAM linear"].to_sam.mean for c in (one, other)])
    assert pooled.to_sam.mean == pytest.approx(expected)
    assert pooled.to_sam.n == 20
    assert pooled.by_task == {c.task.name: rows(c)["SS-SAM linear"].to_sam for c in (one, other)}


def test_the_interval_is_welchs() -> None:
    one, other = study("one", 4), study("other", 16)
    x, y = (differences(rows(c)["SS-SAM linear"], c.sam) for c in (one, other))
    theirs = scipy_stats.ttest_ind(x, -np.array(y), equal_var=False).confidence_interval(0.95)
    ours = rows(pool([one, other]))["SS-SAM linear"].to_sam
    assert (ours.low, ours.high) == pytest.approx((theirs.low / 2, theirs.high / 2))


def test_more_tasks_tell_more() -> None:
    comparisons = [study(f"task {i}", 4) for i in range(6)]
    alone, all_six = pool(comparisons[:2]), pool(comparisons)
    widths = [rows(p)["SAM"].to_base.high - rows(p)["SAM"].to_base.low for p in (alone, all_six)]
    assert widths[1] < widths[0]


def test_keeping_is_within_the_mean_of_the_margins() -> None:
    one, other = study("one", margin=0.2), study("other", margin=3.0)
    pooled = pool([one, other])
    row = rows(pooled)["SS-SAM linear"]
    assert pooled.margin == pytest.approx(1.6)
    assert not rows(one)["SS-SAM linear"].holds
    assert row.holds is (row.to_sam.low > -1.6)
    assert row.holds
    assert not rows(pool([study("one", margin=0.01), study("other", margin=0.01)]))[row.label].holds


def test_the_share_is_of_the_mean_gains() -> None:
    """Gains of 10 of 10 and of 0 of 1 point: ten elevenths, and not one half."""
    first = {"base": 80.0, "SAM": 90.0, "SS-SAM linear": 90.0}
    accuracy = [first, {"SAM": 87.6, "SS-SAM linear": 86.6}]

    def pooled(share: float):
        names = zip(("one", "other"), accuracy, strict=True)
        return pool([study(name, 20, each, share=share) for name, each in names])

    row, sam = rows(pooled(0.75))["SS-SAM linear"], rows(pooled(0.75))["SAM"]
    assert row.share.value == pytest.approx(row.to_base.mean / sam.to_base.mean)
    assert row.share.low < 10 / 11 < row.share.high
    assert row.holds_share
    assert not rows(pooled(1.0))["SS-SAM linear"].holds_share


def test_the_share_of_no_mean_gain_is_not_identified() -> None:
    """SAM gains on one task what it loses on the other."""
    one = study("one", accuracy={"SAM": 88.6})
    other = study("other", accuracy={"SAM": 84.2})
    row = rows(pool([one, other]))["SS-SAM linear"]
    assert not row.share.identified
    assert row.share_p_value is None
    assert not row.holds_share
    assert row.to_base.above_zero
    assert (row.p_value, row.holds) == (None, False)


def test_a_task_on_which_no_run_of_base_or_sam_finished_is_refused() -> None:
    made = [
        r.model_copy(update={"outcome": "diverged"}) if r.run.method == SAM else r
        for r in records((BASE, SAM, LINEAR), range(5), task=task("other"))
    ]
    other = compare(task("other"), (BASE, SAM, LINEAR), range(5), made)
    with pytest.raises(ValueError, match=r"'other' has no run of SAM that finished; leave it out"):
        pool([study("one"), other])


def test_p_values_are_adjusted_over_the_rows() -> None:
    methods = (BASE, SAM, LINEAR, scheduled("another", linear(0.0, 1.0), rho=0.2))
    accuracy = {"another": 91.0, "SS-SAM linear": 92.9}
    many = [study(name, 8, accuracy, methods) for name in ("one", "other")]
    few = [study(name, 8, accuracy) for name in ("one", "other")]
    alone = rows(pool(few))["SS-SAM linear"].p_value
    assert rows(pool(many))["SS-SAM linear"].p_value == pytest.approx(2 * alone)


def test_sam_has_a_gain_and_nothing_to_be_kept() -> None:
    row = rows(pool([study("one"), study("other")]))["SAM"]
    assert row.to_base.above_zero
    assert (row.to_sam, row.p_value, row.share, row.holds) == (None, None, None, False)


def test_rows_that_a_task_lacks_are_left_out_by_name() -> None:
    pooled = pool([study("one", methods=METHODS), study("other")])
    assert [row.label for row in pooled.variants] == ["SAM", "SS-SAM linear"]
    assert set(pooled.left_out) == {m.label for m in METHODS} - {"base", "SAM", "SS-SAM linear"}


def test_a_task_of_one_seed_leaves_means_without_intervals() -> None:
    row = rows(pool([study("one", 1), study("other", 10)]))["SS-SAM linear"]
    assert row.to_sam.low is None
    assert not row.holds
    assert not row.share.identified


def test_tasks_on_the_same_data_and_seeds_are_remarked() -> None:
    again = study("again", data=DataSpec(name="one", label_noise=0.4))
    said = pool([study("one"), again]).remarks
    assert len(said) == 1
    assert said[0].startswith("one and again split the same data by the same seeds;")
    assert pool([study("one"), study("other")]).remarks == ()


def test_it_reads_back_from_its_json() -> None:
    pooled = pool([study("one"), study("other")])
    assert Pooled.model_validate_json(pooled.model_dump_json()) == pooled


def test_what_can_not_be_pooled_is_refused() -> None:
    one = study("one")
    for bad in ([], [one], [one, one]):
        with pytest.raises(ValueError, match="two or more different tasks"):
            pool(bad)
    with pytest.raises(ValueError, match=r"'other' has no run of SAM; train it"):
        pool([one, study("other", methods=(BASE, LINEAR))])
    with pytest.raises(ValueError, match=r"'other' has no run of the base optimizer"):
        pool([one, study("other", methods=(SAM, LINEAR))])
    with pytest.raises(ValueError, match=r"share must be equal .*0\.8.*0\.9.*set one"):
        pool([one, study("other", share=0.9)])
