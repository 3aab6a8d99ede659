"""The records of one method -> what is known of it alone."""

import statistics
from collections.abc import Callable, Sequence

from sssam.lab import stats
from sssam.lab.comparison.parts import CurvePoint, Draws, Outcomes
from sssam.lab.comparison.results import BySeed
from sssam.lab.comparison.values import Variant
from sssam.lab.specs import Method, Record, Timing


def summary(method: Method, by_seed: BySeed, asked: int, time: Timing | None) -> Variant:
    """The variant by itself, of the records that there are of `asked` runs.

    Its price is that of the finished runs, where there are any: one that diverged may have stopped
    early. Its accuracies are of all.
    """
    records = list(by_seed.values())
    finished = [record for record in records if record.outcome == "finished"]
    accuracies = {
        seed: 100 * record.test_accuracy
        for seed, record in by_seed.items()
        if record.test_accuracy is not None
    }
    validation = _known(records, lambda record: record.validation_accuracy)
    spent = _known(records, lambda record: record.propagations)
    return Variant(
        method=method,
        runs=_outcomes(records, asked),
        accuracies=accuracies,
        accuracy=_accuracy(list(accuracies.values())),
        validation=100 * statistics.fmean(validation) if validation else None,
        cost=_mean(finished or records, lambda record: record.cost),
        time=time,
        propagations=statistics.fmean(spent) if spent else None,
        spread=statistics.stdev(spent) if len(spent) > 1 else None,
        expected_propagations=_mean(records, lambda record: record.expected_propagations),
        curve=_curve(finished),
        draws=_draws(by_seed),
    )


def _known(records: Sequence[Record], value: Callable[[Record], float | None]) -> list[float]:
    return [found for found in map(value, records) if found is not None]


def _mean(records: Sequence[Record], value: Callable[[Record], float | None]) -> float | None:
    known = _known(records, value)
    return statistics.fmean(known) if known else None


def _accuracy(values: Sequence[float]) -> stats.Interval | None:
    """The mean in percent; its interval does not leave the range of an accuracy."""
    return stats.interval(values).within(0, 100) if values else None


def _outcomes(records: Sequence[Record], asked: int) -> Outcomes:
    ends = [record.outcome for record in records]
    return Outcomes(
        finished=ends.count("finished"),
        diverged=ends.count("diverged"),
        failed=ends.count("failed"),
        missing=asked - len(ends),
    )


def _curve(finished: Sequence[Record]) -> tuple[CurvePoint, ...]:
    """The mean curve, as far as the shortest of the runs goes."""
    points = []
    for epoch, at in enumerate(zip(*(record.curve for record in finished), strict=False), start=1):
        losses = [p.train_loss for p in at if p.train_loss is not None]
        points.append(
            CurvePoint(
                epoch=epoch,
                passes=statistics.fmean(p.propagations * epoch / p.step for p in at),
                train_loss=statistics.fmean(losses) if losses else None,
                validation_accuracy=statistics.fmean(p.validation_accuracy for p in at),
            )
        )
    return tuple(points)


def _draws(by_seed: BySeed) -> Draws | None:
    drawn = [(seed, r) for seed, r in by_seed.items() if r.outcome == "finished" and r.steps]
    if not drawn:
        return None
    seed, record = drawn[0]
    return Draws(seed=seed, steps=record.steps, ascended=record.ascended)
