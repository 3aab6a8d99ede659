"""Flatness of single solutions -> cells of a table with a column each, and a sentence on a line."""

from collections.abc import Mapping, Sequence

from sssam.lab.report.cells import Cell
from sssam.lab.specs import Run
from sssam.lab.specs.flatness import Between, Curvature, Flatness, Measured, Rise

_ERROR = "\N{PLUS-MINUS SIGN}"


def cells(found: Sequence[Measured]) -> list[list[Cell]]:
    """A line a quantity, a column a solution."""
    of_one_task = len({each.run.task.name for each in found}) == 1
    columns = [(_head(each, of_one_task), _quantities(each.flatness)) for each in found]
    return [
        [Cell("", name), *(Cell(head, values[name], best="low") for head, values in columns)]
        for name in columns[0][1]
    ]


def sentence(line: Between) -> str:
    """How far the loss rises between two solutions."""
    ends = f"On the samples of the first, between {_name(line.first)} and {_name(line.second)}"
    if line.barrier is None:
        return f"{ends}, the loss is not finite everywhere."
    return f"{ends}, the loss rises {line.barrier:.4f} above the straight line of its ends."


def _head(each: Measured, of_one_task: bool) -> str:
    of = "" if of_one_task else f"{each.run.task.name}, "
    return f"{of}{_name(each.run)}, epoch {each.epoch}"


def _name(run: Run) -> str:
    return f"{run.method.label}, seed {run.seed}"


def _quantities(found: Flatness) -> Mapping[str, str]:
    rows = {
        "training samples": f"{found.samples}",
        "loss": f"{found.loss:.4f}",
        "score": f"{100 * found.score:.1f}%",
    }
    for curvature in (found.curvature, found.adaptive_curvature):
        rows |= _curvature(curvature)
    for rise in found.rises:
        rows |= _rise(rise)
    return rows


def _curvature(found: Curvature) -> Mapping[str, str]:
    kind = "adaptive " if found.adaptive else ""
    return {
        f"{kind}largest eigenvalues": ", ".join(f"{value:.3g}" for value in found.eigenvalues),
        f"{kind}trace": f"{found.trace:.4g} {_ERROR} {found.error:.2g}",
    }


def _rise(found: Rise) -> Mapping[str, str]:
    where = f"{'adaptive ' if found.adaptive else ''}rho {found.rho:g}"
    return {
        f"rise within {where}, worst": _number(found.worst),
        f"rise at {where}, average": f"{_number(found.average)} {_ERROR} {_number(found.error)}",
    }


def _number(value: float | None) -> str:
    return "without bound" if value is None else f"{value:.3g}"
