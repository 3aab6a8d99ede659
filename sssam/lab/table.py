"""A comparison as the cells of a table, for the page, for Markdown and for the terminal alike."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sssam.lab.comparison import Comparison, Row
from sssam.lab.headline import signed
from sssam.lab.stats import Interval, Ratio

EMPTY = "-"


class Cell(NamedTuple):
    """A number as text, what stands behind it in small, and what it is sorted by."""

    name: str
    text: str
    note: str = ""
    sort: str = ""
    strong: bool = False


def cells(row: Row) -> list[Cell]:
    """All cells of a row, the label first."""
    return [
        Cell("row", row.label, sort=row.label),
        _accuracy(row.accuracy),
        _difference("to SAM", row.to_sam),
        _difference("to base", row.to_base),
        _verdict(row),
        _share(row.share),
        _propagations(row),
        _number("expected", row.expected_propagations, "{:.3f}"),
        _number("time", row.relative_time, "{:.2f}"),
        _runs(row),
    ]


def columns(comparison: Comparison) -> list[str]:
    """The names of the columns, in their order."""
    return [cell.name for cell in cells(comparison.rows[0])]


def markdown(comparison: Comparison) -> str:
    """The comparison as Markdown: the headline, the table, the remarks."""
    head = columns(comparison)
    lines = [
        f"**{_escaped(comparison.headline)}** {_escaped(comparison.support)}".rstrip(),
        "",
        _line(head),
        _line(["---", *["---:" for _ in head[1:]]]),
        *(_line([_joined(cell) for cell in cells(row)]) for row in comparison.rows),
        "",
        *(f"- {_escaped(remark)}" for remark in comparison.remarks),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(_escaped(text) for text in texts)} |"


def _joined(cell: Cell) -> str:
    return f"{cell.text} {cell.note}".strip()


def _escaped(text: str) -> str:
    """Text that Markdown takes for text: no tags, no new cells."""
    for sign, instead in (("|", "\\|"), ("<", "&lt;"), (">", "&gt;"), ("\n", " ")):
        text = text.replace(sign, instead)
    return text


def _number(name: str, value: float | None, form: str) -> Cell:
    return Cell(name, EMPTY) if value is None else Cell(name, form.format(value), sort=repr(value))


def _accuracy(value: Interval | None) -> Cell:
    if value is None:
        return Cell("accuracy", EMPTY)
    ends = _ends(value, "{:.2f}".format)
    return Cell("accuracy", f"{value.mean:.2f}", ends, repr(value.mean))


def _difference(name: str, value: Interval | None) -> Cell:
    if value is None:
        return Cell(name, EMPTY)
    ends = _ends(value, lambda end: signed(end, 2))
    return Cell(name, signed(value.mean, 2), ends, repr(value.mean))


def _share(value: Ratio | None) -> Cell:
    if value is None:
        return Cell("share of gain", EMPTY)
    ends = _ends(value, lambda end: f"{100 * end:.0f}") or "not identified"
    return Cell("share of gain", f"{100 * value.value:.0f}%", ends, repr(value.value))


def _ends(value: Interval | Ratio, form: Callable[[float], str]) -> str:
    if value.low is None or value.high is None:
        return ""
    return f"[{form(value.low)}, {form(value.high)}]"


def _verdict(row: Row) -> Cell:
    """In words, since a colour or a sign alone would not be read by all."""
    if row.keeps is None:
        return Cell("keeps gain", EMPTY)
    p = (
        ""
        if row.p_value is None
        else f"p {'< 0.001' if row.p_value < 0.001 else f'= {row.p_value:.3f}'}"
    )
    if row.keeps and not row.holds:
        return Cell("keeps gain", "alone", p, "1")
    return Cell("keeps gain", "yes" if row.holds else "not shown", p, str(2 * row.holds), row.holds)


def _propagations(row: Row) -> Cell:
    if row.propagations is None:
        return Cell("propagations", EMPTY)
    spread = f"± {row.spread:.3f}" if row.spread and row.spread >= 0.0005 else ""
    length = f"x {row.method.length} steps" if row.method.length > 1 else ""
    return Cell("propagations", f"{row.propagations:.3f}", spread or length, repr(row.cost))


def _runs(row: Row) -> Cell:
    runs = row.runs
    apart = {"diverged": runs.diverged, "failed": runs.failed, "missing": runs.missing}
    note = ", ".join(f"{count} {name}" for name, count in apart.items() if count)
    return Cell("runs", str(runs.total - runs.missing), note, str(runs.finished))
