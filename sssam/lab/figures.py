"""A comparison -> its figures: each with a title, a caption, and words for who can't see it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import altair as alt
import vl_convert

from sssam.lab.charts.contrasts import contrasts, far
from sssam.lab.charts.curves import Quantity, curves
from sssam.lab.charts.schedules import Band, schedules
from sssam.lab.charts.theme import PAGE, PRINT, Theme, Width
from sssam.lab.charts.tradeoff import tradeoff
from sssam.lab.comparison import Comparison, Row
from sssam.lab.headline import counted_points, points

#: The version of Vega-Lite that the files and the page are drawn with.
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])


class Drawing(Protocol):
    """A chart whose theme, width and layout are still open."""

    def __call__(
        self, theme: Theme = PRINT, width: Width = 760, narrow: bool = False
    ) -> alt.LayerChart:
        """The chart itself."""


class Figure(NamedTuple):
    """A chart and its words; `alt` says its main number to those who can't see it."""

    name: str
    title: str
    caption: str
    alt: str
    draw: Drawing

    def specification(self, narrow: bool) -> dict[str, Any]:
        """The Vega-Lite specification for the page, as wide as there is room."""
        chart = self.draw(PAGE, "container", narrow).properties(description=self.alt)
        return chart.to_dict()


def figures(comparison: Comparison) -> list[Figure]:
    """All figures that the comparison has data for, the main one first.

    The main figure is missing only where no run was measured.
    """
    return list(_figures(comparison))


def _figures(comparison: Comparison) -> Iterator[Figure]:
    measured = [row for row in comparison.rows if row.accuracy is not None]
    if measured:
        yield _tradeoff(comparison, measured)
    if any(row.to_sam is not None for row in measured):
        yield _contrasts(comparison)
    if any(row.curve for row in measured):
        yield _curves(comparison, "validation_accuracy")
    if any(point.train_loss is not None for row in measured for point in row.curve):
        yield _curves(comparison, "train_loss")
    bands = [band for row in measured for band in _band(row)]
    if bands:
        yield _schedules(bands, measured)


def _tradeoff(comparison: Comparison, rows: list[Row]) -> Figure:
    return Figure(
        name="accuracy-against-propagations",
        title="What each row brings, and what it costs",
        caption="Mean test accuracy over seeds with its 95% interval, against the propagations of "
        "the whole run; the base optimizer's run is 1. The dotted lines are the base optimizer and "
        "SAM. Rows of equal cost are drawn side by side, rows far below the others at the lower "
        "edge. These intervals hold what seeds share; the paired differences below are what rows "
        "are judged by.",
        alt=f"Scatter plot of {len(rows)} rows. {comparison.headline}",
        draw=_bound(tradeoff, comparison),
    )


def _contrasts(comparison: Comparison) -> Figure:
    out = far(comparison)
    shown = [row for row in comparison.rows if row.to_sam is not None and row not in out]
    holding = sum(row.holds for row in shown)
    margin = counted_points(comparison.task.margin)
    left_out = "; ".join(f"{row.label} {points(row.to_sam)}" for row in out if row.to_sam)
    return Figure(
        name="difference-to-sam",
        title="How close each row comes to SAM",
        caption=f"Differences to SAM, paired by seed, with 95% intervals. The shaded part begins "
        f"{margin} below SAM, the margin that was fixed with the task: a full point is shown to "
        "keep SAM's gain, after Holm's adjustment for all rows; a hollow one is not."
        + (f" Too far below to be drawn: {left_out}." if left_out else ""),
        alt=f"Forest plot of {len(shown)} rows: {holding} are shown to keep SAM's gain within "
        f"{margin}.",
        draw=_bound(contrasts, comparison),
    )


def _curves(comparison: Comparison, quantity: Quantity) -> Figure:
    loss = quantity == "train_loss"
    ends = [
        f"{row.label} {_last(row, quantity)}"
        for row in (comparison.base, comparison.sam)
        if row is not None and row.curve
    ]
    what = "Training loss" if loss else "Validation accuracy"
    how = (
        "The loss is taken at the weights w themselves, on a fixed subset of the training images, "
        "since the loss that a step returns does not compare across methods. "
        if loss
        else "Accuracy on validation images, after each epoch. "
    )
    return Figure(
        name="training-loss" if loss else "validation-accuracy",
        title=f"{what} over what was spent",
        caption=how + "Means over the finished runs; each line ends where its run ends.",
        alt=f"Line plot of {what.lower()} against propagations; at the end: {', '.join(ends)}.",
        draw=_bound(_quantity(quantity), comparison),
    )


def _last(row: Row, quantity: Quantity) -> str:
    if quantity == "validation_accuracy":
        return f"{100 * row.curve[-1].validation_accuracy:.1f}%"
    loss = row.curve[-1].train_loss
    return "unknown" if loss is None else f"{loss:.3f}"


def _schedules(bands: list[Band], rows: list[Row]) -> Figure:
    seed = next(row.draws.seed for row in rows if row.draws is not None)
    taken = ", ".join(f"{b.name} {sum(b.taken)} of {len(b.taken)} steps" for b in bands)
    return Figure(
        name="schedules",
        title="When the sharpness-aware steps fell",
        caption="The curve is the probability of a sharpness-aware step; the strip below it shows "
        f"the steps that were drawn at seed {seed}.",
        alt=f"Probability curves of {len(bands)} schedules; sharpness-aware were: {taken}.",
        draw=lambda theme=PRINT, width=760, narrow=False: schedules(bands, theme, width, narrow),
    )


def _band(row: Row) -> list[Band]:
    schedule, draws = row.method.scheduling_function(), row.draws
    if schedule is None or draws is None:
        return []
    steps = set(draws.taken())
    taken = [step in steps for step in range(draws.steps)]
    return [Band(row.label, row.role, schedule.probabilities(draws.steps), taken)]


def _bound(chart: Callable[..., alt.LayerChart], comparison: Comparison) -> Drawing:
    def draw(theme: Theme = PRINT, width: Width = 760, narrow: bool = False) -> alt.LayerChart:
        return chart(comparison, theme=theme, width=width, narrow=narrow)

    return draw


def _quantity(quantity: Quantity) -> Callable[..., alt.LayerChart]:
    def chart(comparison: Comparison, **look: Any) -> alt.LayerChart:
        return curves(comparison, quantity, **look)

    return chart


def render(chart: alt.LayerChart, kind: Literal["svg", "png"]) -> bytes:
    """The chart as a file's content, drawn without a browser and without a network."""
    specification = chart.to_dict()
    if kind == "svg":
        return vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE).encode()
    return bytes(vl_convert.vegalite_to_png(specification, vl_version=VEGA_LITE, scale=2))


def save(chart: alt.LayerChart, path: Path) -> Path:
    """Writes the chart as SVG or PNG, by the ending of `path`, and returns the path.

    Raises:
        ValueError: another ending.
        OSError: the file could not be written.
    """
    ending = path.suffix.lower()
    if ending not in (".svg", ".png"):
        raise ValueError(f"the figure's file is {str(path)!r}, but must end in .svg or .png")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(render(chart, "svg" if ending == ".svg" else "png"))
    return path
