"""Chooses the rho of each row on validation images: `python -m sssam.lab.tune noisy-digits`."""

import argparse
import json
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch

from sssam.lab import environment, study, tasks, tuned
from sssam.lab.records import write_whole
from sssam.lab.specs import REVISION, Method, Record, Run, Task
from sssam.lab.tuned import Row, Score, Tuned

#: Radii tried for every row, before the grid is extended.
GRID = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)

#: Seeds of the tuning; a comparison counts its own from 0.
SEEDS = range(1000, 1010)

#: How often the grid may grow at either end.
EXTENSIONS = 4


def extended(grid: Sequence[float], best: Iterable[float]) -> tuple[float, ...]:
    """The grid, and beyond an end at which some row's best lies, half or 4/3 of that end.

    >>> extended((0.1, 0.2, 0.6), [0.2, 0.6])
    (0.1, 0.2, 0.6, 0.8)
    """
    chosen = set(best)
    low = (round(grid[0] / 2, 6),) if grid[0] in chosen else ()
    high = (round(grid[-1] * 4 / 3, 1),) if grid[-1] in chosen else ()
    return (*low, *grid, *high)


def score(rho: float, records: Sequence[Record]) -> Score:
    """Mean and sample standard deviation of validation accuracy; a failed run counts as 0."""
    accuracies = [record.validation_accuracy or 0.0 for record in records]
    return Score(
        rho=rho,
        mean=statistics.fmean(accuracies),
        spread=statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0,
        n=len(accuracies),
        diverged=sum(record.outcome != "finished" for record in records),
    )


def choose(label: str, scores: Sequence[Score]) -> Row:
    """The row with the rho of the best mean; of equal means, the smallest rho."""
    best = max(scores, key=lambda each: (each.mean, -each.rho))
    return Row(label=label, rho=best.rho, scores=tuple(scores))


def runs_of(task: Task, method: Method, rho: float, seeds: Iterable[int]) -> list[Run]:
    """One row at one rho, over the seeds of the tuning."""
    row = method.model_copy(update={"rho": rho})
    return [Run(task=task, method=row, seed=seed) for seed in seeds]


def tune(
    task: Task,
    directory: Path,
    *,
    grid: Sequence[float] = GRID,
    seeds: Sequence[int] = SEEDS,
    jobs: int = 1,
    on_progress: study.OnProgress | None = None,
) -> tuple[Tuned, list[Record]]:
    """Tries each rho of the grid on each row that has one, the same number of times for every row.

    Where a row's best lies at an end of the grid, the grid grows there, for all rows. Rows without
    rho are trained once a seed, for the table.

    Returns:
        What was chosen, and all records, in the order of the rows.

    Raises:
        OSError: a record could not be written.
    """
    rows = tasks.untuned_rows(task)
    for _ in range(EXTENSIONS + 1):
        wanted = {row.label: _tries(task, row, grid, seeds) for row in rows}
        runs = [run for tries in wanted.values() for each in tries.values() for run in each]
        held = study.run_missing(runs, directory, jobs, on_progress).by_id
        found = [_row(label, tries, held) for label, tries in wanted.items()]
        wider = extended(grid, [row.rho for row in found])
        if wider == tuple(grid):
            break
        grid = wider
    result = Tuned(
        task=task.name,
        command=command(task.name, len(seeds)),
        recipe=task.model_copy(update={"data": task.data.model_copy(update={"path": None})}),
        revision=REVISION,
        seeds=tuple(seeds),
        grid=tuple(grid),
        rows=tuple(found),
        environment=environment.describe(torch.device("cpu"), "32-true"),
    )
    return result, [held[run.id] for run in runs]


def command(task: str, seeds: int) -> str:
    """The command line that makes the values of a task anew."""
    more = "" if seeds == len(SEEDS) else f" --seeds {seeds}"
    return f"python -m sssam.lab.tune {task}{more}"


def _tries(
    task: Task, row: Method, grid: Sequence[float], seeds: Sequence[int]
) -> dict[float, list[Run]]:
    radii = (0.0,) if row.kind == "base" else grid
    return {rho: runs_of(task, row, rho, seeds) for rho in radii}


def _row(label: str, tries: Mapping[float, list[Run]], held: Mapping[str, Record]) -> Row:
    return choose(label, [score(rho, [held[r.id] for r in runs]) for rho, runs in tries.items()])


def compact(record: Record) -> str:
    """A record as one line of JSON: what the choice was made from, without curves and test set."""
    keys = ("outcome", "validation_accuracy", "train_loss", "propagations", "seconds")
    row = {"id": record.id, "row": record.run.method.label, "rho": record.run.method.rho}
    kept = record.model_dump(include=set(keys))
    return json.dumps({**row, "seed": record.run.seed, **{key: kept[key] for key in keys}})


def main(arguments: Sequence[str] | None = None) -> None:
    """Tunes a task, goes on where it was stopped, and writes the values that comparisons read."""
    parser = argparse.ArgumentParser(prog="python -m sssam.lab.tune", description=__doc__)
    parser.add_argument("task", choices=sorted(tasks.TASKS))
    parser.add_argument("--data", help="where the data lie, for tasks that take a path")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="seeds, from 1000 on")
    parser.add_argument("--records", type=Path, help="one file a run; default results/TASK-tuning")
    given = parser.parse_args(arguments)
    study_folder = Path("studies") / given.task
    result, runs = tune(
        tasks.find(given.task, given.data),
        given.records or Path("results") / f"{given.task}-tuning",
        seeds=range(SEEDS.start, SEEDS.start + given.seeds),
        jobs=given.jobs,
        on_progress=_tell,
    )
    study_folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(compact(record) + "\n" for record in runs)
    write_whole(study_folder / "tuning.jsonl", lines.encode())
    write_whole(tuned.path(given.task), result.model_dump_json(indent=1).encode() + b"\n")
    for row in result.rows:
        best = next(each for each in row.scores if each.rho == row.rho)
        print(f"{row.label:24} rho {row.rho:<5g} validation {100 * best.mean:.2f}")


def _tell(progress: study.Progress) -> None:
    if progress.done % 20 == 0 or progress.done == progress.total:
        print(f"{progress.done} of {progress.total} runs", flush=True)


if __name__ == "__main__":
    main()
