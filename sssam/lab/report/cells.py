"""Cells of tables: a number as text, and what stands behind it in small; and their Markdown."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sssam.lab.comparison.headline import signed
from sssam.lab.stats import Interval, Ratio

EMPTY = "-"


class Cell(NamedTuple):
    """A number as text, what stands behind it in small, and what it is sorted by."""

    name: str
    text: str
    note: str = ""
    sort: str = ""
    strong: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be shown."""
        return self.text == EMPTY


class Line(NamedTuple):
    """A row of a table: the role that its colour tells, and its cells, the label first."""

    role: str
    cells: list[Cell]


def number(name: str, value: float | None, form: str) -> Cell:
    """A number, with a format such as "{:.2f}"."""
    return Cell(name, EMPTY) if value is None else Cell(name, form.format(value), sort=repr(value))


def measured(name: str, value: Interval | None, form: Callable[[float], str]) -> Cell:
    """A mean, with the ends of its interval in small."""
    if value is None:
        return Cell(name, EMPTY)
    return Cell(name, form(value.mean), _ends(value, form), repr(value.mean))


def difference(name: str, value: Interval | None) -> Cell:
    """A difference in percentage points."""
    return measured(name, value, lambda end: signed(end, 2))


def share(value: Ratio | None) -> Cell:
    """The share of SAM's gain."""
    if value is None:
        return Cell("share of gain", EMPTY)
    if not value.identified:  # a number would be read as one
        return Cell("share of gain", EMPTY, "not identified")
    ends = _ends(value, lambda end: f"{100 * end:.0f}")
    return Cell("share of gain", f"{100 * value.value:.0f}%", ends, repr(value.value))


def claimed(name: str, p_value: float | None, holds: bool) -> Cell:
    """A claim in words, since a colour or a sign alone would not be read by all."""
    if p_value is None:
        return Cell(name, EMPTY)
    return Cell(name, "yes" if holds else "not shown", in_words(p_value), str(2 * holds), holds)


def claimed_share(name: str, share: Ratio | None, p_value: float | None, holds: bool) -> Cell:
    """The claim that a share of SAM's gain is kept."""
    if share is not None and p_value is None:
        return Cell(name, EMPTY, "not identified")
    return claimed(name, p_value, holds)


def in_words(p_value: float | None) -> str:
    """A p-value, as "p = 0.012"."""
    if p_value is None:
        return ""
    return f"p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}"


def as_markdown(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """The lines of a table, at least one row of cells."""
    names = [cell.name for cell in rows[0]]
    return [
        _line(names),
        _line(["---", *["---:" for _ in names[1:]]]),
        *(_line([f"{cell.text} {cell.note}".strip() for cell in row]) for row in rows),
    ]


def escaped(text: str) -> str:
    """Text that Markdown takes for text: no tags, no new cells."""
    for sign, instead in (("|", "\\|"), ("<", "&lt;"), (">", "&gt;"), ("\n", " ")):
        text = text.replace(sign, instead)
    return text


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(escaped(text) for text in texts)} |"


def _ends(value: Interval | Ratio, form: Callable[[float], str]) -> str:
    if value.low is None or value.high is None:
        return ""
    return f"[{form(value.low)}, {form(value.high)}]"
