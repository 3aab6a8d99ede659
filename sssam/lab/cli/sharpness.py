"""`sssam sharpness`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from sssam.lab.cli.options import MANY, Out, Whole
from sssam.lab.cli.refusals import RefusedError, refusing

Radii = Annotated[
    tuple[Annotated[float, Parameter(validator=validators.Number(gt=0, lt=float("inf")))], ...],
    MANY,
]


def sharpness(
    checkpoint: Path,
    *others: Path,
    samples: Whole = 512,
    rho: Radii = (0.05, 0.1, 0.2),
    out: Out = None,
) -> int:
    """Measure how flat the training loss is at trained models.

    Prints a table, and writes its numbers as JSON beside a figure of the loss.

    Args:
        checkpoint: File that `sssam train --checkpoint` wrote.
        others: Further ones, to be measured beside the first.
        samples: Training samples that the loss is taken over, the first ones.
        rho: Radii within which the loss may rise, beside 0.5, 1 and 2 in ASAM's metric. Default
            0.05 0.1 0.2.
        out: Directory of the results; default sssam-results/TASK/sharpness/RUN.
    """
    from sssam.lab.cli import studies, terminal
    from sssam.lab.report import sharpness as report
    from sssam.lab.specs.flatness import FlatnessSettings, Measured
    from sssam.lab.training import flatness

    settings = FlatnessSettings(samples=samples, radii=rho)
    with refusing():
        solutions = [flatness.opened(path, samples) for path in (checkpoint, *others)]
        if out is None:
            ids = "-".join(each.run.id for each in solutions)
            out = studies.results(solutions[0].run.task.name) / "sharpness" / ids
    try:
        with refusing(), terminal.busy("measuring"):
            measured = [
                Measured(run=s.run, epoch=s.epoch, flatness=flatness.measure(s, settings))
                for s in solutions
            ]
    except (FloatingPointError, RuntimeError) as error:
        raise RefusedError(str(error)) from error
    terminal.draw(report.cells(measured))
    found = report.Sharpness(solutions=tuple(measured))
    terminal.say("", *(f"Written: {path}" for path in report.write(found, out)))
    return 0
