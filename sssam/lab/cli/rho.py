"""`sssam rho`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from sssam.lab.cli.options import AT_LEAST_0, Plot, TaskOptions
from sssam.lab.cli.refusals import FailedError, refusing

if TYPE_CHECKING:
    from sssam.lab.report.text import Cell
    from sssam.lab.training.radius import Rises

Above0 = Annotated[float, Parameter(validator=validators.Number(gt=0, lt=float("inf")))]


def rho(
    task: str = "noisy-digits",
    *,
    rise: Above0 = 0.5,
    seed: Annotated[int, AT_LEAST_0] = 1000,
    out: Plot = None,
    options: TaskOptions = TaskOptions(),  # noqa: B008 -- frozen
) -> int:
    """See how far the loss rises at each rho while the base trains once, and where to begin.

    The test set is not looked at. What is suggested is where a search of rho should begin.

    Args:
        task: What is trained, as in `sssam compare`.
        rise: How far the loss rises at the suggested radius, in its units.
        seed: Seed of the run; one that no comparison uses.
        out: File for the plot, ending in .svg, .pdf or .png.
    """
    from sssam.lab.cli import studies, terminal
    from sssam.lab.report import files, lines
    from sssam.lab.specs import BASE, Run
    from sssam.lab.tasks.examples import ProblemError
    from sssam.lab.training import radius

    with refusing():
        chosen = studies.task(task, options)
        run = Run(task=chosen, method=BASE, seed=seed)
    try:
        with terminal.busy("training the base"):
            points = radius.rises(run)
    except (FloatingPointError, ProblemError) as error:
        raise FailedError(f"task {chosen.name!r}: {error}") from error
    suggested = radius.radius(points, rise)
    terminal.draw(_cells(points, suggested))
    said = _said(suggested, rise)
    terminal.say("", said)
    if out is not None:
        drawn = lines.rises(points, rise).properties(description=f"Line plot. {said}")
        terminal.say(*(f"The plot: {path}" for path in files.save(drawn, out)))
    return 0


def _cells(points: "list[Rises]", suggested: float | None) -> "list[list[Cell]]":
    """A line a radius: its rise at each point; that nearest to the suggestion stands out."""
    from sssam.lab.report.text import Cell
    from sssam.lab.training.radius import RADII

    nearest = suggested and min(RADII, key=lambda each: max(each / suggested, suggested / each))
    columns = {"rho": RADII} | {f"at {each.share:.0%}": each.rises for each in points}
    return [
        [
            Cell(name, f"{values[i]:.3g}", best="high", strong=radius == nearest)
            for name, values in columns.items()
        ]
        for i, radius in enumerate(RADII)
    ]


def _said(suggested: float | None, rise: float) -> str:
    if suggested is None:
        return f"No radius is suggested: the loss rises by {rise:g} nowhere; lower --rise."
    around = ", ".join(f"{suggested * factor:.2g}" for factor in (0.5, 1, 2))
    return (
        f"At rho {suggested:.2g} the loss rises by {rise:g} where in the run it rises most: begin "
        f"there, and tune over {around} (docs/rho.md says how good such a guess is)"
    )
