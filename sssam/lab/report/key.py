"""The key: which colour, shape and dashes a variant has, the same in all figures and tables."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import altair as alt

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.theme import PRINT, Theme

#: Symbols as paths within -1 to 1, for charts and for the page's own key.
SHAPES = (
    "M0,-.9A.9,.9,0,1,1,0,.9A.9,.9,0,1,1,0,-.9Z",  # a circle
    "M-.8,-.8H.8V.8H-.8Z",  # a square
    "M0,-1L.95,.75H-.95Z",  # a triangle
    "M0,-1.1L.85,0L0,1.1L-.85,0Z",  # a diamond
    "M-.35,-1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35Z",  # a cross
    "M0,1L.95,-.75H-.95Z",  # a triangle that points down
    "M-1,-.55L-.55,-1L0,-.45L.55,-1L1,-.55L.45,0L1,.55L.55,1L0,.45L-.55,1L-1,.55L-.45,0Z",  # an x
    "M-1,-.35H1V.35H-1Z",  # a bar
)
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (12, 4), (1, 4), (4, 2, 1, 2, 1, 2), (3, 6))
#: What stands in the key for the base trained for other lengths, which are one curve.
LENGTHS = "base, other lengths"


class Look(NamedTuple):
    """How a variant is drawn, and the name in the key under which it is switched on and off."""

    key: str
    role: str
    shape: str
    dash: tuple[int, ...]


class Key:
    """The look of each variant; those of one colour differ in shape and dashes.

    Args:
        entries: of each variant its label, its role, and its name in the key.
    """

    def __init__(self, entries: Iterable[tuple[str, str, str]]) -> None:
        self._looks: dict[str, Look] = {}
        counts: dict[str, int] = {}
        named: dict[str, Look] = {}
        for label, role, name in entries:
            if name not in named:
                i = counts[PRINT.roles[role]] = counts.get(PRINT.roles[role], -1) + 1
                named[name] = Look(name, role, SHAPES[i % len(SHAPES)], DASHES[i % len(DASHES)])
            self._looks[label] = named[name]

    @classmethod
    def of(cls, comparison: Comparison) -> "Key":
        """The key of all variants of a comparison, so that each has one look in all figures."""
        return cls(
            (v.label, v.role, LENGTHS if is_length(v) else v.label) for v in comparison.variants
        )

    def __getitem__(self, label: str) -> Look:
        return self._looks[label]

    def looks(self, labels: Iterable[str]) -> list[Look]:
        """The looks of these variants, each once, in the order of the comparison."""
        chosen = {self._looks[label] for label in labels}
        return [look for look in dict.fromkeys(self._looks.values()) if look in chosen]

    def colour(self, labels: Iterable[str], theme: Theme) -> alt.Color:
        """The colour of a mark by its field `key`."""
        scale = self._scale(labels, lambda look: theme.roles[look.role])
        return alt.Color("key:N", scale=scale, legend=_legend(theme))

    def shape(self, labels: Iterable[str], theme: Theme) -> alt.Shape:
        """The shape of a point by its field `key`."""
        scale = self._scale(labels, lambda look: look.shape)
        return alt.Shape("key:N", scale=scale, legend=_legend(theme))

    def dash(self, labels: Iterable[str], theme: Theme) -> alt.StrokeDash:
        """The dashes of a line by its field `key`."""
        scale = self._scale(labels, lambda look: list(look.dash))
        return alt.StrokeDash("key:N", scale=scale, legend=_legend(theme, symbolType="stroke"))

    def _scale(self, labels: Iterable[str], of: Callable[[Look], Any]) -> alt.Scale:
        looks = self.looks(labels)
        return alt.Scale(domain=[look.key for look in looks], range=[of(look) for look in looks])


def named(comparison: Comparison) -> list[str]:
    """The labels of what a reader looks for first: the base, SAM, and the headline's variant."""
    some = (comparison.base, comparison.sam, comparison.winner)
    return list(dict.fromkeys(v.label for v in some if v is not None))


def is_length(variant: Variant) -> bool:
    """Whether a variant is the base trained for another length."""
    method = variant.method
    return method.kind == "base" and method.length != 1 and method.is_plain


def _legend(theme: Theme, **look: Any) -> alt.Legend | None:
    return alt.Legend(symbolSize=200, **look) if theme.legend else None
