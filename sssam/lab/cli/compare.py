"""`sssam compare`."""

from typing import Annotated

from sssam.lab.cli.options import (
    AT_LEAST_0,
    Axis,
    EngineOptions,
    Flag,
    Out,
    Seeds,
    Switch,
    TaskOptions,
    Variants,
)
from sssam.lab.cli.refusals import refusing


def compare(
    what: str | None = None,
    *,
    variants: Variants = (),
    controls: Switch = True,
    trials: Annotated[int | None, AT_LEAST_0] = None,
    seeds: Seeds = None,
    out: Out = None,
    flatness: Flag = False,
    axis: Axis = "passes",
    options: TaskOptions = TaskOptions(),  # noqa: B008 -- frozen
    how: EngineOptions = EngineOptions(),  # noqa: B008 -- frozen
) -> int:
    """Tune, train over several seeds, and show what each variant and control costs and brings.

    Runs that have a record are not trained again, so the same command goes on where it was
    stopped. The page, tables, records and figures are left in one directory. The exit code is 1 if
    runs failed, which are listed.

    Args:
        what: A task by name (sssam tasks lists them) or a Python file that makes one; a study file
            ending in .toml; or the directory of a study. Without it, noisy-digits is tuned and
            compared.
        variants: What is compared with the base on a task: labels such as SAM, kinds such as esam,
            kinds with settings such as looksam:k=5,rho=0.1, or default, or all. sssam methods
            lists the kinds.
        controls: Compare with the base at other lengths, with averages of its weights and with
            early stopping too; by default it is.
        trials: How many settings of the base's recipe are tried on a task, and how many rho of each
            variant, on validation samples; 0 leaves both as they are; default 0, but for the demo.
        seeds: How many paired seeds, counted from 0; 10 or more tell something; default 12, or
            those of the study.
        out: Directory of records and results; default sssam-results/NAME.
        flatness: Measure how flat the training loss is at the model that each run ends at, which
            takes seconds a run and more on large models; weights are kept beside the records.
        axis: Price over which the main figure is drawn first, and in its files.
    """
    from sssam.lab.cli import results, studies, training

    with training.failing():
        with refusing():
            target = studies.resolve(
                what,
                options,
                variants=variants,
                controls=controls,
                trials=trials,
                seeds=seeds,
                out=out,
                flatness=flatness,
            )
            trainer = studies.trainer(target, how)
        results.show(target, *studies.run(target, trainer), how.quiet, axis)
        return results.failed(trainer.stored.values())
