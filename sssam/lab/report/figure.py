"""A figure: a chart, its words, and the other views that a click shows."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from altair import LayerChart

from sssam.lab.report.key import Look
from sssam.lab.report.theme import PAGE, PRINT, Theme, Width

#: A chart whose colours and width are still open.
Drawing = Callable[[Theme, Width], LayerChart]


class Figure(NamedTuple):
    """A chart and its words; `alt` says its main number to those who can't see it.

    `name` is an identifier that no other figure of the page has: letters, digits and hyphens.
    `views` are the charts by the name of the button that shows them, the first one first; `short`
    is what links to the figure say, its title where it is empty; `key` holds the looks that the
    page's key explains. A `half` is printed beside another one.
    """

    name: str
    title: str
    caption: str
    alt: str
    views: Mapping[str, Drawing]
    short: str = ""
    key: tuple[Look, ...] = ()
    half: bool = False

    def chart(self) -> LayerChart:
        """The first view for papers, 760 pixels wide, with its words in it."""
        return next(iter(self.views.values()))(PRINT, 760).properties(description=self.alt)

    def specifications(self) -> dict[str, dict[str, Any]]:
        """The Vega-Lite specification of each view for the page, as wide as there is room."""
        drawn = {name: draw(PAGE, "container") for name, draw in self.views.items()}
        return {n: c.properties(description=self.alt).to_dict() for n, c in drawn.items()}
