"""A figure: a chart, its words, and the other views that a click shows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from altair import LayerChart

from sssam.lab.report.captions import FIGURES
from sssam.lab.report.key import Look
from sssam.lab.report.theme import PAGE, PRINT, Theme, Width

#: A chart whose colours and width are still open.
Drawing = Callable[[Theme, Width], LayerChart]


class Figure(NamedTuple):
    """A chart and its words; `alt` says its main number to those who can't see it.

    `name` is an identifier that no other figure of the page has: letters, digits and hyphens.
    `views` are the charts by the name of the button that shows them, the first one first; `short`
    is what links to the figure say; `key` holds the looks that the page's key explains. A `half` is
    printed beside another one.
    """

    name: str
    short: str
    title: str
    caption: str
    alt: str
    views: Mapping[str, Drawing]
    key: tuple[Look, ...] = ()
    half: bool = False

    def charts(self) -> dict[str, LayerChart]:
        """Each view for papers, 760 pixels wide, with its words in it, by the name of its file."""
        names = {view: f"{self.name}-{view}" if view else self.name for view in self.views}
        drawn = {names[view]: draw(PRINT, 760) for view, draw in self.views.items()}
        return {name: chart.properties(description=self.alt) for name, chart in drawn.items()}

    def chart(self) -> LayerChart:
        """The first of them."""
        return next(iter(self.charts().values()))

    def specifications(self) -> dict[str, dict[str, Any]]:
        """The Vega-Lite specification of each view for the page, as wide as there is room."""
        drawn = {name: draw(PAGE, "container") for name, draw in self.views.items()}
        return {n: c.properties(description=self.alt).to_dict() for n, c in drawn.items()}


def figure(
    kind: str,
    alt: str,
    views: Drawing | Mapping[str, Drawing],
    key: Iterable[Look] = (),
    *,
    name: str = "",
    metric: str = "",
    more: str = "",
) -> Figure:
    """A figure with the words of its kind, of which `metric` is one.

    Args:
        kind: of `captions.FIGURES`.
        alt: its main number in words.
        views: a chart, or several by name.
        key: looks of its variants.
        name: default the kind.
        metric: what is measured in the caption.
        more: ends the caption.
    """
    words = FIGURES[kind]
    return Figure(
        name=name or kind,
        short=words.short,
        title=words.title.format(metric=metric),
        caption=" ".join(filter(None, (words.caption.format(metric=metric), more))),
        alt=alt,
        views=views if isinstance(views, Mapping) else {"": views},
        key=tuple(key),
        half=words.half,
    )
