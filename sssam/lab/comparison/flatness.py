"""The flatness of single runs -> that of a comparison's variants."""

from collections import Counter
from collections.abc import Sequence

from sssam.lab import stats
from sssam.lab.comparison.parts import VariantFlatness, VariantRise
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Record
from sssam.lab.specs.flatness import Flatness, FlatnessSettings, Rise

#: Why the flatness of a run is not known, where its record gives no reason.
NOT_ASKED = "trained before it was asked for"


def with_flatness(
    comparison: Comparison, records: Sequence[Record], settings: FlatnessSettings
) -> Comparison:
    """The comparison with its variants' flatness, and why that of some runs is not known.

    Args:
        comparison: of these records.
        records: of the comparison's runs, on one task.
        settings: what was to be measured; flatness by other settings is left out.
    """
    measured = [r for r in records if r.flatness is not None and r.flatness.settings == settings]
    by_label: dict[str, list[Record]] = {v.label: [] for v in comparison.variants}
    for record in sorted(measured, key=lambda record: record.run.seed):
        by_label[record.run.method.label].append(record)
    variants = tuple(
        each.model_copy(update={"flatness": _summary(by_label[each.label])})
        for each in comparison.variants
    )
    reasons = Counter(r.flatness_error for r in records if r.flatness_error is not None)
    ended = sum(v.runs.finished + v.runs.diverged for v in comparison.variants)
    reasons[NOT_ASKED] += ended - len(measured) - reasons.total()
    update = {"variants": variants, "without_flatness": dict(+reasons)}
    return comparison.model_copy(update=update)


def _summary(records: Sequence[Record]) -> VariantFlatness | None:
    found = [record.flatness for record in records if record.flatness is not None]
    if not found:
        return None
    first = found[0]
    return VariantFlatness(
        n=len(found),
        samples=first.samples,
        loss=stats.interval([each.loss for each in found]),
        eigenvalue=stats.interval([each.curvature.eigenvalues[0] for each in found]),
        trace=stats.interval([each.curvature.trace for each in found]),
        rises=tuple(_rises(found)),
        seed=records[0].run.seed,
        curve=first.curve,
    )


def _rises(found: Sequence[Flatness]) -> list[VariantRise]:
    """All were measured by the same settings, so their rises are of the same radii."""
    every = zip(*(each.rises for each in found), strict=True)
    ordered = sorted(every, key=lambda some: (some[0].adaptive, some[0].rho))
    return [
        VariantRise(rho=some[0].rho, adaptive=some[0].adaptive, worst=_mean_rise(some))
        for some in ordered
    ]


def _mean_rise(rises: Sequence[Rise]) -> stats.Interval | None:
    bounded = [rise.worst for rise in rises if rise.worst is not None]
    return stats.interval(bounded) if len(bounded) == len(rises) else None
