"""A figure: a chart and its words."""

from typing import Any, NamedTuple, Protocol

from altair import LayerChart

from sssam.lab.report.theme import PAGE, PRINT, Theme, Width


class Drawing(Protocol):
    """A chart whose theme, width and layout are still open."""

    def __call__(
        self, theme: Theme = PRINT, width: Width = 760, narrow: bool = False
    ) -> LayerChart:
        """The chart itself."""


class Figure(NamedTuple):
    """A chart and its words; `alt` says its main number to those who can't see it.

    `name` is an identifier that no other figure of the page has: letters, digits and hyphens;
    `short` is what links to the figure say, its title where it is empty. A `half` is printed beside
    another one.
    """

    name: str
    title: str
    caption: str
    alt: str
    draw: Drawing
    short: str = ""
    half: bool = False

    def chart(self) -> LayerChart:
        """The chart for papers, with its words in it."""
        return self.draw().properties(description=self.alt)

    def specification(self, narrow: bool) -> dict[str, Any]:
        """The Vega-Lite specification for the page, as wide as there is room."""
        chart = self.draw(PAGE, "container", narrow).properties(description=self.alt)
        return chart.to_dict()
