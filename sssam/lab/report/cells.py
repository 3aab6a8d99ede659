"""Cells of tables: a number as text, and what stands behind it in small; and their Markdown."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sssam.lab.comparison.values import Claim
from sssam.lab.report.text import ends, signed
from sssam.lab.stats import Interval

EMPTY = "-"


class Cell(NamedTuple):
    """A number as text, what stands behind it in small, in one line or two, and its sort key.

    `best` is which end of the column comes first where it is sorted: "high", "low", or "" for text.
    """

    name: str
    text: str
    note: str = ""
    more: str = ""
    sort: str = ""
    strong: bool = False
    best: str = ""

    @property
    def words(self) -> str:
        """All that the cell says."""
        return " ".join(filter(None, (self.text, self.note, self.more)))

    @property
    def empty(self) -> bool:
        """Whether it has no value."""
        return self.text == EMPTY


def number(name: str, value: float | None, form: str, best: str = "high", note: str = "") -> Cell:
    """A number, with a format such as "{:.2f}"."""
    if value is None:
        return Cell(name, EMPTY, best=best)
    return Cell(name, form.format(value), note, sort=repr(value), best=best)


def measured(
    name: str,
    value: Interval | None,
    form: Callable[[float], str],
    *,
    more: str = "",
    strong: bool = False,
    best: str = "high",
) -> Cell:
    """A mean, with the ends of its interval in small, and what else is to be said."""
    if value is None:
        return Cell(name, EMPTY, best=best)
    return Cell(name, form(value.mean), ends(value, form), more, repr(value.mean), strong, best)


def difference(name: str, value: Interval | None, *, more: str = "", strong: bool = False) -> Cell:
    """A difference in percentage points."""
    return measured(name, value, lambda end: signed(end, 2), more=more, strong=strong)


def p_value(p: float | None) -> str:
    """A p-value, as "p = 0.012"; empty where there is none."""
    if p is None:
        return ""
    return f"p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"


def claim_p(claim: Claim) -> str:
    """The claim's p-value; with its control, where that is not the one of the difference."""
    p = p_value(claim.adjusted)
    return f"{p} against {claim.hardest}" if p and claim.hardest != claim.control else p


def as_markdown(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """The lines of a table, at least one row of cells."""
    names = [cell.name for cell in rows[0]]
    return [
        _line(names),
        _line(["---", *["---:" for _ in names[1:]]]),
        *(_line([cell.words for cell in row]) for row in rows),
    ]


def escaped(text: str) -> str:
    """Text that Markdown takes for text: no tags, no new cells."""
    for sign, instead in (("|", "\\|"), ("<", "&lt;"), (">", "&gt;"), ("\n", " ")):
        text = text.replace(sign, instead)
    return text


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(escaped(text) for text in texts)} |"
