"""Records -> a comparison. It reads, never trains."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from sssam.lab import stats
from sssam.lab.comparison import comparable, contrasts, headline
from sssam.lab.comparison.contrasts import BySeed
from sssam.lab.comparison.remarks import remarks
from sssam.lab.comparison.values import Comparison, CurvePoint, Draws, Outcomes, Variant
from sssam.lab.specs import Method, Record, Run, Task


def compare(
    task: Task,
    methods: Sequence[Method],
    seeds: Sequence[int],
    records: Iterable[Record],
    note: str = "",
    untuned: Sequence[str] = (),
) -> Comparison:
    """Compares the methods on a task, paired by seed, from the records that there are.

    Rows come in the order of `methods`; records of other runs are left out; runs without a record
    count as missing. SAM is the first row that is plain SAM, base the first of the base optimizer
    at its own length; without one of them the differences to it are None. `note` is the sentence
    that tells how each row's rho was chosen; `untuned` names the rows whose rho was not tuned on
    this task, which the first remark says. Where the records are no like for like (other data,
    other first weights, another order of the examples, another machine), the result's remarks say
    so next.

    Raises:
        ValueError: no methods, no seeds, a seed twice, two methods with one label, or a record
            whose accuracy is outside [0, 1].
    """
    _check(methods, seeds)
    held = list(records)
    runs = [[Run(task=task, method=method, seed=seed) for seed in seeds] for method in methods]
    studied = _studied(runs, held)
    for record in _all(studied):
        _check_accuracy(record)
    measured = Comparison(
        task=task,
        seeds=tuple(seeds),
        variants=tuple(_row(m, by, len(seeds)) for m, by in zip(methods, studied, strict=True)),
        note=note,
        untuned=tuple(untuned),
        environments=tuple(comparable.environments(_all(studied))),
        commits=_commits(studied),
    )
    contrasted = _with_noise(contrasts.contrasted(measured), studied)
    by_label = {method.label: by for method, by in zip(methods, studied, strict=True)}
    unlike = comparable.remarks(by_label, (run for row in runs for run in row), held)
    return contrasted.model_copy(
        update={
            "headline": headline.headline(contrasted),
            "support": headline.support(contrasted),
            "remarks": (*_untuned(untuned), *unlike, *remarks(contrasted)),
        }
    )


def _untuned(labels: Sequence[str]) -> list[str]:
    if not labels:
        return []
    return [
        f"rho was not tuned here for {', '.join(labels)}: another rho may do better; "
        "`--trials` and study files tune it on validation samples."
    ]


def _check(methods: Sequence[Method], seeds: Sequence[int]) -> None:
    if not methods or not seeds:
        raise ValueError("a comparison needs at least one method and one seed")
    labels = [method.label for method in methods]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"methods must differ in label, but {twice} appear twice; rename one")
    repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if repeated:
        raise ValueError(
            f"seeds are {list(seeds)}, but {repeated} appear twice: a run would count twice; give "
            "each seed once"
        )


def _check_accuracy(record: Record) -> None:
    """Refuses what is no accuracy; a comparison with NaN ends in an error that names no run."""
    for name in ("test_accuracy", "validation_accuracy"):
        value = getattr(record, name)
        if value is not None and not 0 <= value <= 1:
            raise ValueError(
                f"{name} of {record.run.method.label!r} at seed {record.run.seed} is {value}, must "
                f"be in [0, 1]: mend the metric, then set record {record.id} aside and train it "
                "anew"
            )


def _studied(runs: Sequence[Sequence[Run]], held: Sequence[Record]) -> list[BySeed]:
    """For each method the records of its runs, by seed."""
    found = {record.id: record for record in held}
    named = [[(run.seed, run.id) for run in row] for row in runs]
    return [{seed: found[name] for seed, name in row if name in found} for row in named]


def _row(method: Method, by_seed: BySeed, asked: int) -> Variant:
    records = list(by_seed.values())
    accuracies = _accuracies(by_seed)
    spent = [r.propagations for r in records if r.propagations is not None]
    expected = [r.expected_propagations for r in records if r.expected_propagations is not None]
    return Variant(
        method=method,
        runs=_outcomes(records, asked),
        accuracies=accuracies,
        accuracy=_mean(accuracies),
        validation=_validation(records),
        cost=_cost(records),
        propagations=statistics.fmean(spent) if spent else None,
        spread=statistics.stdev(spent) if len(spent) > 1 else None,
        expected_propagations=statistics.fmean(expected) if expected else None,
        curve=_curve([r for r in records if r.outcome == "finished"]),
        draws=_draws(by_seed),
    )


def _validation(records: Sequence[Record]) -> float | None:
    """The mean validation accuracy, in points."""
    every = [r.validation_accuracy for r in records if r.validation_accuracy is not None]
    return 100 * statistics.fmean(every) if every else None


def _cost(records: Sequence[Record]) -> float | None:
    """Of the finished runs, where there are any: one that diverged may have stopped early."""
    ended = [r for r in records if r.outcome == "finished"] or records
    spent = [record.cost for record in ended if record.cost is not None]
    return statistics.fmean(spent) if spent else None


def _mean(accuracies: Mapping[int, float]) -> stats.Interval | None:
    """The mean of accuracies in percent; its interval does not leave the range of an accuracy."""
    return stats.interval(list(accuracies.values())).within(0, 100) if accuracies else None


def _accuracies(by_seed: BySeed) -> dict[int, float]:
    """Test accuracies in percentage points, by seed; a diverged run counts with what it reached."""
    return {
        seed: 100 * record.test_accuracy
        for seed, record in by_seed.items()
        if record.test_accuracy is not None
    }


def _outcomes(records: Sequence[Record], asked: int) -> Outcomes:
    ends = [record.outcome for record in records]
    return Outcomes(
        finished=ends.count("finished"),
        diverged=ends.count("diverged"),
        failed=ends.count("failed"),
        missing=asked - len(ends),
    )


def _curve(records: Sequence[Record]) -> tuple[CurvePoint, ...]:
    """The mean curve, as far as the shortest of the runs goes."""
    points = []
    for epoch, at in enumerate(zip(*(record.curve for record in records), strict=False), start=1):
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


def _all(studied: Sequence[BySeed]) -> list[Record]:
    return [record for by_seed in studied for record in by_seed.values()]


def _commits(studied: Sequence[BySeed]) -> tuple[str, ...]:
    described = (r.environment for r in _all(studied) if r.environment is not None)
    return tuple(dict.fromkeys(each.commit for each in described if each.commit is not None))


def _with_noise(comparison: Comparison, studied: Sequence[BySeed]) -> Comparison:
    """Adds what takes the records again: the noise of the difference to SAM, and relative times."""
    labels = [row.label for row in comparison.variants]
    records: dict[str | None, BySeed] = dict(zip(labels, studied, strict=True))
    base = records.get(comparison.base.label if comparison.base else None, {})
    sam = records.get(comparison.sam.label if comparison.sam else None, {})
    rows = [
        row.model_copy(
            update={
                "noise": None if by is sam else contrasts.noise(by, sam),
                "relative_time": _relative_time(by, base),
            }
        )
        for row, by in zip(comparison.variants, studied, strict=True)
    ]
    return comparison.model_copy(update={"variants": tuple(rows)})


def _relative_time(by_seed: BySeed, base: BySeed) -> float | None:
    ratios = [
        by_seed[seed].seconds / base[seed].seconds
        for seed in by_seed
        if seed in base and base[seed].seconds > 0 and by_seed[seed].outcome == "finished"
    ]
    return statistics.median(ratios) if ratios else None
