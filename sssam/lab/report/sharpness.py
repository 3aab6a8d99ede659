"""The flatness of single solutions -> figures, a table with a column each, and files."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from sssam.lab.report.captions import Figure
from sssam.lab.report.files import save
from sssam.lab.report.key import Key
from sssam.lab.report.lines import directions
from sssam.lab.report.text import Cell
from sssam.lab.specs import Run, Spec
from sssam.lab.specs.flatness import Flatness, Measured, Profile
from sssam.runtime.files import write_whole

#: The roles whose colours the solutions have, in their order.
_COLOURS = ("sam", "scheduled", "part", "other", "base")
_ERROR = "\N{PLUS-MINUS SIGN}"


class Sharpness(Spec):
    """What was measured of one or several solutions."""

    solutions: tuple[Measured, ...]


def write(found: Sharpness, folder: Path) -> list[Path]:
    """Writes `sharpness.json`, and `landscape.svg` if a loss is finite; their paths."""
    path = folder / "sharpness.json"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, found.model_dump_json(indent=1).encode() + b"\n")
    drawn = landscape(found)
    return [path, *(save(drawn.chart(), folder / f"{drawn.name}.svg") if drawn else ())]


def landscape(found: Sharpness) -> Figure | None:
    """The losses around the solutions along a random direction; None where none is finite."""
    profiles = {name(each.run): each.flatness.curve for each in found.solutions}
    key = Key((n, _COLOURS[i % len(_COLOURS)], n) for i, n in enumerate(profiles))
    return along(profiles, key)


def along(profiles: Mapping[str, Profile], key: Key, more: str = "") -> Figure | None:
    """The losses along a random direction; None where none of them is finite.

    `more` ends the caption.
    """
    losses = {n: [x for x in each.loss if x is not None] for n, each in profiles.items()}
    known = {name: profiles[name] for name, each in losses.items() if each}
    ranges = (f"{n} from {min(losses[n]):.3g} to {max(losses[n]):.3g}" for n in known)
    title = ["distance along a random direction", "in lengths of each filter"]
    words = f"Line plot of the training loss along a random direction: {', '.join(ranges)}."
    views = {"": partial(directions, known, title, key)}
    return Figure("landscape", words, views, key.looks(known), more=more) if known else None


def cells(found: Sequence[Measured]) -> list[list[Cell]]:
    """A line a quantity, a column a solution."""
    of_one_task = len({each.run.task.name for each in found}) == 1
    columns = [(_head(each, of_one_task), _quantities(each.flatness)) for each in found]
    return [
        [
            Cell("", quantity),
            *(Cell(head, values[quantity], best="low") for head, values in columns),
        ]
        for quantity in columns[0][1]
    ]


def name(run: Run) -> str:
    """A solution by its method and seed."""
    return f"{run.method.label}, seed {run.seed}"


def _head(each: Measured, of_one_task: bool) -> str:
    of = "" if of_one_task else f"{each.run.task.name}, "
    return f"{of}{name(each.run)}, epoch {each.epoch}"


def _quantities(found: Flatness) -> dict[str, str]:
    values = {
        "training samples": f"{found.samples}",
        "loss": f"{found.loss:.4f}",
        "score": f"{100 * found.score:.1f}%",
    }
    for each in (found.curvature, found.adaptive_curvature):
        kind = "adaptive " if each.adaptive else ""
        values[f"{kind}largest eigenvalues"] = ", ".join(f"{top:.3g}" for top in each.eigenvalues)
        values[f"{kind}trace"] = f"{each.trace:.4g} {_ERROR} {each.error:.2g}"
    for rise in found.rises:
        where = f"{'adaptive ' if rise.adaptive else ''}rho {rise.rho:g}"
        average = f"{_number(rise.average)} {_ERROR} {_number(rise.error)}"
        values[f"rise within {where}, worst"] = _number(rise.worst)
        values[f"rise at {where}, average"] = average
    return values


def _number(value: float | None) -> str:
    return "without bound" if value is None else f"{value:.3g}"
