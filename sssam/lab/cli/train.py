"""`sssam train`."""

from pathlib import Path

from sssam.lab.cli.options import Flag, How, Precision
from sssam.lab.cli.refusals import refusing, stoppable, telling


def train(
    task: str = "noisy-digits",
    *,
    method: str = "sssam",
    seed: int = 0,
    checkpoint: Path | None = None,
    out: Path | None = None,
    epochs: int | None = None,
    data: Path | None = None,
    precision: Precision | None = None,
    quiet: Flag = False,
    how: How = How(),  # noqa: B008 -- frozen
) -> int:
    """Train one run, and write its record where `sssam compare` finds it.

    Under torchrun, as in torchrun --nproc-per-node 2 -m sssam train, each rank trains its share of
    every batch; with --checkpoint and torchrun's --max-restarts a lost rank costs an epoch at most.

    Args:
        task: What is trained, as in `sssam compare`.
        method: base, or one variant as in `sssam compare --variants`.
        seed: Seed of the split, the weights, the order and the draws; at least 0.
        checkpoint: File to keep the state in after each epoch, and to go on from where it exists.
        out: Directory of the results; default sssam-results/TASK.
        epochs: Length of the training, at least 1; default the task's own.
        data: Where the task's data lie, for a task that does not bring its own.
        precision: Of weights and passes; default the task's own, mostly 32-true.
        quiet: No progress, only the result.
    """
    from rich.text import Text

    from sssam.lab.cli import arguments, results, terminal, training
    from sssam.lab.runs import checks
    from sssam.lab.runs import store as records
    from sssam.lab.runs.progress import showing
    from sssam.lab.specs import Run
    from sssam.lab.studies import conduct
    from sssam.lab.training import checkpoints, hardware, loggers

    with training.leading(how) as trained:
        if trained is None:  # another rank, which has trained along
            return 0
        output, errors = terminal.consoles()
        with refusing():
            chosen = arguments.task(task, epochs, data, precision)
            if seed < 0:
                raise ValueError(f"--seed must be at least 0, not {seed}")
            run = Run(task=chosen, method=arguments.method(chosen, method), seed=seed)
            hardware.require(how.accelerator)
            checks.check_runs([run])
            loggers.check(how.logger)
            if checkpoint is not None and checkpoint.exists():
                checkpoints.load(checkpoint, run)
            folder = arguments.results(chosen.name, out)
            (folder / conduct.RECORDS).mkdir(parents=True, exist_ok=True)  # or all is in vain
        kept = "nothing is kept: give --checkpoint a file to go on from"
        if checkpoint is not None:
            kept = f"its state is kept in {checkpoint}; the same command goes on from there"
        with telling(chosen, errors), stoppable(kept), showing([run], errors, quiet) as progress:
            record = trained(
                run,
                checkpoint=checkpoint,
                logged=loggers.make(how.logger, run, folder),
                on_epoch=progress.epoch,
            )
        path = records.write(record, folder / conduct.RECORDS)
        output.print(Text(results.of_run(record)))
        output.print(Text(f"The record: {path}"), soft_wrap=True)
        return 0
