"""Numbers and lists as text, and cells of tables: a number, and what stands behind it in small."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sssam.lab.comparison.values import Claim
from sssam.lab.stats import Interval

#: What a cell without a value shows.
EMPTY = "-"


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign; what rounds to zero has none.

    >>> signed(6.84), signed(-0.26), signed(-0.01)
    ('+6.8', '-0.3', '0.0')
    """
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def ends(value: Interval, form: Callable[[float], str]) -> str:
    """The ends of an interval in brackets; empty where it has none."""
    if value.low is None or value.high is None:
        return ""
    return f"[{form(value.low)}, {form(value.high)}]"


def ranged(value: Interval, form: Callable[[float], str], unit: str = "") -> str:
    """A mean, in its unit, with the ends of its interval.

    >>> ranged(Interval(93.44, 92.9, 94.0, 12), "{:.1f}".format, "%")
    '93.4% [92.9, 94.0]'
    """
    return f"{form(value.mean)}{unit} {ends(value, form)}".rstrip()


def points(difference: Interval, digits: int = 1) -> str:
    """A difference in percentage points with its interval.

    >>> points(Interval(6.84, 6.3, 7.4, 20))
    '+6.8 points [+6.3, +7.4]'
    """
    return ranged(difference, lambda value: signed(value, digits), " points")


def counted(n: float, noun: str) -> str:
    """A number with its noun, in the plural where it is not one.

    >>> counted(1, "seed"), counted(0.5, "point")
    ('1 seed', '0.5 points')
    """
    return f"{n:.12g} {noun}{'' if n == 1 else 's'}"


def listed(names: Sequence[str], most: int | None = None) -> str:
    """Names in a row, the last after "and"; beyond `most` of them, how many more there are.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('a, b and c', 'a and 2 more')
    """
    every = list(names)
    if most is not None and len(every) > most:
        every = [*every[:most], f"{len(every) - most} more"]
    return " and ".join(part for part in (", ".join(every[:-1]), *every[-1:]) if part)


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
        return " ".join(filter(None, (self.text, self.note, self.more)))

    @property
    def empty(self) -> bool:
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
