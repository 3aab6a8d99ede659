"""Studies of made-up records for the tests of this folder."""

from collections.abc import Mapping, Sequence

from synthetic import ACCURACY, METHODS, TASK, records, scheduled

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.details import Reason
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Method, Record, Tuning
from sssam.schedules import linear

BASE, DOUBLE, SAM = METHODS[:3]
LINEAR = scheduled("SS-SAM linear", linear(0.0, 1.0))
HALF = Method(label="base 1/2", kind="base", length=0.5)
EIGHTH = METHODS[8]
TUNED = (Tuning(label="base", values={}, grids={}, trials=25, seeds=(1000,)),)
ALL = (BASE, HALF, DOUBLE, SAM, LINEAR, EIGHTH)
MEANS = {**ACCURACY, "base 1/2": 85.0}


def made(
    accuracy: Mapping[str, float] | None = None,
    methods: Sequence[Method] = ALL,
    seeds: Sequence[int] = range(10),
    spread: float = 0.5,
) -> list[Record]:
    return records(methods, seeds, {**MEANS, **(accuracy or {})}, spread)


def judged(
    found: list[Record], methods: Sequence[Method] = ALL, seeds: Sequence[int] = range(10), **more
) -> Comparison:
    return compare(TASK, methods, seeds, found, tuning=more.pop("tuning", TUNED), **more)


def study(accuracy: Mapping[str, float] | None = None, **how) -> Comparison:
    methods, seeds = how.get("methods", ALL), how.get("seeds", range(10))
    return judged(made(accuracy, **how), methods, seeds)


def variant(comparison: Comparison, label: str) -> Variant:
    return next(each for each in comparison.variants if each.label == label)


def changed(found: list[Record], label: str, *seeds: int, **values: object) -> list[Record]:
    """With these values in the records of a variant, at these seeds or at all."""
    return [
        r.model_copy(update=values)
        if r.run.method.label == label and (not seeds or r.run.seed in seeds)
        else r
        for r in found
    ]


def reasons(comparison: Comparison, label: str) -> list[Reason]:
    """Why nothing is claimed of it."""
    return [reason for reason in comparison.reasons if label in reason.variants]
