"""Differences to base and SAM, non-inferiority, and the share of SAM's gain."""

import random

import numpy as np
import pytest
import torch
from made_up import BASE, HALF, LINEAR, SAM, changed, judged, made, study, variant
from scipy import stats as scipy_stats
from synthetic import TASK, scheduled

from sssam.lab import stats
from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.results import right
from sssam.lab.report.sentences import headline
from sssam.lab.specs import Record
from sssam.lab.training.evaluate import Judged
from sssam.schedules import linear

METHODS = (BASE, HALF, SAM, LINEAR)


@pytest.mark.parametrize("accuracy", [83.0, 86.6])
def test_nothing_is_said_beside_a_sam_whose_gain_is_not_clear(accuracy: float) -> None:
    """Within the margin of SAM and better than the base, a variant is not inferior to nothing."""
    comparison = study({"SAM": accuracy, LINEAR.label: 92.0})
    found = variant(comparison, LINEAR.label)
    assert found.to_sam.low > -TASK.margin
    assert (found.non_inferior, found.non_inferior_p, found.share) == (None, None, None)
    assert headline(comparison).startswith("On noisy-digits, no variant at up to 1.1 times")
    assert found.claim.established


@pytest.mark.parametrize(("accuracy", "expected"), [(93.3, True), (92.4, False), (91.0, False)])
def test_non_inferior_is_within_the_margin(accuracy: float, expected: bool) -> None:
    assert variant(study({LINEAR.label: accuracy}), LINEAR.label).non_inferior is expected


@pytest.mark.parametrize(("share", "expected"), [(0.5, True), (0.99, False)])
def test_non_inferior_is_above_the_task_s_share_of_the_gain_too(share, expected) -> None:
    task = TASK.model_copy(update={"share": share, "margin": 2.0})
    found = [
        r.model_copy(update={"run": r.run.model_copy(update={"task": task})})
        for r in made({LINEAR.label: 92.5}, METHODS)
    ]
    comparison = compare(task, METHODS, range(10), found)
    assert variant(comparison, LINEAR.label).non_inferior is expected


def test_the_p_value_is_the_larger_of_both_by_student_s_t() -> None:
    comparison = study({LINEAR.label: 92.6}, methods=METHODS)
    own, sam, base = (
        np.array([*variant(comparison, each).accuracies.values()])
        for each in (LINEAR.label, "SAM", "base")
    )
    margin = scipy_stats.ttest_1samp(own - sam, -1, alternative="greater").pvalue
    share = scipy_stats.ttest_1samp(
        own - base - 0.8 * (sam - base), 0, alternative="greater"
    ).pvalue
    # Holm's family is this one and the half, which is far below SAM.
    expected = 2 * max(margin, share)
    assert variant(comparison, LINEAR.label).non_inferior_p == pytest.approx(expected, rel=1e-6)


def test_the_adjustment_for_many_variants_can_take_back_what_is_said() -> None:
    many = [scheduled(f"variant {i}", linear(0.0, 1.0), rho=0.01 * i) for i in range(1, 30)]
    accuracy = {LINEAR.label: 92.9}
    alone = variant(study(accuracy, seeds=range(6), methods=METHODS), LINEAR.label)
    among = variant(study(accuracy, seeds=range(6), methods=(*METHODS, *many)), LINEAR.label)
    assert among.non_inferior_p > alone.non_inferior_p


def test_the_share_is_fieller_s() -> None:
    comparison = study({LINEAR.label: 92.0})
    own, sam, base = (
        np.array([*variant(comparison, each).accuracies.values()])
        for each in (LINEAR.label, "SAM", "base")
    )
    expected = stats.share(own - base, sam - base)
    found = variant(comparison, LINEAR.label).share
    assert found.mean == pytest.approx(expected.mean)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert variant(comparison, "SAM").share is None


