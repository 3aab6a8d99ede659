"""`sssam sharpness`."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from sssam.lab.cli.options import Flag
from sssam.lab.cli.refusals import RefusedError, refusing, telling

if TYPE_CHECKING:
    from rich.table import Table

    from sssam.lab.specs import Run
    from sssam.lab.specs.flatness import Between, Curvature, Measured, Plan, Rise
    from sssam.lab.training.flatness import Solution


def sharpness(
    checkpoint: Path,
    second: Path | None = None,
    /,
    *,
    samples: int = 512,
    rho: Annotated[list[float] | None, Parameter(negative="")] = None,
    adaptive_rho: Annotated[list[float] | None, Parameter(negative="")] = None,
    eigenvalues: int = 3,
    probes: int = 50,
    surface: Flag = False,
    out: Path | None = None,
) -> int:
    """Measure how flat the training loss is at a trained model, or at two and between them.

    Prints a table, and writes its numbers as JSON beside figures of the loss. With two checkpoints
    of one model, the loss on the straight line between them is measured too.

    Args:
        checkpoint: File that `sssam train --checkpoint` wrote.
        second: Another one, to be measured beside the first.
        samples: Training samples that the loss is taken over, the first ones; at least 1.
        rho: Radius within which the loss may rise, above 0; may be given several times. Default
            0.05, 0.1 and 0.2.
        adaptive_rho: The same in ASAM's metric, relative to the weights. Default 0.5, 1 and 2.
        eigenvalues: How many of the largest eigenvalues of the Hessian, at least 1.
        probes: Random probes of each trace, at least 2; its error falls with their root.
        surface: Draw the loss over a plane too, at 441 points.
        out: Directory of the results; default sssam-results/TASK/sharpness/RUN.
    """
    from rich.text import Text

    from sssam.lab.cli import arguments, terminal
    from sssam.lab.report import solutions as figures

    output, errors = terminal.consoles()
    paths = [checkpoint] if second is None else [checkpoint, second]
    with refusing():
        plan = _plan(samples, rho, adaptive_rho, eigenvalues, probes, surface)
        solutions = [_opened(path, plan.samples) for path in paths]
        folder = arguments.directory(_default(solutions) if out is None else out)
        with telling(solutions[0].run.task, errors), errors.status("measuring"):
            found, lines = _measured(solutions, plan)
    output.print(_table(found))
    for each in lines:
        output.print(Text(f"\n{_said(each)}"))
    for path in figures.write(found, lines, folder):
        output.print(Text(f"Written: {path}"), soft_wrap=True)
    return 0


def _plan(
    samples: int,
    rho: Sequence[float] | None,
    adaptive_rho: Sequence[float] | None,
    eigenvalues: int,
    probes: int,
    surface: bool,
) -> "Plan":
    from sssam.lab.cli import arguments
    from sssam.lab.specs.flatness import Plan

    for name, radii in (("--rho", rho), ("--adaptive-rho", adaptive_rho)):
        if wrong := [r for r in radii or () if not 0 < r < float("inf")]:
            raise ValueError(f"{name} must be above 0 and finite, not {wrong[0]}")
    if probes < 2:
        raise ValueError(f"--probes must be at least 2, not {probes}: one has no standard error")
    return Plan(
        samples=arguments.at_least_one("--samples", samples, "training samples"),
        eigenvalues=arguments.at_least_one("--eigenvalues", eigenvalues, "how many to find"),
        probes=probes,
        radii=tuple(rho or Plan().radii),
        adaptive_radii=tuple(adaptive_rho or Plan().adaptive_radii),
        surface=surface,
    )


def _opened(path: Path, samples: int) -> "Solution":
    from sssam.lab.cli import terminal
    from sssam.lab.training import checkpoints, flatness

    _, errors = terminal.consoles()
    run, _ = checkpoints.read(path)
    with telling(run.task, errors):
        return flatness.opened(path, samples)


def _default(solutions: "Sequence[Solution]") -> Path:
    from sssam.lab.cli import arguments

    task, ids = solutions[0].run.task.name, "-".join(each.run.id for each in solutions)
    return arguments.results(task) / "sharpness" / ids


def _measured(
    solutions: "Sequence[Solution]", plan: "Plan"
) -> "tuple[list[Measured], list[Between]]":
    from sssam.lab.training import flatness

    try:
        lines = [flatness.between(*pair) for pair in combinations(solutions, 2)]
        return [flatness.measured(each, plan) for each in solutions], lines
    except (FloatingPointError, RuntimeError) as error:
        raise RefusedError(str(error)) from error


def _table(found: "Sequence[Measured]") -> "Table":
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    drawn.add_column(no_wrap=True)
    of_one_task = len({each.run.task.name for each in found}) == 1
    for each in found:
        of = "" if of_one_task else f"{each.run.task.name}, "
        drawn.add_column(f"{of}{_name(each.run)}, epoch {each.epoch}", justify="right")
    for row in zip(*map(_rows, found), strict=True):
        drawn.add_row(row[0][0], *(value for _, value in row))
    return drawn


def _rows(measured: "Measured") -> list[tuple[str, str]]:
    found = measured.flatness
    return [
        ("training samples", f"{found.samples}"),
        ("loss", f"{found.loss:.4f}"),
        ("score", f"{100 * found.score:.1f}%"),
        *_curvature(found.curvature),
        *_curvature(found.adaptive_curvature),
        *(row for rise in found.rises for row in _rise(rise)),
    ]


def _curvature(found: "Curvature") -> list[tuple[str, str]]:
    kind = "adaptive " if found.adaptive else ""
    return [
        (f"{kind}largest eigenvalues", ", ".join(f"{value:.3g}" for value in found.eigenvalues)),
        (f"{kind}trace", f"{found.trace:.4g} \N{PLUS-MINUS SIGN} {found.error:.2g}"),
    ]


def _rise(found: "Rise") -> list[tuple[str, str]]:
    where = f"{'adaptive ' if found.adaptive else ''}rho {found.rho:g}"
    average, error = _number(found.average), _number(found.error)
    return [
        (f"rise within {where}, worst", _number(found.worst)),
        (f"rise at {where}, average", f"{average} \N{PLUS-MINUS SIGN} {error}"),
    ]


def _number(value: float | None) -> str:
    return "without bound" if value is None else f"{value:.3g}"


def _name(run: "Run") -> str:
    return f"{run.method.label}, seed {run.seed}"


def _said(line: "Between") -> str:
    ends = f"On the samples of the first, between {_name(line.first)} and {_name(line.second)}"
    if line.barrier is None:
        return f"{ends}, the loss is not finite everywhere."
    return f"{ends}, the loss rises {line.barrier:.4f} above the straight line of its ends."
