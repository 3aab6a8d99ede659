"""The flatness of single solutions -> figures with their words, and files."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from sssam.lab.report.figure import Figure
from sssam.lab.report.files import save
from sssam.lab.report.key import Key
from sssam.lab.report.lines import directions
from sssam.lab.report.sentences import CAPTIONS
from sssam.lab.report.surface import surface
from sssam.lab.specs import Run, Spec
from sssam.lab.specs.flatness import Between, Measured, Plane, Profile
from sssam.runtime.files import write_whole

#: The roles whose colours the solutions have, in their order.
_COLOURS = ("sam", "scheduled", "part", "other", "base")
STRAIGHT = "straight line between the ends"


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
    write_whole(folder / "sharpness.json", content.encode() + b"\n")
    paths = [folder / "sharpness.json"]
    for figure in of_solutions(found, lines):
        paths += save(figure.chart(), folder / f"{figure.name}.svg")
    return paths


def of_solutions(found: Sequence[Measured], lines: Sequence[Between] = ()) -> list[Figure]:
    """The figures that there are numbers for: curves, lines between solutions, surfaces."""
    profiles = {_name(each.run): each.flatness.curve for each in found}
    drawn = [along(profiles, _key(profiles)), *map(_between, lines)]
    planes = [_surface(each, each.flatness.surface) for each in found if each.flatness.surface]
    return [figure for figure in drawn if figure is not None] + planes


def along(profiles: Mapping[str, Profile], key: Key) -> Figure | None:
    """The losses along a random direction; None where none of them is finite."""
    losses = {name: _finite(profile) for name, profile in profiles.items()}
    known = {name: profiles[name] for name, each in losses.items() if each}
    ranges = ", ".join(
        f"{name} from {min(losses[name]):.3g} to {max(losses[name]):.3g}" for name in known
    )
    title = ["distance along a random direction", "in lengths of each filter"]
    figure = Figure(
        name="landscape",
        short="Landscape",
        title="The loss along a random direction",
        caption=CAPTIONS["landscape"],
        alt=f"Line plot of the training loss along a random direction: {ranges}.",
        views={"": partial(directions, known, title, key)},
        key=tuple(key.looks(known)),
    )
    return figure if known else None


def _between(found: Between) -> Figure | None:
    """The loss between two solutions, above the straight line between its ends."""
    profile = found.profile
    ends = Profile(
        x=(profile.x[0], profile.x[-1]),
        loss=(profile.loss[0], profile.loss[-1]),
        score=(profile.score[0], profile.score[-1]),
    )
    profiles = {"loss": profile} | ({STRAIGHT: ends} if len(_finite(ends)) == 2 else {})
    barrier = "unknown" if found.barrier is None else f"{found.barrier:.4f}"
    title = "way from the first solution to the second"
    figure = Figure(
        name=f"line-{found.first.id}-{found.second.id}",
        title="The loss between two solutions",
        caption=CAPTIONS["between"],
        alt=f"Line plot of the training loss between {_name(found.first)} and "
        f"{_name(found.second)}; the barrier is {barrier}.",
        views={"": partial(directions, profiles, title, _key(profiles))},
    )
    return figure if _finite(profile) else None


def _surface(found: Measured, plane: Plane) -> Figure:
    heights = [value for row in plane.loss for value in row if value is not None]
    return Figure(
        name=f"surface-{found.run.id}",
        title=f"The loss around {_name(found.run)}",
        caption=CAPTIONS["surface"],
        alt=f"Map of the training loss around {_name(found.run)}: {found.flatness.loss:.3g} at the "
        f"model, at most {max(heights):.3g}.",
        # A plane is a square: it has its own width.
        views={"": lambda theme, _: surface(plane, theme)},
    )


def _key(names: Mapping[str, Profile]) -> Key:
    return Key((name, _COLOURS[i % len(_COLOURS)], name) for i, name in enumerate(names))


def _name(run: Run) -> str:
    return f"{run.method.label}, seed {run.seed}"


def _finite(profile: Profile) -> list[float]:
    return [loss for loss in profile.loss if loss is not None]