def test_what_lies_at_the_margin_at_every_seed_does_not_pass_by_rounding() -> None:
    """Of 100 examples, 57 less 56 is 1 point, and in binary a little more or less."""
    hundredths = {"base": 20, "base 1/2": 10, "SAM": 56, LINEAR.label: 55}
    found = [
        r.model_copy(update={"test_accuracy": (hundredths[r.run.method.label] + r.run.seed) / 100})
        for r in made(methods=METHODS, seeds=range(6))
    ]
    each = variant(judged(found, METHODS, range(6)), LINEAR.label)
    assert (each.to_sam.mean, each.to_sam.low, each.to_sam.high) == (-1.0, -1.0, -1.0)
    assert (each.non_inferior, each.non_inferior_p) == (False, 1.0)


def test_a_sam_that_is_incomplete_is_no_reference() -> None:
    found = changed(made(), "SAM", 3, outcome="failed", test_accuracy=None)
    assert variant(judged(found), LINEAR.label).non_inferior is None


def judged_by_example(found: list[Record], flags, hashes=None) -> list[Record]:
    """The records with what was right by example: `flags(label, seed)`."""
    update = []
    for r in found:
        given = torch.tensor(flags(r.run.method.label, r.run.seed))
        values = {"correct": Judged(given, 0.0, None, "").bits, "test_size": len(given)}
        values["test_accuracy"] = given.double().mean().item()
        values["test_hash"] = "" if hashes is None else hashes(r.run.seed)
        update.append(r.model_copy(update=values))
    return update


@pytest.mark.parametrize("size", [3, 8, 9, 64, 597])
def test_bit_sets_come_back_in_their_order(size: int) -> None:
    flags = [bool(random.Random(size + i).getrandbits(1)) for i in range(size)]
    (only,) = judged_by_example(made(methods=(BASE,), seeds=range(1)), lambda *_: flags)
    assert right(only).tolist() == [int(flag) for flag in flags]


def lucky(label: str, seed: int) -> list[bool]:
    """At every seed alike: the ramp is right on examples that the base is wrong on."""
    chance = {"base": 0.8, LINEAR.label: 0.86}.get(label, 0.5)
    drawn = random.Random(label)
    return [drawn.random() < chance for _ in range(300)]


@pytest.mark.parametrize(("hashes", "shared"), [(lambda seed: "one", True), (str, False)])
def test_the_error_of_a_shared_test_set_is_in_the_interval(hashes, shared: bool) -> None:
    found = judged_by_example(made(), lucky, hashes)
    each = variant(judged(found), LINEAR.label)
    difference = np.array(lucky(LINEAR.label, 0), float) - np.array(lucky("base", 0), float)
    expected = 100 * np.std(difference, ddof=1) / np.sqrt(300) if shared else 0.0
    assert each.to_base.error == pytest.approx(expected, rel=1e-4)
    assert each.claim.difference.error == pytest.approx(expected, rel=1e-4)
    assert each.claim.established is not shared


def test_the_share_has_the_error_of_a_shared_test_set() -> None:
    def flags(label: str, seed: int) -> list[bool]:
        chance = {"base": 0.5, LINEAR.label: 0.7, "SAM": 0.8}.get(label, 0.4)
        drawn, luck = random.Random(f"{label}{seed}"), random.Random(label)
        return [luck.random() < chance if i < 300 else drawn.random() < chance for i in range(600)]

    both = [judged(judged_by_example(made(), flags, h)) for h in (lambda seed: "one", str)]
    shared, own = (variant(each, LINEAR.label).share for each in both)
    assert shared.mean == pytest.approx(own.mean)
    assert shared.high - shared.low > own.high - own.low


def test_records_without_what_was_right_leave_the_error_of_the_test_set_out() -> None:
    found = judged_by_example(made(), lucky, lambda seed: "one")
    without = judged([r.model_copy(update={"test_size": 50}) for r in found])
    assert not without.has_test_error
    assert judged(found).has_test_error
    assert variant(without, LINEAR.label).to_base.error < 1e-9
