"""Flatness -> its numbers as a file, and its figures, each with words for who can't see it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sssam.lab.report import figures
from sssam.lab.report.figures import Figure
from sssam.lab.report.flatness_figures import landscape
from sssam.lab.report.landscape import Along, line, surface
from sssam.lab.specs import Run, Spec
from sssam.lab.specs.flatness import Between, Measured, Profile
from sssam.runtime.files import write_whole


class Sharpness(Spec):
    """What was measured of one or several solutions, and between them."""

    solutions: tuple[Measured, ...]
    between: tuple[Between, ...] = ()


def write(found: Sequence[Measured], lines: Sequence[Between], folder: Path) -> list[Path]:
    """Writes `sharpness.json` and an SVG for each figure; the paths of all files.

    Raises:
        OSError: the disk is full, or the folder can't be written.
    """
    content = Sharpness(solutions=tuple(found), between=tuple(lines)).model_dump_json(indent=1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sharpness.json"
    write_whole(path, content.encode() + b"\n")
    drawn = drawings(found, lines)
    return [path, *(_saved(figure, folder / f"{figure.name}.svg") for figure in drawn)]


def drawings(found: Sequence[Measured], lines: Sequence[Between] = ()) -> list[Figure]:
    """The figures that there are numbers for: curves, lines between solutions, surfaces."""
    curved = [each for each in found if _is_drawn(each.flatness.curve)]
    drawn = [_curves(curved)] if curved else []
    drawn += [_line(each) for each in lines if _is_drawn(each.profile)]
    return drawn + [_surface(each) for each in found if each.flatness.surface is not None]


def _saved(figure: Figure, path: Path) -> Path:
    write_whole(path, figures.render(figure.chart(), "svg"))
    return path


def _curves(found: Sequence[Measured]) -> Figure:
    lines = [
        Along(_name(each.run), each.flatness.curve.x, each.flatness.curve.loss) for each in found
    ]
    return landscape(lines, "The steeper the walls, the sharper the minimum.")


def _line(found: Between) -> Figure:
    ends = f"{_name(found.first)} and {_name(found.second)}"
    barrier = "unknown" if found.barrier is None else f"{found.barrier:.4f}"
    return Figure(
        name=f"line-{found.first.id}-{found.second.id}",
        title="The loss between two solutions",
        caption="Training loss on the straight line between the weights of both; batch norm's "
        "statistics, where there are any, are found anew at each point. Dashed: the straight line "
        "between the losses at the ends, above which the highest rise is the barrier.",
        alt=f"Line plot of the training loss between {ends}; the barrier is {barrier}.",
        draw=partial(line, Along("loss", found.profile.x, found.profile.loss)),
    )


def _surface(found: Measured) -> Figure:
    plane = found.flatness.surface
    assert plane is not None
    heights = [value for row in plane.loss for value in row if value is not None]
    return Figure(
        name=f"surface-{found.run.id}",
        title=f"The loss around {_name(found.run)}",
        caption="Training loss over the plane of two random directions whose filters are as long "
        "as the model's (Li et al., 2018). The cross is the model.",
        alt=f"Map of the training loss around {_name(found.run)}: {found.flatness.loss:.3g} at the "
        f"model, at most {max(heights):.3g}.",
        draw=partial(surface, plane.x, plane.y, plane.loss),
    )


def _name(run: Run) -> str:
    return f"{run.method.label}, seed {run.seed}"


def _is_drawn(profile: Profile) -> bool:
    return any(loss is not None for loss in profile.loss)
