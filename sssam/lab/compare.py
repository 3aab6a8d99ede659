"""Records -> a comparison. It reads, never trains."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from sssam.lab import headline, stats
from sssam.lab.comparison import Comparison, CurvePoint, Draws, Outcomes, Row
from sssam.lab.specs import Environment, Method, Record, Run, Task

#: The records of one method, by seed.
BySeed = Mapping[int, Record]


def compare(
    task: Task,
    methods: Sequence[Method],
    seeds: Sequence[int],
    records: Iterable[Record],
    tuning: str = "",
) -> Comparison:
    """Compares the methods on a task, paired by seed, from the records that there are.

    Rows come in the order of `methods`; records of other runs are left out; runs without a record
    count as missing. SAM is the first row that is plain SAM, base the first of the base optimizer
    at its own length; without one of them the differences to it are None. `tuning` is the sentence
    that tells how each row's rho was chosen.

    Raises:
        ValueError: no methods, no seeds, or two methods with one label.
    """
    _check(methods, seeds)
    found = {record.id: record for record in records}
    studied = [_of(task, method, seeds, found) for method in methods]
    measured = Comparison(
        task=task,
        seeds=tuple(seeds),
        rows=tuple(_row(m, by, len(seeds)) for m, by in zip(methods, studied, strict=True)),
        tuning=tuning,
        environments=_environments(studied),
        commits=_commits(studied),
    )
    contrasted = _contrast(measured, studied)
    return contrasted.model_copy(
        update={
            "headline": headline.headline(contrasted),
            "support": headline.support(contrasted),
            "remarks": tuple(headline.remarks(contrasted)),
        }
    )


def _check(methods: Sequence[Method], seeds: Sequence[int]) -> None:
    if not methods or not seeds:
        raise ValueError("a comparison needs at least one method and one seed")
    labels = [method.label for method in methods]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"methods must differ in label, but {twice} appear twice; rename one")


def _of(task: Task, method: Method, seeds: Sequence[int], found: Mapping[str, Record]) -> BySeed:
    ids = {seed: Run(task=task, method=method, seed=seed).id for seed in seeds}
    return {seed: found[name] for seed, name in ids.items() if name in found}


def _row(method: Method, by_seed: BySeed, asked: int) -> Row:
    records = list(by_seed.values())
    accuracies = list(_accuracies(by_seed).values())
    spent = [r.propagations for r in records if r.propagations is not None]
    expected = [r.expected_propagations for r in records if r.expected_propagations is not None]
    return Row(
        method=method,
        runs=_outcomes(records, asked),
        accuracy=stats.interval(accuracies) if accuracies else None,
        propagations=statistics.fmean(spent) if spent else None,
        spread=statistics.stdev(spent) if len(spent) > 1 else None,
        expected_propagations=statistics.fmean(expected) if expected else None,
        curve=_curve([r for r in records if r.outcome == "finished"]),
        draws=_draws(by_seed),
    )


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


def _environments(studied: Sequence[BySeed]) -> tuple[Environment, ...]:
    """The distinct environments, times and commits apart, in the order in which they appear."""
    seen: dict[str, Environment] = {}
    for each in _all_environments(studied):
        seen.setdefault(each.model_dump_json(exclude={"time", "commit"}), each)
    return tuple(seen.values())


def _commits(studied: Sequence[BySeed]) -> tuple[str, ...]:
    commits = (each.commit for each in _all_environments(studied))
    return tuple(dict.fromkeys(commit for commit in commits if commit is not None))


def _all_environments(studied: Sequence[BySeed]) -> list[Environment]:
    records = (record for by_seed in studied for record in by_seed.values())
    return [record.environment for record in records if record.environment is not None]


def _contrast(comparison: Comparison, studied: Sequence[BySeed]) -> Comparison:
    """Adds to each row what it is beside base and SAM, then Holm's adjustment over the rows."""
    records = dict(zip((row.label for row in comparison.rows), studied, strict=True))
    base = {} if comparison.base is None else records[comparison.base.label]
    sam = {} if comparison.sam is None else records[comparison.sam.label]
    margin = comparison.task.margin
    rows = [_beside(row, records[row.label], base, sam, margin) for row in comparison.rows]
    tested = [row for row in rows if row.p_value is not None]
    adjusted = stats.holm([row.p_value for row in tested if row.p_value is not None])
    by_label = dict(zip((row.label for row in tested), adjusted, strict=True))
    return comparison.model_copy(
        update={
            "rows": tuple(r.model_copy(update={"p_value": by_label.get(r.label)}) for r in rows)
        }
    )


def _beside(row: Row, by_seed: BySeed, base: BySeed, sam: BySeed, margin: float) -> Row:
    own, at_base, at_sam = _accuracies(by_seed), _accuracies(base), _accuracies(sam)
    to_base = [own[s] - at_base[s] for s in own if s in at_base] if by_seed is not base else []
    to_sam = [own[s] - at_sam[s] for s in own if s in at_sam] if by_seed is not sam else []
    update: dict[str, object] = {
        "to_base": stats.interval(to_base) if to_base else None,
        "to_sam": stats.interval(to_sam) if to_sam else None,
        "detectable": stats.detectable(to_sam) if to_sam else None,
        "relative_time": _relative_time(by_seed, base),
    }
    if to_base and to_sam:
        update |= _kept(own, at_base, at_sam, margin)
    return row.model_copy(update=update)


def _kept(
    own: Mapping[int, float], base: Mapping[int, float], sam: Mapping[int, float], margin: float
) -> dict[str, object]:
    to_sam = [own[s] - sam[s] for s in own if s in sam]
    to_base = [own[s] - base[s] for s in own if s in base]
    triples = [s for s in own if s in base and s in sam]
    sam_gain = [sam[s] - base[s] for s in triples]
    identified = bool(triples) and statistics.fmean(sam_gain) != 0
    gain = [own[s] - base[s] for s in triples]
    keeps = stats.keeps(stats.interval(to_sam), stats.interval(to_base), margin)
    return {
        "keeps": keeps if min(len(to_sam), len(to_base)) > 1 else None,
        "p_value": stats.keeps_p_value(to_sam, to_base, margin),
        "share": stats.share(gain, sam_gain) if identified else None,
    }


def _relative_time(by_seed: BySeed, base: BySeed) -> float | None:
    ratios = [
        by_seed[seed].seconds / base[seed].seconds
        for seed in by_seed
        if seed in base and base[seed].seconds > 0 and by_seed[seed].outcome == "finished"
    ]
    return statistics.median(ratios) if ratios else None
