"""What each variant is beside the base and beside SAM: paired by seed, adjusted over variants."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sssam.lab import stats
from sssam.lab.comparison.results import Results, Terms, contrast, differences, shared_error, unlike
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Task

#: Below so many seeds nothing is claimed: a t interval of four takes the normal law on trust.
LEAST_SEEDS = 5


def p_value(terms: Terms, bound: float = 0.0, also: Results | None = None) -> float | None:
    """The one-sided p-value against "the true mean is at most `bound`", in points.

    Where a run of the terms or of `also` diverged, it must hold on the seeds too at which all of
    them finished, and is the larger of the two p-values: a difference to runs that came to nothing
    is no gain. None where fewer than `LEAST_SEEDS` are left.
    """
    involved = [each for _, each in terms] + ([] if also is None else [also])
    finished = np.logical_and.reduce([each.finished for each in involved])
    if finished.sum() < LEAST_SEEDS:
        return None
    every = contrast(terms).above(bound)
    return every if finished.all() else max(every, contrast(terms, finished).above(bound))


def are_alike(*results: Results) -> bool:
    """Whether they were judged on the same test examples, and trained on the same samples."""
    first, *rest = results
    return not any(
        unlike(first.test, each.test) or unlike(first.samples, each.samples) for each in rest
    )


def contrasted(comparison: Comparison, results: Mapping[str, Results]) -> Comparison:
    """The comparison with each variant's differences to base and SAM.

    Non-inferiority to SAM and shares of its gain are there only where that gain is itself clear.
    """
    base, sam = comparison.base, comparison.sam
    updates: dict[str, dict[str, object]] = {
        v.label: {
            name: _difference(results[v.label], results[other.label])
            for name, other in (("to_base", base), ("to_sam", sam))
            if other is not None and other.label != v.label
        }
        for v in comparison.variants
    }
    if base is not None and sam is not None and is_gain_clear(base, sam, results):
        for label, found in _beside_sam(base, sam, results, comparison.task).items():
            updates[label] |= found
    variants = tuple(v.model_copy(update=updates[v.label]) for v in comparison.variants)
    return comparison.model_copy(update={"variants": variants})


def is_gain_clear(base: Variant, sam: Variant, results: Mapping[str, Results]) -> bool:
    """Whether SAM is above the base: complete, like for like, five seeds, and not by divergence."""
    one, other = results[sam.label], results[base.label]
    if not (one.is_complete and other.is_complete and are_alike(one, other)):
        return False
    p = p_value([(1, one), (-1, other)])
    return p is not None and p < stats.ONE_SIDED


def _difference(one: Results, other: Results) -> stats.Interval | None:
    terms = [(1, one), (-1, other)]
    return contrast(terms) if len(differences(terms)) else None


def _beside_sam(
    base: Variant, sam: Variant, results: Mapping[str, Results], task: Task
) -> dict[str, dict[str, object]]:
    """Holm's family is all but base and SAM; one that is refused counts as 1."""
    reference = results[base.label], results[sam.label]
    tested = {k: own for k, own in results.items() if k not in (base.label, sam.label)}
    p_values = [_non_inferior(own, *reference, task) for own in tested.values()]
    return {
        label: {
            "share": _share(own, *reference),
            "non_inferior": p < stats.ONE_SIDED,
            "non_inferior_p": p,
        }
        for (label, own), p in zip(tested.items(), stats.holm(p_values), strict=True)
        if p is not None
    }


def _non_inferior(own: Results, base: Results, sam: Results, task: Task) -> float | None:
    """Two claims at once: within the margin of SAM, and above the task's share of its gain.

    So it is the larger p-value (an intersection-union test; Berger 1982, Technometrics 24:295-300).
    The share is there since a margin says nothing where SAM's own gain is no larger.
    """
    if not own.is_complete or not are_alike(own, base, sam):
        return None
    margin = p_value([(1, own), (-1, sam)], -task.margin, also=base)
    share = p_value([(1, own), (task.share - 1, base), (-task.share, sam)])
    return None if margin is None or share is None else max(margin, share)


def _share(own: Results, base: Results, sam: Results) -> stats.Interval:
    gain, sam_gain = differences([(1, own), (-1, base)]), differences([(1, sam), (-1, base)])
    return stats.share(gain, sam_gain, common=_common(own, base, sam))


def _common(own: Results, base: Results, sam: Results) -> npt.NDArray[np.float64]:
    """The covariance that a shared test set leaves in the mean gains, by polarisation."""
    terms = [(1, own), (-1, base)], [(1, sam), (-1, base)], [(1, own), (-1, sam)]
    a, b, less = (shared_error(each) ** 2 for each in terms)
    both = (a + b - less) / 2
    return np.array([[a, both], [both, b]])
