"""The flatness of single runs -> that of a variant."""

from collections import Counter
from collections.abc import Iterable, Sequence

from sssam.lab import stats
from sssam.lab.comparison.parts import VariantFlatness, VariantRise
from sssam.lab.specs import Record
from sssam.lab.specs.flatness import Flatness, FlatnessSettings

#: Why the flatness of a run is not known, where its record gives no reason.
NOT_ASKED = "trained before it was asked for"


def mean_flatness(
    records: Sequence[Record], settings: FlatnessSettings | None
) -> VariantFlatness | None:
    """That of a variant by its records; what was measured by other settings is left out."""
    found = {r.run.seed: r.flatness for r in records if r.flatness is not None}
    by_seed = {seed: each for seed, each in found.items() if each.settings == settings}
    if not by_seed:
        return None
    measured, (seed, first) = list(by_seed.values()), next(iter(by_seed.items()))
    return VariantFlatness(
        n=len(measured),
        samples=first.samples,
        loss=stats.interval([each.loss for each in measured]),
        eigenvalue=stats.interval([each.curvature.eigenvalues[0] for each in measured]),
        trace=stats.interval([each.curvature.trace for each in measured]),
        rises=tuple(_rises(measured)),
        seed=seed,
        curve=first.curve,
    )


def without_flatness(
    records: Iterable[Record], settings: FlatnessSettings | None
) -> dict[str, int]:
    """How many trained runs have none by these settings, by reason; empty if it is not asked."""
    trained = [r for r in records if settings is not None and r.outcome != "failed"]
    lacking = [r for r in trained if r.flatness is None or r.flatness.settings != settings]
    return dict(Counter(record.flatness_error or NOT_ASKED for record in lacking))


def _rises(found: Sequence[Flatness]) -> list[VariantRise]:
    """All are by equal settings, so their rises are of the same radii in the same order."""
    every = zip(*(each.rises for each in found), strict=True)
    ordered = sorted(every, key=lambda some: (some[0].adaptive, some[0].rho))
    rises = list[VariantRise]()
    for some in ordered:
        bounded = [rise.worst for rise in some if rise.worst is not None]
        worst = stats.interval(bounded) if len(bounded) == len(some) else None
        rises.append(VariantRise(rho=some[0].rho, adaptive=some[0].adaptive, worst=worst))
    return rises
