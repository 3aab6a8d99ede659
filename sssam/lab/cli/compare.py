"""`sssam compare`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sssam.lab.cli.options import Axis, Data, Flag, HowStudies, Precision, Variants
from sssam.lab.cli.refusals import refusing


def compare(
    what: str | None = None,
    *,
    variants: Variants = (),
    controls: Annotated[bool, Parameter(negative="--no-controls")] = True,
    trials: int | None = None,
    seeds: int | None = None,
    out: Path | None = None,
    epochs: int | None = None,
    precision: Precision | None = None,
    data: Data = (),
    run: Annotated[bool, Parameter(negative="--no-run")] = True,
    flatness: Flag = False,
    axis: Axis = "passes",
    quiet: Flag = False,
    how: HowStudies = HowStudies(),  # noqa: B008 -- frozen
) -> int:
    """Tune, train over several seeds, and show what each variant and control costs and brings.

    Runs that have a record are not trained again, so the same command goes on where it was
    stopped. The page, tables, records and figures are left in one directory. The exit code is 1 if
    runs failed, which are listed.

    Under torchrun, as in torchrun --nproc-per-node 2 -m sssam compare, all ranks train one run
    after the other together, each its share of every batch.

    Args:
        what: A task by name or a Python file that makes one; a study file ending in .toml; or the
            directory of a study. Without it, noisy-digits is tuned and compared.
        variants: What is compared with the base on a task: labels such as SAM, kinds such as esam,
            kinds with settings such as looksam:k=5,rho=0.1, or default, or all.
        controls: Compare with the base at other lengths, with averages of its weights and with
            early stopping too.
        trials: How many settings of the base's recipe are tried on a task, and how many rho of each
            variant, on validation samples; 0 leaves both as they are; default 0, but for the demo.
        seeds: How many paired seeds, counted from 0; at least 1, and 10 or more tell something;
            default 12, or those of the study.
        out: Directory of records and results; default sssam-results/NAME.
        epochs: Length of the training on a task, at least 1; default the task's own.
        precision: Of the training of a task, as in sssam train; a study says it in its file.
        data: Where the task's data lie, for a task that does not bring its own; for a study file
            TASK=PATH, once for each such task.
        run: Train what is missing; --no-run only shows what the records hold.
        flatness: Measure how flat the training loss is at the model that each run ends at, which
            takes seconds a run and more on large models; weights are kept beside the records.
        axis: Price over which the main figure is drawn first, and in its files.
        quiet: No progress and no table; the headline and the page's path alone.
    """
    from sssam.lab.cli import results, studies, terminal, training

    with training.leading(how) as train:
        if train is None:  # another rank, which has trained along
            return 0
        _, errors = terminal.consoles()
        with refusing():
            options = studies.Options(variants, epochs, precision, trials, controls)
            target = studies.resolve(
                what, options, seeds=seeds, out=out, data=data, flatness=flatness
            )
            if run:
                trainer = studies.trainer(target, how, train, quiet)
        found = studies.run(target, trainer) if run else studies.read(target, errors)
        results.show(target, *found, quiet, results.repeat(target.directory), axis)
        return results.failures(target.study, *found, errors)
