"""`sssam train`."""

from pathlib import Path
from typing import Annotated

from sssam.lab.cli.options import AT_LEAST_0, Out, TaskOptions, TrainingOptions
from sssam.lab.cli.refusals import FailedError, refusing, stoppable


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
    from sssam.lab.cli import results, studies, terminal
    from sssam.lab.runs import checks, store
    from sssam.lab.runs.progress import showing
    from sssam.lab.specs import Run
    from sssam.lab.studies import conduct, on_task
    from sssam.lab.tasks.examples import ProblemError
    from sssam.lab.training import checkpoints, hardware
    from sssam.lab.training import train as run_training

    with refusing():
        chosen = studies.task(task, options)
        run = Run(task=chosen, method=on_task.variant(chosen, method), seed=seed)
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
        kept = "nothing is kept: give --checkpoint a file to go on from"
        if checkpoint is not None:
            kept = f"its state is kept in {checkpoint}; the same command goes on from there"
        _, console = terminal.consoles()
        try:
            with stoppable(kept), showing([run], console, how.quiet) as progress:
                record = run_training.train(
                    run,
                    checkpoint=checkpoint,
                    accelerator=how.accelerator,
                    on_epoch=progress.epoch,
                )
        except ProblemError as error:
            raise FailedError(f"task {chosen.name!r}: {error}") from error
        store.write(record, folder / conduct.RECORDS)
    path = folder / conduct.RECORDS / f"{run.id}.json"
    terminal.say(results.of_run(record), f"The record: {path}")
    return 0
