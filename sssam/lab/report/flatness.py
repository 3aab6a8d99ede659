"""Flatness -> figures with their words: of a comparison's variants, and of single solutions."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from sssam.lab.comparison.parts import VariantFlatness
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.figure import Figure
from sssam.lab.report.files import save
from sssam.lab.report.forest import Line, forest
from sssam.lab.report.key import named
from sssam.lab.report.landscape import Along, curves, line, surface
from sssam.lab.report.sentences import CAPTIONS
from sssam.lab.report.text import ranged
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
    drawn = of_solutions(found, lines)
    return [path, *(save(each.chart(), folder / f"{each.name}.svg") for each in drawn)]


def of_solutions(found: Sequence[Measured], lines: Sequence[Between] = ()) -> list[Figure]:
    """The figures that there are numbers for: curves, lines between solutions, surfaces."""
    along = [
        Along(_name(each.run), each.flatness.curve.x, each.flatness.curve.loss)
        for each in found
        if _is_drawn(each.flatness.curve)
    ]
    drawn = [_landscape(along)] if along else []
    drawn += [_between(each) for each in lines if _is_drawn(each.profile)]
    return drawn + [_surface(each) for each in found if each.flatness.surface is not None]


def of_variants(comparison: Comparison) -> Iterator[Figure]:
    """The eigenvalues of all variants; the landscapes of base, SAM and that of the headline."""
    measured = [(v, v.flatness) for v in comparison.variants if v.flatness]
    if measured:
        yield _eigenvalues(measured)
    along = [
        Along(f"{v.label}, seed {f.seed}", f.curve.x, f.curve.loss, v.role)
        for v, f in measured
        if v.label in named(comparison) and _is_drawn(f.curve)
    ]
    if along:
        yield _landscape(along)._replace(half=True)


def _eigenvalues(measured: Sequence[tuple[Variant, VariantFlatness]]) -> Figure:
    lines = [
        Line(v.label, v.role, f.eigenvalue, ranged(f.eigenvalue, "{:.3g}")) for v, f in measured
    ]
    title = ["top eigenvalue of the Hessian", "of the training loss"]
    return Figure(
        name="flatness",
        short="Flatness",
        title="How sharply the loss curves at the solutions",
        caption=CAPTIONS["flatness"],
        alt=f"Top Hessian eigenvalues: {'; '.join(f'{e.label} {e.text}' for e in lines)}.",
        views={"": partial(forest, lines, title, "")},
        half=True,
    )


def _landscape(lines: Sequence[Along]) -> Figure:
    known = {line.name: [y for y in line.loss if y is not None] for line in lines}
    ranges = ", ".join(
        f"{name} from {min(losses):.3g} to {max(losses):.3g}" for name, losses in known.items()
    )
    return Figure(
        name="landscape",
        short="Landscape",
        title="The loss along a random direction",
        caption=CAPTIONS["landscape"],
        alt=f"Line plot of the training loss along a random direction: {ranges}.",
        views={"": partial(curves, lines)},
    )


def _between(found: Between) -> Figure:
    ends = f"{_name(found.first)} and {_name(found.second)}"
    barrier = "unknown" if found.barrier is None else f"{found.barrier:.4f}"
    return Figure(
        name=f"line-{found.first.id}-{found.second.id}",
        title="The loss between two solutions",
        caption=CAPTIONS["between"],
        alt=f"Line plot of the training loss between {ends}; the barrier is {barrier}.",
        views={"": partial(line, Along("loss", found.profile.x, found.profile.loss))},
    )


def _surface(found: Measured) -> Figure:
    plane = found.flatness.surface
    assert plane is not None
    heights = [value for row in plane.loss for value in row if value is not None]
    return Figure(
        name=f"surface-{found.run.id}",
        title=f"The loss around {_name(found.run)}",
        caption=CAPTIONS["surface"],
        alt=f"Map of the training loss around {_name(found.run)}: {found.flatness.loss:.3g} at the "
        f"model, at most {max(heights):.3g}.",
        # A plane is a square: it has its own width.
        views={"": lambda theme, _: surface(plane.x, plane.y, plane.loss, theme)},
    )


def _name(run: Run) -> str:
    return f"{run.method.label}, seed {run.seed}"


def _is_drawn(profile: Profile) -> bool:
    return any(loss is not None for loss in profile.loss)
