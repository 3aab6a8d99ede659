"""`sssam run`."""

from pathlib import Path

from sssam.lab.cli.options import Data, Flag, HowStudies
from sssam.lab.cli.refusals import refusing


def run(
    study: str,
    *,
    out: Path | None = None,
    seeds: int | None = None,
    data: Data = (),
    flatness: Flag = False,
    quiet: Flag = False,
    how: HowStudies = HowStudies(),  # noqa: B008 -- frozen
) -> int:
    """Train what a study asks for and has no record yet: the tuning, then the comparison's runs.

    Stopped at any point, the same command goes on. The exit code is 1 if runs failed, which are
    listed. Under torchrun all ranks train together, as with sssam compare.

    Args:
        study: A study file ending in .toml, or the directory of a study.
        out: Directory of records and results; default sssam-results/NAME.
        seeds: How many paired seeds, counted from 0; default those of the study.
        data: TASK=PATH, where the data of a task of the study file lie; once for each.
        flatness: Measure how flat the training loss is at each trained model, as in sssam compare;
            a study file says it by its key flatness.
        quiet: No progress.
    """
    from rich.text import Text

    from sssam.lab.cli import results, studies, terminal, training

    with training.leading(how) as train:
        if train is None:  # another rank, which has trained along
            return 0
        output, errors = terminal.consoles()
        with refusing():
            target = studies.resolve(study, seeds=seeds, out=out, data=data, flatness=flatness)
            trainer = studies.trainer(target, how, train, quiet)
        decided, stored = studies.run(target, trainer)
        tuned = [(each.part.task.name, tuning) for each in decided for tuning in each.tunings]
        for task, tuning in [] if quiet else tuned:
            output.print(Text(results.describe(task, tuning)), soft_wrap=True)
        output.print(Text(f"The records: {trainer.records}"), soft_wrap=True)
        return results.failures(target.study, decided, stored, errors)
