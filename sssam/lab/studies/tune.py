"""Chooses each row's hyperparameters on validation samples, on seeds of their own."""

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from sssam.lab import stats
from sssam.lab.report.text import counted, listed
from sssam.lab.specs import Method, Record, Run, Spec, Task
from sssam.lab.studies.design import Grid, runs

#: Radii tried for the default rows of a task, before the grid is extended.
GRID = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)

#: How often the grid may grow at either end.
EXTENSIONS = 4

#: Gives the record of each run, by its id; trains those that have none, or raises.
Train = Callable[[Sequence[Run]], Mapping[str, Record]]


class Trial(Spec):
    """A row at one choice of values: validation accuracy in [0, 1] over n seeds.

    `accuracies` are those by seed, and `spread` is their sample standard deviation; diverged runs
    count with what they reached, failed ones as 0.
    """

    method: Method
    mean: float
    spread: float
    n: int
    diverged: int = 0
    accuracies: tuple[float, ...] = ()


class Choice(Spec):
    """A row with the values that were best, all trials that it was chosen among, and their grid."""

    grid: Grid
    method: Method
    trials: tuple[Trial, ...]

    @property
    def at_an_end(self) -> bool:
        """Whether the rho chosen is the smallest or largest of several: a wider grid may do it."""
        radii = {trial.method.rho for trial in self.trials}
        return len(radii) > 1 and self.method.rho in (min(radii), max(radii))

    @property
    def p_value(self) -> float | None:
        """Of all trials being equal, paired by seed; None for one trial, or for one seed."""
        return stats.equal_p_value([trial.accuracies for trial in self.trials])


def choose(
    task: Task, grids: Sequence[Grid], seeds: Sequence[int], train: Train, whole: bool = False
) -> list[Choice]:
    """Tries all values of all rows on all seeds, and takes the best of each row.

    Each row has the same number of trials, but for rows that leave nothing to choose: these are
    taken as they are, and trained once a seed only where the table is to be `whole`. Where the best
    of a row whose grid grows lies at its end, all the grids that grow do so there, and the new
    values are tried, at most `EXTENSIONS` times.

    Raises:
        Whatever `train` raises.
    """
    for last in (*([False] * EXTENSIONS), True):
        found = _tried(task, grids, seeds, train, whole)
        wider = grids if last else _grown(grids, found)
        if list(wider) == list(grids):
            break
        grids = wider
    return found


def _tried(
    task: Task, grids: Sequence[Grid], seeds: Sequence[int], train: Train, whole: bool
) -> list[Choice]:
    tried = {grid.label: grid.trials() if grid.tuned or whole else () for grid in grids}
    every = [method for methods in tried.values() for method in methods]
    held = train(runs(task, every, seeds)) if every else {}
    return [
        best(grid, [score(m, [held[r.id] for r in runs(task, [m], seeds)]) for m in tried[label]])
        for label, grid in zip(tried, grids, strict=True)
    ]


def score(method: Method, records: Sequence[Record]) -> Trial:
    """Mean and sample standard deviation of validation accuracy; a failed run counts as 0."""
    accuracies = [record.validation_accuracy or 0.0 for record in records]
    return Trial(
        method=method,
        mean=statistics.fmean(accuracies),
        spread=statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0,
        n=len(accuracies),
        diverged=sum(record.outcome != "finished" for record in records),
        accuracies=tuple(accuracies),
    )


def best(grid: Grid, trials: Sequence[Trial]) -> Choice:
    """The choice of the best mean; of equal means, the smallest rho, then the first.

    Means are compared to 12 digits: those of equal counts can differ in the last one.
    """
    if not trials:
        return Choice(grid=grid, method=grid.trials()[0], trials=())
    top = max(trials, key=lambda trial: (round(trial.mean, 12), -trial.method.rho))
    return Choice(grid=grid, method=top.method, trials=tuple(trials))


def _grown(grids: Sequence[Grid], choices: Sequence[Choice]) -> list[Grid]:
    """The grids with new factors at the ends at which some row's best lies."""
    ends = [_end(choice) for choice in choices if choice.grid.grows]
    return [
        grid.model_copy(update={"factors": extended(grid.factors, -1 in ends, 1 in ends)})
        if grid.grows
        else grid
        for grid in grids
    ]


def _end(choice: Choice) -> int:
    radii = [choice.grid.radius(factor) for factor in choice.grid.factors]
    return (choice.method.rho == radii[-1]) - (choice.method.rho == radii[0])


