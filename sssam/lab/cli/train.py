"""`sssam train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from sssam.lab.cli.options import AT_LEAST_0, Out, TaskOptions, TrainingOptions
from sssam.lab.cli.refusals import FailedError, refusing

if TYPE_CHECKING:
    from sssam.lab.specs import Record, Run


def train(
    task: str = "noisy-digits",
    *,
    method: str = "sssam",
    seed: Annotated[int, AT_LEAST_0] = 0,
    checkpoint: Path | None = None,
    out: Out = None,
    options: TaskOptions = TaskOptions(),  # noqa: B008 -- frozen
    how: TrainingOptions = TrainingOptions(),  # noqa: B008 -- frozen
) -> int:
    """Train one run, and write its record where `sssam compare` finds it.

    A run that has a record there is not trained again.

    Args:
        task: What is trained, as in `sssam compare`.
        method: base, or one variant as in `sssam compare --variants`.
        seed: Seed of the split, the weights, the order and the draws.
        checkpoint: File to keep the state in after each epoch, and to go on from where it exists.
        out: Directory of the results; default sssam-results/TASK.
    """
    from sssam.lab.cli import studies, terminal
    from sssam.lab.runs import checks, store
    from sssam.lab.specs import Run
    from sssam.lab.studies import conduct, words
    from sssam.lab.training import checkpoints, hardware

    with refusing():
        chosen = studies.task(task, options)
        run = Run(task=chosen, method=words.variant(chosen, method), seed=seed)
        hardware.require(how.accelerator)
        checks.check_runs([run])
        if checkpoint is not None and checkpoint.exists():
            checkpoints.load(checkpoint, run)
        folder = studies.results(chosen.name, out)
        (folder / conduct.RECORDS).mkdir(parents=True, exist_ok=True)  # or all is in vain
    record = store.find(run.id, folder / conduct.RECORDS)
    if record is not None and (checkpoint is None or checkpoint.exists()):
        terminal.note("this run was finished before: nothing was trained")
    else:
        record = _trained(run, checkpoint, how)
        store.write(record, folder / conduct.RECORDS)
    path = folder / conduct.RECORDS / f"{run.id}.json"
    terminal.say(_said(record), f"The record: {path}")
    return 0


def _trained(run: "Run", checkpoint: Path | None, how: TrainingOptions) -> "Record":
    from sssam.lab.cli import terminal
    from sssam.lab.runs.progress import showing
    from sssam.lab.tasks.examples import ProblemError
    from sssam.lab.training import train as training

    kept = "nothing is kept: give --checkpoint a file to go on from"
    if checkpoint is not None:
        kept = f"its state is kept in {checkpoint}; the same command goes on from there"
    try:
        console = terminal.console(stderr=True)
        with showing(run.task.name, run.epochs, console, how.quiet) as progress:
            return training.train(
                run, checkpoint=checkpoint, accelerator=how.accelerator, on_epoch=progress.epoch
            )
    except KeyboardInterrupt as stop:
        stop.add_note(kept)
        raise
    except ProblemError as error:
        raise FailedError(f"task {run.task.name!r}: {error}") from error


def _said(record: "Record") -> str:
    """One line on a run that was trained by itself."""
    accuracy = "unknown" if record.test_accuracy is None else f"{100 * record.test_accuracy:.2f}%"
    spent = "unknown" if record.propagations is None else f"{record.propagations:.3f}"
    return (
        f"{record.run.method.label} on {record.run.task.name}, seed {record.run.seed}: "
        f"{record.outcome}; test accuracy {accuracy}; {spent} propagations a step over "
        f"{record.steps} steps; {record.seconds:.1f} s"
    )
