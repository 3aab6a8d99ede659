"""The command `sssam`: compare methods, train one run, plan a schedule."""

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.text import Text

from sssam.lab import (
    arguments,
    checkpoints,
    explain,
    figures,
    records,
    report,
    study,
    tasks,
    terminal,
)
from sssam.lab import compare as comparing
from sssam.lab import plan as planning
from sssam.lab.charts.schedules import schedules
from sssam.lab.refusals import RefusedError, StoppedError, refusing, stoppable
from sssam.lab.specs import Record, Run
from sssam.lab.train import train
from sssam.roles.strength import How

USAGE, INTERRUPTED = 2, 130


def _version() -> str:
    try:
        return version("sssam")
    except PackageNotFoundError:
        return "unknown: sssam is used from a source tree that is not installed"


app = App(
    name="sssam",
    version=_version,
    help="Sharpness-aware training at a cost that you choose: compare it, train with it, plan it.",
    help_epilogue="Begin with `sssam compare`: it needs no network and takes a few minutes.",
    suppress_keyboard_interrupt=False,
)

Quiet = Annotated[bool, Parameter(negative="")]
Data = Annotated[Path | None, Parameter(name="--data")]


@app.command
def compare(
    task: str = "noisy-digits",
    *,
    methods: str | None = None,
    seeds: int = tasks.DEFAULT_SEEDS,
    out: Path | None = None,
    jobs: int | None = None,
    epochs: int | None = None,
    data: Data = None,
    run: Annotated[bool, Parameter(negative="--no-run")] = True,
    quiet: Quiet = False,
) -> int:
    """Train the methods over several seeds, and show what each costs and brings.

    Runs that have a record are not trained again, so the same command goes on where it was
    stopped. The page, tables, records and figures are left in one directory.

    Args:
        task: What is trained: noisy-digits, digits, fashion-mnist or cifar10.
        methods: Rows to compare, by label, separated by commas; default all of the task.
        seeds: How many paired seeds, counted from 0; at least 1, and 10 or more tell something.
        out: Directory of records and results; default sssam-results/TASK.
        jobs: Processes, each with one thread; default one for each core.
        epochs: Length of the training, at least 1; default the task's own.
        data: Where the task's data lie, for a task that does not bring its own.
        run: Train what is missing; --no-run only shows what the records hold.
        quiet: No progress and no table; the headline and the page's path alone.
    """
    output, errors = terminal.consoles()
    with refusing():
        chosen = arguments.task(task, epochs, data)
        rows = arguments.rows(chosen, methods)
        wanted = arguments.at_least_one("--seeds", seeds, "the number of paired seeds")
        workers = arguments.at_least_one(
            "--jobs", arguments.cores() if jobs is None else jobs, "processes"
        )
        runs = [Run(task=chosen, method=m, seed=s) for s in range(wanted) for m in rows]
        study.check(runs)
        folder = Path("sssam-results", task) if out is None else out
        arguments.directory(folder)
    held = _held(runs, folder / "records", workers, errors, quiet, run)
    comparison = comparing.compare(chosen, rows, range(wanted), held, explain.tuning(chosen))
    written = report.write(comparison, folder)
    if quiet:
        output.print(Text(comparison.headline))
    else:
        terminal.show(comparison, output)
    output.print(Text(f"\nThe page: {written.page}"), soft_wrap=True)
    return 0


def _held(
    runs: Sequence[Run], folder: Path, jobs: int, errors: Console, quiet: bool, run: bool
) -> list[Record]:
    """The records of the runs, after training those that are missing if that is wished."""
    if not run:
        found = records.read_all(folder)
        if not any(each.id in found.by_id for each in runs):
            raise RefusedError(
                f"no record of this comparison is in {str(folder)!r}: leave out --no-run"
            )
    else:
        missing = study.missing(runs, folder)
        with stoppable(f"finished runs are kept in {folder}; the same command goes on from there"):  # noqa: SIM117
            with terminal.watching(missing, errors, quiet) as watch:
                found = study.run_missing(
                    runs, folder, jobs, lambda p: watch.ended(*p), lambda e: watch.epoch(*e)
                )
    for problem in found.problems:
        errors.print(Text(f"passed over, no record: {problem}", style="yellow"))
    return list(found.by_id.values())


