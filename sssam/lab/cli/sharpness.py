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
    second: Path | None = None,
    /,
    *,
    samples: Whole = 512,
    rho: Radii = (0.05, 0.1, 0.2),
    adaptive_rho: Radii = (0.5, 1.0, 2.0),
    out: Out = None,
) -> int:
    """Measure how flat the training loss is at a trained model, or at two and between them.

    Prints a table, and writes its numbers as JSON beside figures of the loss. With two checkpoints
    of one model, the loss on the straight line between them is measured too.

    Args:
        checkpoint: File that `sssam train --checkpoint` wrote.
        second: Another one, to be measured beside the first.
        samples: Training samples that the loss is taken over, the first ones.
        rho: Radii within which the loss may rise. Default 0.05 0.1 0.2.
        adaptive_rho: The same in ASAM's metric, relative to the weights. Default 0.5 1 2.
        out: Directory of the results; default sssam-results/TASK/sharpness/RUN.
    """
    from sssam.lab.cli import studies, terminal
    from sssam.lab.report import sharpness as report
    from sssam.lab.specs.flatness import FlatnessSettings
    from sssam.lab.training import flatness

    settings = FlatnessSettings(samples=samples, radii=rho, adaptive_radii=adaptive_rho)
    paths = [checkpoint] if second is None else [checkpoint, second]
    with refusing():
        solutions = [flatness.opened(path, samples) for path in paths]
        if out is None:
            ids = "-".join(each.run.id for each in solutions)
            out = studies.results(solutions[0].run.task.name) / "sharpness" / ids
    try:
        with refusing(), terminal.busy("measuring"):
            lines = [flatness.between(*solutions)] if second else []
            measured = [flatness.measured(each, settings) for each in solutions]
    except (FloatingPointError, RuntimeError) as error:
        raise RefusedError(str(error)) from error
    terminal.draw(report.cells(measured))
    terminal.say("", *map(report.sentence, lines))
    found = report.Sharpness(solutions=tuple(measured), between=tuple(lines))
    terminal.say(*(f"Written: {path}" for path in report.write(found, out)))
    return 0
