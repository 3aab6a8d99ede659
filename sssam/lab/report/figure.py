"""A figure: a chart, its words, and the other views that a click shows."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from altair import LayerChart

from sssam.lab.report.captions import FIGURES, Words
from sssam.lab.report.key import Look
from sssam.lab.report.theme import PRINT, Theme, Width

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
    def words(self) -> Words:
        """Its title and caption, with what is measured."""
        words = FIGURES[self.name]
        title, caption = (text.format(metric=self.metric) for text in (words.title, words.caption))
        return words._replace(title=title, caption=f"{caption} {self.more}".rstrip())

    def charts(self, theme: Theme = PRINT, width: Width = 760) -> dict[str, LayerChart]:
        """Its views, by default for papers, with its words for those who can't see it."""
        drawn = {view: draw(theme, width) for view, draw in self.views.items()}
        return {view: each.properties(description=self.alt) for view, each in drawn.items()}

    def chart(self) -> LayerChart:
        """The first of them."""
        return next(iter(self.charts().values()))