@app.command(name="train")
def train_one(
    task: str = "noisy-digits",
    *,
    method: str = "SS-SAM linear",
    seed: int = 0,
    checkpoint: Path | None = None,
    out: Path | None = None,
    epochs: int | None = None,
    data: Data = None,
    accelerator: Literal["cpu", "cuda", "mps", "auto"] = "cpu",
    quiet: Quiet = False,
) -> int:
    """Train one run, and write its record where `sssam compare` finds it.

    Args:
        task: What is trained, as in `sssam compare`.
        method: Label of the row.
        seed: Seed of the split, the weights, the order and the draws; at least 0.
        checkpoint: File to keep the state in after each epoch, and to go on from where it exists.
        out: Directory of the results; default sssam-results/TASK.
        epochs: Length of the training, at least 1; default the task's own.
        data: Where the task's data lie, for a task that does not bring its own.
        accelerator: Device to train on; comparisons train on the CPU.
        quiet: No progress, only the result.
    """
    output, errors = terminal.consoles()
    with refusing():
        chosen = arguments.task(task, epochs, data)
        row = arguments.rows(chosen, method)[0]
        if seed < 0:
            raise ValueError(f"--seed must be at least 0, not {seed}")
        run = Run(task=chosen, method=row, seed=seed)
        study.check([run])
        if checkpoint is not None and checkpoint.exists():
            checkpoints.load(checkpoint, run)
        folder = Path("sssam-results", task) if out is None else out
        arguments.directory(folder)
    kept = "nothing is kept: give --checkpoint a file to go on from"
    if checkpoint is not None:
        kept = f"its state is kept in {checkpoint}; the same command goes on from there"
    with stoppable(kept), terminal.epochs(run, errors, quiet) as watch:
        record = train(
            run,
            checkpoint=checkpoint,
            accelerator=accelerator,
            on_epoch=lambda e: watch.epoch(*e),
        )
    path = records.write(record, folder / "records")
    output.print(Text(_result(record)))
    output.print(Text(f"The record: {path}"), soft_wrap=True)
    return 0


@app.command
def plan(
    *,
    budget: float = 1.5,
    total_steps: int = 1000,
    rho: float = 0.05,
    strength: How = "fixed",
    out: Path | None = None,
) -> int:
    """See what each family of schedules would do at a budget, before paying for it.

    Args:
        budget: Propagations a step: 1 is the base optimizer, 2 is SAM.
        total_steps: Steps of the run, at least 1.
        rho: Radius of the perturbation.
        strength: How rho makes up for skipped steps: fixed, per-step (rho / p) or total.
        out: File for the plot, ending in .svg or .png.
    """
    output, _ = terminal.consoles()
    with refusing():
        plans = planning.plan(budget, total_steps, rho, strength)
        drawn = planning.bands(plans, total_steps)
        path = None if out is None else figures.save(schedules(drawn), out)
    output.print(planning.shown(plans, total_steps, output.encoding))
    if path is not None:
        output.print(Text(f"\nThe plot: {path}"), soft_wrap=True)
    return 0


def _result(record: Record) -> str:
    accuracy = "unknown" if record.test_accuracy is None else f"{100 * record.test_accuracy:.2f}%"
    spent = "unknown" if record.propagations is None else f"{record.propagations:.3f}"
    return (
        f"{record.run.method.label} on {record.run.task.name}, seed {record.run.seed}: "
        f"{record.outcome}; test accuracy {accuracy}; {spent} propagations a step over "
        f"{record.steps} steps; {record.seconds:.1f} s"
    )


def main(words: Sequence[str] | None = None) -> int:
    """The command line: 0 if all went well, 2 for bad input, 1 for a disk or file that failed.

    Ctrl-C gives 130. `words` default to those of the process.
    """
    _, errors = terminal.consoles()
    try:
        app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, RefusedError) as error:
        return _said(errors, error, USAGE)
    except OSError as error:
        return _said(errors, error, 1)
    except StoppedError as stop:
        return _said(errors, stop, INTERRUPTED)
    except KeyboardInterrupt:
        return _said(errors, StoppedError("stopped"), INTERRUPTED)
    return 0


def _said(errors: Console, error: Exception, code: int) -> int:
    errors.print(Text(f"sssam: {error}"), soft_wrap=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
