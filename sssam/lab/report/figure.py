"""A figure: a chart, its words, and the other views that a click shows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from altair import LayerChart

from sssam.lab.report.captions import FIGURES
from sssam.lab.report.key import Look
from sssam.lab.report.theme import PAGE, PRINT, Theme, Width

#: A chart whose colours and width are still open.
Drawing = Callable[[Theme, Width], LayerChart]


class Figure(NamedTuple):
    """A chart and its words, which are those of its name in `captions.FIGURES`.

    `alt` says its main number to those who can't see it. `views` are the charts by the name of the
    button that shows them, the first one first; a lone one has the name "". `key` holds the looks
    that the page's key explains, `metric` is what is measured, and `more` ends the caption.
    """

    name: str
    alt: str
    views: Mapping[str, Drawing]
    key: Sequence[Look] = ()
    metric: str = ""
    more: str = ""

    @property
    def short(self) -> str:
        """What links to the figure say."""
        return FIGURES[self.name].short

    @property
    def title(self) -> str:
        """What stands above it."""
        return FIGURES[self.name].title.format(metric=self.metric)

    @property
    def caption(self) -> str:
        """What stands below it."""
        return f"{FIGURES[self.name].caption.format(metric=self.metric)} {self.more}".rstrip()

    @property
    def half(self) -> bool:
        """Whether it is printed beside another one."""
        return FIGURES[self.name].half

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
