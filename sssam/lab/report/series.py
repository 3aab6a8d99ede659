"""How lines are told apart where several share a colour, and the key that ranks them."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from sssam.lab.comparison.values import Variant
from sssam.lab.report.theme import PRINT, Theme

#: Rows of one colour differ in their dashes.
DASHES = (
    *([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [1, 4], [4, 2, 1, 2, 1, 2]),
    *([16, 3, 2, 3, 2, 3], [3, 6], [20, 8]),
)
LINE = 20  # pixels a row of the key


class Key:
    """Colour and dash of each row, under the name that stands in the key.

    Args:
        rows: all rows of the comparison, so that a row has one look in all figures.
        named: the names in the key by the rows' labels, in the order of the key.
    """

    def __init__(self, rows: Sequence[Variant], named: Mapping[str, str]) -> None:
        self.named = dict(named)
        self._dashes = _dashes(rows)
        self._roles = {row.label: row.role for row in rows}

    def colour(self, theme: Theme, narrow: bool) -> alt.Color:
        """The colour of a line by its field `key`."""
        colours = [theme.roles[self._roles[label]] for label in self.named]
        scale = alt.Scale(domain=list(self.named.values()), range=colours)
        return alt.Color("key:N", scale=scale, legend=self._legend(narrow))

    def dash(self, narrow: bool) -> alt.StrokeDash:
        """The dash of a line by its field `key`."""
        dashes = [self._dashes[label] for label in self.named]
        scale = alt.Scale(domain=list(self.named.values()), range=dashes)
        return alt.StrokeDash("key:N", scale=scale, legend=self._legend(narrow))

    def height(self, least: int) -> int:
        """The height of a chart beside which the key has room, in pixels."""
        return max(least, LINE * len(self.named))

    def _legend(self, narrow: bool) -> alt.Legend:
        """Beside the chart, or below it on telephones: lines that meet could not be named there."""
        look: dict[str, Any] = {
            "symbolType": "stroke",
            "symbolSize": 400,
            "symbolStrokeWidth": 2,
            "rowPadding": 1,
        }
        if narrow:
            return alt.Legend(orient="bottom", columns=1, labelLimit=270, offset=12, **look)
        return alt.Legend(orient="right", labelLimit=230, offset=24, **look)


def _dashes(rows: Sequence[Variant]) -> dict[str, list[int]]:
    seen: dict[str, int] = {}
    dashes = {}
    for row in rows:
        colour = PRINT.roles[row.role]
        seen[colour] = seen.get(colour, -1) + 1
        dashes[row.label] = DASHES[seen[colour] % len(DASHES)]
    return dashes
