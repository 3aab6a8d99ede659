"""`sssam rho`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from sssam.lab.cli.options import AT_LEAST_0, OutFile, TaskOptions
from sssam.lab.cli.refusals import FailedError, refusing

if TYPE_CHECKING:
    from rich.table import Table

    from sssam.lab.training.radius import Rises

Above0 = Annotated[float, Parameter(validator=validators.Number(gt=0, lt=float("inf")))]
#: The widest bar, and the rises that it spans, in powers of ten.
WIDTH, LOW, HIGH = 24, -3, 1


def rho(
    task: str = "noisy-digits",
    *,
    rise: Above0 = 0.5,
    seed: Annotated[int, AT_LEAST_0] = 1000,
    out: OutFile = None,
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
    from sssam.lab.report import files
    from sssam.lab.report.radius import rises as drawn
    from sssam.lab.specs import Method, Run
    from sssam.lab.tasks.examples import ProblemError
    from sssam.lab.training import radius

    output, errors = terminal.consoles()
    with refusing():
        chosen = studies.task(task, options)
        run = Run(task=chosen, method=Method(label="base", kind="base"), seed=seed)
        if out is not None:
            files.kind(out)
    try:
        with errors.status("training the base"):
            points = radius.rises(run)
    except (FloatingPointError, ProblemError) as error:
        raise FailedError(f"task {chosen.name!r}: {error}") from error
    found = radius.radius(points, rise)
    output.print(_table(points, found, output.encoding))
    terminal.say("", _said(found, rise))
    if out is not None:
        terminal.say(*(f"The plot: {path}" for path in files.save(drawn(points, rise, found), out)))
    return 0


def _table(points: "Sequence[Rises]", found: float | None, encoding: str) -> "Table":
    """A row a radius: its rise at each point of the run, and a bar as long as the largest."""
    from rich.table import Table

    from sssam.lab.training.radius import RADII

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    drawn.add_column("rho", justify="right")
    for point in points:
        drawn.add_column(f"at {point.share:.0%}", justify="right")
    drawn.add_column("rise of the loss, the largest", no_wrap=True)
    nearest = (
        None if found is None else min(RADII, key=lambda each: max(each / found, found / each))
    )
    for i, radius in enumerate(RADII):
        values = [point.rises[i] for point in points]
        style = "bold green" if radius == nearest else ""
        cells = (f"{value:.3g}" for value in values)
        drawn.add_row(f"{radius:g}", *cells, _bar(max(values), encoding), style=style)
    return drawn


def _bar(rise: float, encoding: str) -> str:
    """As long as the rise's logarithm."""
    from math import log10

    way = (log10(rise) - LOW) / (HIGH - LOW) if 0 < rise < float("inf") else float(rise > 0)
    sign = "\N{FULL BLOCK}" if encoding.lower().startswith("utf") else "#"
    return sign * round(WIDTH * min(max(way, 0.0), 1.0))


def _said(found: float | None, rise: float) -> str:
    if found is None:
        return f"No radius is suggested: the loss rises by {rise:g} nowhere; lower --rise."
    around = ", ".join(f"{found * factor:.2g}" for factor in (0.5, 1, 2))
    return (
        f"At rho {found:.2g} the loss rises by {rise:g} where in the run it rises most: begin "
        f"there, and tune over {around} (docs/rho.md says how good such a guess is)"
    )