def extended(grid: Sequence[float], low: bool, high: bool) -> tuple[float, ...]:
    """The grid, and below its low end the half of that, beyond its high end 4/3 of that.

    >>> extended((0.1, 0.2, 0.6), low=False, high=True)
    (0.1, 0.2, 0.6, 0.8)
    """
    below = (round(grid[0] / 2, 6),) if low else ()
    above = (round(grid[-1] * 4 / 3, 1 if grid[-1] >= 0.15 else 6),) if high else ()
    return (*below, *grid, *above)


def told(choices: Sequence[Choice], seeds: Sequence[int], metric: str = "accuracy") -> str:
    """What was chosen among what, and for which rows by chance, in sentences.

    Args:
        choices: of all rows, those with nothing to choose too.
        seeds: those of the tuning.
        metric: the task's name of what is measured.
    """
    tuned = [choice for choice in choices if choice.grid.tuned]
    if not tuned:
        return ""
    count = len(tuned[0].trials)
    fixed = [each.grid.label for each in choices if not each.grid.tuned]
    untuned = f" Not tuned, but run at the values given: {', '.join(fixed)}." if fixed else ""
    ends = [each.grid.label for each in tuned if each.at_an_end]
    edge = f" The best rho lies at the end of the grid for {', '.join(ends)}." if ends else ""
    return (
        f"Each row's values are those with the best mean {metric} on validation samples over "
        f"{counted(len(seeds), 'seed')} ({_range(seeds)}) that the comparison does not use, among "
        f"{count} trials a row. Chosen: {_chosen(tuned)}.{untuned}{edge}{_ties(tuned)}"
    )


def _chosen(tuned: Sequence[Choice]) -> str:
    """Each row's values; the radii that were tried stand once, after the rows that share them."""
    groups: dict[tuple[float, ...], list[str]] = {}
    for each in tuned:
        groups.setdefault(_radii(each), []).append(f"{each.grid.label}: {_values(each)}")
    return "; ".join("; ".join(rows) + _of(radii) for radii, rows in groups.items())


def _ties(tuned: Sequence[Choice]) -> str:
    """The rows whose trials the seeds do not tell apart; empty where there are none."""
    tied = [choice for choice in tuned if untold(choice)]
    if not tied:
        return ""
    if tied[0].trials[0].n < 2:
        return " One seed does not tell the trials of a row apart, so the choice may be chance."
    rows = listed([f"{each.grid.label} (p = {each.p_value:.2g})" for each in tied])
    return (
        f" The seeds do not tell the trials apart for {rows}, by an F test paired by seed, so "
        f"{'this choice' if len(tied) == 1 else 'these choices'} may be chance."
    )


def values(choice: Choice) -> str:
    """The values chosen, of what was tried; in brackets the radii that were tried."""
    return _values(choice) + _of(_radii(choice))


def _values(choice: Choice) -> str:
    method, trials = choice.method, choice.trials
    named: dict[str, object] = {"rho": f"{method.rho:g}"} if len(_radii(choice)) > 1 else {}
    if len({trial.method.learning_rate for trial in trials}) > 1:
        named["learning rate"] = method.learning_rate
    named |= {name: method.options[name] for name in choice.grid.options}
    return ", ".join(f"{name} {value}" for name, value in named.items())


def _radii(choice: Choice) -> tuple[float, ...]:
    return tuple(sorted({trial.method.rho for trial in choice.trials}))


def _of(radii: Sequence[float]) -> str:
    return f" (of {', '.join(f'{rho:g}' for rho in radii)})" if len(radii) > 1 else ""


def untold(choice: Choice) -> str:
    """That the seeds do not tell apart what was tried, in words; empty where they do."""
    if len(choice.trials) < 2:
        return ""
    several = choice.grid.options or len({t.method.learning_rate for t in choice.trials}) > 1
    what = "values" if several else "radii"
    if choice.trials[0].n < 2:
        return f"one seed does not tell the {what} apart"
    p = choice.p_value
    if p is None or p < 1 - stats.LEVEL:
        return ""
    return f"the seeds do not tell the {what} apart (F test paired by seed, p = {p:.2g})"


def _range(seeds: Sequence[int]) -> str:
    whole = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]} to {seeds[-1]}" if whole and len(seeds) > 2 else ", ".join(map(str, seeds))


def compact(record: Record) -> str:
    """A record as one line of JSON: what the choice was made from, without curves and test set."""
    keys = ("outcome", "validation_accuracy", "train_loss", "propagations", "seconds")
    row = {"id": record.id, "row": record.run.method.label, "rho": record.run.method.rho}
    kept = record.model_dump(include=set(keys))
    return json.dumps({**row, "seed": record.run.seed, **{key: kept[key] for key in keys}})


def compacted(records: Iterable[Record]) -> str:
    """The records as such lines."""
    return "".join(compact(record) + "\n" for record in records)
