"""The flatness of single runs -> that of a comparison's variants."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from sssam.lab import stats
from sssam.lab.comparison.parts import VariantFlatness, VariantRise
from sssam.lab.comparison.reasons import Caveat
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Record
from sssam.lab.specs.flatness import Flatness, FlatnessSettings

#: Why the flatness of a run is not known, where its record gives no reason.
NOT_ASKED = "trained before it was asked for"


def with_flatness(
    comparison: Comparison, records: Sequence[Record], settings: FlatnessSettings
) -> Comparison:
    """The comparison with its variants' flatness, and a caveat on the runs that were not measured.

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
    caveats = (*comparison.caveats, *_unknown(comparison, records, len(measured)))
    return comparison.model_copy(update={"variants": variants, "caveats": caveats})


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
    every = sorted(
        ((rise.adaptive, rise.rho, rise.worst) for each in found for rise in each.rises),
        key=lambda rise: rise[:2],
    )
    made = []
    for (adaptive, rho), group in groupby(every, key=lambda rise: rise[:2]):
        values = [worst for *_, worst in group]
        bounded = [value for value in values if value is not None]
        worst = stats.interval(bounded) if len(bounded) == len(values) else None
        made.append(VariantRise(rho=rho, adaptive=adaptive, worst=worst))
    return made


def _unknown(comparison: Comparison, records: Sequence[Record], measured: int) -> list[Caveat]:
    """How many trained runs have no flatness, by reason."""
    reasons = Counter(r.flatness_error for r in records if r.flatness_error is not None)
    ended = sum(v.runs.finished + v.runs.diverged for v in comparison.variants)
    counts = dict(reasons)
    if unmeasured := ended - measured - reasons.total():
        counts[NOT_ASKED] = unmeasured
    return [Caveat(kind="no_flatness", counts=counts)] if counts else []
