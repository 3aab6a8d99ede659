"""A comparison as a table that fits the terminal; progress is in `runs/progress.py`."""

from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from sssam.lab.comparison.values import Comparison
from sssam.lab.report import flatness_table
from sssam.lab.report.cells import Cell
from sssam.lab.report.table import cells, columns
from sssam.lab.runs.progress import showing

__all__ = ["consoles", "drawn", "show", "showing", "table"]

#: How wide lines are where no terminal says how wide it is.
PLAIN_WIDTH = 200
#: The columns that a narrow terminal goes without, the first one first.
_DISPENSABLE = ("expected", "runs", "share of gain", "to base", "time")
_MEASURED = Console(width=1000)


def consoles() -> tuple[Console, Console]:
    """Standard output for results, standard error for progress and complaints."""
    return tuple(_console(stderr=stderr) for stderr in (False, True))  # type: ignore[return-value]


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def show(comparison: Comparison, console: Console) -> None:
    """Prints the table, and below it the headline with what it rests on."""
    console.print(table(comparison, console.width))
    if flat := flatness_table.cells(comparison):
        console.print(Text(f"\nHow flat the training loss is, {flatness_table.told(comparison)}:"))
        console.print(drawn(flat))
        console.print()
    for remark in comparison.remarks:
        console.print(Text(f"* {remark}", style="dim"))
    console.print()
    console.print(Text(comparison.headline, style="bold"))
    if comparison.support:
        console.print(Text(comparison.support))


def table(comparison: Comparison, width: int | None = None) -> Table:
    """The comparison as a table; columns that a narrow terminal has no room for are on the page."""
    names = columns(comparison)
    for dropped in (None, *_DISPENSABLE):
        names = [name for name in names if name != dropped]
        whole = _table(comparison, names)
        if width is None or Measurement.get(_MEASURED, _MEASURED.options, whole).maximum <= width:
            return whole
    return _table(comparison, names, noted=("to SAM",))


def _table(
    comparison: Comparison, names: Sequence[str], noted: Sequence[str] | None = None
) -> Table:
    """The columns of these names; of those in `noted`, or of all, what is said in small too."""
    every = (cells(row, comparison.task.metric) for row in comparison.variants)
    return drawn([[cell for cell in row if cell.name in names] for row in every], noted)


def drawn(rows: Sequence[Sequence[Cell]], noted: Sequence[str] | None = None) -> Table:
    """Rows of cells as a table; of the columns in `noted`, or of all, what is in small too."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for cell in rows[0]:
        made.add_column(cell.name, justify="left" if cell.name == "row" else "right", no_wrap=True)
    for row in rows:
        made.add_row(*(_text(cell, noted is None or cell.name in noted) for cell in row))
    return made


def _text(cell: Cell, noted: bool) -> Text:
    text = Text(cell.text, style="bold green" if cell.strong else "")
    return text.append(f" {cell.note}", style="dim") if noted and cell.note else text
