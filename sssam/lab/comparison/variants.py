"""The records of one method -> what is known of it alone, its flatness too."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean

from sssam.lab import stats
from sssam.lab.comparison.details import Ascents, CurvePoint, Outcomes, VariantFlatness, VariantRise
from sssam.lab.comparison.results import BySeed
from sssam.lab.comparison.values import Variant
from sssam.lab.specs import Method, Record, Timing
from sssam.lab.specs.flatness import Flatness, FlatnessSettings


def summary(
    method: Method,
    by_seed: BySeed,
    asked: int,
    time: Timing | None,
    settings: FlatnessSettings | None,
) -> Variant:
    """The variant by itself, of the records that there are of `asked` runs.

    Its price is that of the finished runs, where there are any: one that diverged may have stopped
    early. Its accuracies are of all; their interval does not leave their range.
    """
    records = list(by_seed.values())
    finished = [record for record in records if record.outcome == "finished"]
    tested = {s: r.test_accuracy for s, r in by_seed.items() if r.test_accuracy is not None}
    accuracies = {seed: 100 * accuracy for seed, accuracy in tested.items()}
    validation = _mean(records, "validation_accuracy")
    ends = Counter[str](record.outcome for record in records)
    stepped = [record for record in finished if record.steps]
    draws = [Ascents(seed=r.run.seed, steps=r.steps, ascended=r.ascended) for r in stepped[:1]]
    return Variant(
        method=method,
        runs=Outcomes(**ends, missing=asked - len(records)),
        accuracies=accuracies,
        accuracy=stats.interval([*accuracies.values()]).within(0, 100) if accuracies else None,
        validation=None if validation is None else 100 * validation,
        cost=_mean(finished or records, "cost"),
        time=time,
        propagations=_mean(records, "propagations"),
        expected_propagations=_mean(records, "expected_propagations"),
        curve=_curve(finished),
        draws=next(iter(draws), None),
        flatness=mean_flatness(records, settings),
    )


def _mean(records: Sequence[Record], name: str) -> float | None:
    """The mean of a number of the records, as far as it is known."""
    known = [found for record in records if (found := getattr(record, name)) is not None]
    return fmean(known) if known else None


def _curve(finished: Sequence[Record]) -> tuple[CurvePoint, ...]:
    """The mean curve, as far as the shortest of the runs goes."""
    points = []
    for epoch, at in enumerate(zip(*(record.curve for record in finished), strict=False), start=1):
        losses = [p.train_loss for p in at if p.train_loss is not None]
        points.append(
            CurvePoint(
                epoch=epoch,
                passes=fmean(p.propagations * epoch / p.step for p in at),
                train_loss=fmean(losses) if losses else None,
                validation_accuracy=fmean(p.validation_accuracy for p in at),
            )
        )
    return tuple(points)


#: Why the flatness of a run is not known, where its record gives no reason.
NOT_ASKED = "trained before it was asked for"


def mean_flatness(
    records: Sequence[Record], settings: FlatnessSettings | None
) -> VariantFlatness | None:
    """A variant's flatness by its records; what was measured by other settings is left out."""
    flatness = (record.flatness for record in records)
    measured = [each for each in flatness if each is not None and each.settings == settings]
    if not measured:
        return None
    return VariantFlatness(
        n=len(measured),
        loss=stats.interval([each.loss for each in measured]),
        eigenvalue=stats.interval([each.eigenvalues[0] for each in measured]),
        trace=stats.interval([each.trace for each in measured]),
        rises=tuple(_rises(measured)),
    )


def without_flatness(
    records: Iterable[Record], settings: FlatnessSettings | None
) -> dict[str, int]:
    """How many trained runs have none by these settings, by reason; empty if it is not asked."""
    trained = [r for r in records if settings is not None and r.outcome != "failed"]
    lacking = [r for r in trained if r.flatness is None or r.flatness.settings != settings]
    return dict(Counter(record.flatness_error or NOT_ASKED for record in lacking))


def _rises(measured: Sequence[Flatness]) -> list[VariantRise]:
    """All are by equal settings, so their rises are of the same radii in the same order."""
    every = zip(*(each.rises for each in measured), strict=True)
    ordered = sorted(every, key=lambda some: (some[0].adaptive, some[0].rho))
    rises = list[VariantRise]()
    for some in ordered:
        bounded = [rise.worst for rise in some if rise.worst is not None]
        worst = stats.interval(bounded) if len(bounded) == len(some) else None
        rises.append(VariantRise(rho=some[0].rho, adaptive=some[0].adaptive, worst=worst))
    return rises
