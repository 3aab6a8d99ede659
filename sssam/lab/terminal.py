"""What is said in a terminal: a comparison as a table that fits; progress is in watch.py."""

from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from sssam.lab.comparison import Comparison
from sssam.lab.table import Cell, cells, columns
from sssam.lab.watch import Watch, epochs, watching

__all__ = ["Watch", "consoles", "epochs", "show", "table", "watching"]

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
        drawn = _table(comparison, names)
        if width is None or Measurement.get(_MEASURED, _MEASURED.options, drawn).maximum <= width:
            return drawn
    return _table(comparison, names, noted=("to SAM",))


def _table(
    comparison: Comparison, names: Sequence[str], noted: Sequence[str] | None = None
) -> Table:
    """The columns of these names; of those in `noted`, or of all, what is said in small too."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        drawn.add_column(name, justify="left" if name == "row" else "right", no_wrap=True)
    for row in comparison.rows:
        chosen = [cell for cell in cells(row) if cell.name in names]
        drawn.add_row(*(_text(cell, noted is None or cell.name in noted) for cell in chosen))
    return drawn


def _text(cell: Cell, noted: bool) -> Text:
    text = Text(cell.text, style="bold green" if cell.strong else "")
    return text.append(f" {cell.note}", style="dim") if noted and cell.note else text
