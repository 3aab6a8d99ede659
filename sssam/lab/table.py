"""A comparison as the cells of two tables, for the page, for Markdown and for the terminal alike.

The first is the finding; the second says how sure it is, and docs/statistics.md what it means.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sssam.lab.comparison import Comparison, Row
from sssam.lab.headline import counted_points, signed
from sssam.lab.specs import Task
from sssam.lab.stats import Interval, Noise, Ratio

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


def certainty(row: Row, task: Task) -> list[Cell]:
    """How sure the row's difference to SAM is, the label first: all cells of the second table."""
    return [
        Cell("row", row.label, sort=row.label),
        _difference("to SAM, by t", row.to_sam),
        _difference("by bootstrap", row.to_sam_bootstrap),
        _keeps_share(row, f"keeps {100 * task.share:g}%"),
        _number("finds", row.detectable, "{:.2f}"),
        _number(f"seeds for {counted_points(task.margin)}", row.seeds_needed, "{:,}"),
        *_spreads(row.noise),
    ]


def columns(comparison: Comparison) -> list[str]:
    """The names of the columns, in their order."""
    return [cell.name for cell in cells(comparison.rows[0])]


def markdown(comparison: Comparison) -> str:
    """The comparison as Markdown: the headline, the table, the remarks, the table of certainty."""
    lines = [
        f"**{_escaped(comparison.headline)}** {_escaped(comparison.support)}".rstrip(),
        "",
        *_table([cells(row) for row in comparison.rows]),
        "",
        *(f"- {_escaped(remark)}" for remark in comparison.remarks),
    ]
    if any(row.to_sam is not None for row in comparison.rows):
        sure = [certainty(row, comparison.task) for row in comparison.rows]
        lines += ["", "How sure the differences to SAM are, in points:", "", *_table(sure)]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: Sequence[Sequence[Cell]]) -> list[str]:
    names = [cell.name for cell in rows[0]]
    return [
        _line(names),
        _line(["---", *["---:" for _ in names[1:]]]),
        *(_line([_joined(cell) for cell in row]) for row in rows),
    ]


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
    if not value.identified:  # a number would be read as one
        return Cell("share of gain", EMPTY, "not identified")
    ends = _ends(value, lambda end: f"{100 * end:.0f}")
    return Cell("share of gain", f"{100 * value.value:.0f}%", ends, repr(value.value))


def _ends(value: Interval | Ratio, form: Callable[[float], str]) -> str:
    if value.low is None or value.high is None:
        return ""
    return f"[{form(value.low)}, {form(value.high)}]"


def _keeps_share(row: Row, name: str) -> Cell:
    if row.share is not None and row.share_p_value is None:
        return Cell(name, EMPTY, "not identified")
    return _claimed(name, row.share_p_value, row.holds_share)


def _spreads(noise: Noise | None) -> list[Cell]:
    known = noise and (noise.seeds, noise.test, noise.training, noise.shared)
    names = ("spread over seeds", "of the test set", "of the training", "shared error")
    values = known or (None,) * len(names)
    return [_number(n, value, "{:.2f}") for n, value in zip(names, values, strict=True)]


def _verdict(row: Row) -> Cell:
    """In words, since a colour or a sign alone would not be read by all."""
    if row.keeps is None:
        return Cell("keeps gain", EMPTY)
    if row.keeps and not row.holds:
        return Cell("keeps gain", "alone", _p(row.p_value), "1")
    return _claimed("keeps gain", row.p_value, row.holds)


def _claimed(name: str, p_value: float | None, holds: bool) -> Cell:
    if p_value is None:
        return Cell(name, EMPTY)
    return Cell(name, "yes" if holds else "not shown", _p(p_value), str(2 * holds), holds)


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return f"p {'< 0.001' if value < 0.001 else f'= {value:.3f}'}"


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
