"""`sssam tune`."""

from pathlib import Path
from typing import TYPE_CHECKING

from sssam.lab.cli.options import Flag
from sssam.lab.cli.refusals import refusing

if TYPE_CHECKING:
    from sssam.lab.specs import Task
    from sssam.lab.studies.design import Grid

#: How many of `sssam.lab.studies.design.TUNING_SEEDS` there are, which a test holds equal.
SEEDS = 10


def tune_(
    task: str = "noisy-digits",
    *,
    methods: str = "default",
    seeds: int = SEEDS,
    out: Path | None = None,
    engine: str | None = None,
    jobs: int | None = None,
    epochs: int | None = None,
    data: Path | None = None,
    quiet: Flag = False,
) -> int:
    """Choose the rho of a task's rows on validation samples, with seeds of its own.

    Every rho of the grid is tried for every row, on the same seeds; where some row's best lies at
    an end of the grid, the grid grows there, for all rows. The default rows share a grid of radii;
    rows of a kind are tried at multiples of their class's default, from 1/4 to 16. The exit code is
    1 if runs failed, which count as 0.

    Args:
        task: What is trained, as in sssam compare.
        methods: default, all, or rows by kind, as in sssam compare.
        seeds: How many seeds, from 1000 on; at least 1.
        out: Directory of the records and of tuned.json; default sssam-results/TASK-tuning.
        engine: Where runs are trained, as in sssam compare.
        jobs: Processes on this machine; in place of --engine.
        epochs: Length of the training, at least 1; default the task's own.
        data: Where the task's data lie, for a task that does not bring its own.
        quiet: No progress.
    """
    import torch
    from rich.text import Text

    from sssam.lab import tuned
    from sssam.lab.cli import arguments, results, terminal, training
    from sssam.lab.runs import checks
    from sssam.lab.runs.worker import Settings
    from sssam.lab.studies import tune
    from sssam.lab.studies.chosen import as_tuned
    from sssam.lab.studies.design import TUNING_SEEDS, runs
    from sssam.lab.training import environment
    from sssam.runtime.files import write_whole

    output, errors = terminal.consoles()
    with refusing():
        chosen = arguments.task(task, epochs, data)
        grids = _grids(chosen, methods)
        count = arguments.seeds(seeds, "tuning seeds")
        on = range(TUNING_SEEDS[0], TUNING_SEEDS[0] + count)
        folder = arguments.results(chosen.name, out, "-tuning")
        trainer = training.Trainer(folder, training.engine(engine, jobs), Settings(), quiet)
        checks.check_runs(runs(chosen, [grid.method for grid in grids], list(on)[:1]))
    choices = tune.choose(chosen, grids, on, trainer, whole=True)
    tried = runs(chosen, [trial.method for choice in choices for trial in choice.trials], on)
    held = trainer(tried)
    made = [held[run.id] for run in tried]
    where = environment.describe(torch.device("cpu"), "32-true")
    found = as_tuned(chosen, choices, on, _command(task, methods, seeds), where)
    path = folder / tuned.FILE
    write_whole(folder / "tuning.jsonl", tune.compacted(made).encode())
    write_whole(path, found.model_dump_json(indent=1).encode() + b"\n")
    for choice in choices:
        output.print(Text(results.chosen(chosen.name, choice)), soft_wrap=True)
    output.print(Text(f"The values, which sssam compare takes: {path}"), soft_wrap=True)
    return results.failed(made, errors, f"each counts as 0: {trainer.records}")


def _grids(task: "Task", methods: str) -> "list[Grid]":
    from sssam.lab import tasks
    from sssam.lab.studies import rows, tune
    from sssam.lab.studies.design import Grid

    if methods == "default":
        rows_ = tasks.untuned_rows(task)
        return [
            Grid(method=row)
            if row.kind == "base"
            else Grid(method=row, factors=tune.GRID, grows=True)
            for row in rows_
        ]
    return [rows.tuning_grid(row) for row in rows.chosen(task, methods)]


def _command(task: str, methods: str, seeds: int) -> str:
    """The command line that makes the values of a task anew."""
    more = "" if methods == "default" else f" --methods {methods}"
    more += "" if seeds == SEEDS else f" --seeds {seeds}"
    return f"sssam tune {task}{more}"
