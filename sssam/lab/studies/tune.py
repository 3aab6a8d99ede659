"""Tunes settings on validation samples, on seeds of their own, in equally many trials."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sssam.lab.specs import Method, Record, Run, Task
from sssam.lab.specs.record import Score, Tuning, Value
from sssam.lab.studies import trials
from sssam.lab.studies.design import Tunable, runs
from sssam.lab.studies.trials import Proposal

#: Gives the record of each run, by its id; trains those that have none, or raises.
Train = Callable[[Sequence[Run]], Mapping[str, Record]]

#: The records of each point, a record a seed, in the order of the trials.
Tried = dict[Proposal, list[Record]]


class Choice(NamedTuple):
    """A variant ready to be run, and what it was chosen among; None where nothing was tuned."""

    method: Method
    tuning: Tuning | None = None


def tune(
    task: Task, variants: Sequence[Tunable], seeds: Sequence[int], count: int, train: Train
) -> list[Choice]:
    """Tries each variant at `count` points on all seeds, and takes the best of each.

    In each round the trials of all variants are trained together. A variant that leaves nothing to
    choose is taken as it is.
    """
    tried: list[Tried] = [{} for _ in variants]
    while any(wanted := [_next(*pair, count) for pair in zip(variants, tried, strict=True)]):
        every = zip(variants, wanted, strict=True)
        trained = train(runs(task, [v.at(point) for v, points in every for point in points], seeds))
        for variant, points, records in zip(variants, wanted, tried, strict=True):
            for point in points:
                records[point] = [trained[run.id] for run in runs(task, [variant.at(point)], seeds)]
    return [_chosen(v, records, seeds) for v, records in zip(variants, tried, strict=True)]


def _next(variant: Tunable, tried: Tried, count: int) -> list[Proposal]:
    if not variant.tuned:
        return []
    return trials.proposed(list(variant.axes.values()), _scores(tried), count)


def _scores(tried: Tried) -> dict[Proposal, float]:
    """Mean validation accuracies; a diverged run counts with what it reached, a failed one as 0."""
    return {point: statistics.fmean(_accuracies(records)) for point, records in tried.items()}


def _accuracies(records: Sequence[Record]) -> list[float]:
    return [record.validation_accuracy or 0.0 for record in records]


def _chosen(variant: Tunable, tried: Tried, seeds: Sequence[int]) -> Choice:
    """The point of the best mean; of equal means that of the smallest rho, then the first."""
    if not tried:
        return Choice(variant.start)
    scores = _scores(tried)
    rho = {p: variant.at(p).rho for p in scores}
    sizes = {p: -1.0 if isinstance(each, str) else each for p, each in rho.items()}  # "auto" first
    best = max(scores, key=lambda p: (round(scores[p], 12), -sizes[p]))
    return Choice(variant.at(best), _tuning(variant, tried, best, seeds))


def _tuning(variant: Tunable, tried: Tried, best: Proposal, seeds: Sequence[int]) -> Tuning:
    places = {name: i for i, (name, axis) in enumerate(variant.axes.items()) if axis.tuned}
    grids = {name: tuple(dict.fromkeys(p[i] for p in tried)) for name, i in places.items()}
    ordered = {name: variant.axes[name].ordered(grid) for name, grid in grids.items()}
    ends = [n for n, i in places.items() if variant.axes[n].ends_at(best[i], ordered[n])]
    return Tuning(
        label=variant.label,
        values={name: best[i] for name, i in places.items()},
        grids=ordered,
        trials=len(tried),
        seeds=tuple(seeds),
        at_end=tuple(ends),
        scores=tuple(
            _score({name: point[i] for name, i in places.items()}, records)
            for point, records in tried.items()
        ),
    )


def _score(values: dict[str, Value], records: Sequence[Record]) -> Score:
    accuracies = _accuracies(records)
    return Score(
        values=values,
        mean=statistics.fmean(accuracies),
        spread=statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0,
        diverged=sum(record.outcome != "finished" for record in records),
    )
