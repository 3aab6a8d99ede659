"""Lines, and a comparison as a table that fits the terminal; progress is in `runs/progress.py`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from sssam.lab.comparison.values import Comparison
from sssam.lab.report import sentences, table
from sssam.lab.report.cells import Cell

#: How wide lines are where no terminal says how wide it is.
PLAIN_WIDTH = 200
#: The columns that a narrow terminal goes without, the first one first.
_DISPENSABLE = (table.SHARE, table.SAM, "runs", "over base")
_MEASURED = Console(width=1000)


def consoles() -> tuple[Console, Console]:
    """Standard output for results, standard error for progress and complaints."""
    return tuple(_console(stderr=stderr) for stderr in (False, True))  # type: ignore[return-value]


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def say(*lines: str) -> None:
    """Prints lines of a result, whole however long they are."""
    for line in lines:
        consoles()[0].print(Text(line), soft_wrap=True)


def note(*lines: str, style: str = "") -> None:
    """Prints lines on what was found beside the result, on standard error."""
    for line in lines:
        consoles()[1].print(Text(line, style=style), soft_wrap=True)


def draw(rows: Sequence[Sequence[Cell]], wrapped: str = "") -> None:
    """Prints rows of cells as a table; one column may be wrapped between words."""
    made = drawn(rows)
    for column in made.columns:
        column.no_wrap = column.header != wrapped
    consoles()[0].print(made)


def busy(text: str, quiet: bool = False) -> AbstractContextManager[object]:
    """Says what is done, as long as it is done."""
    return nullcontext() if quiet else consoles()[1].status(text)


def show(comparison: Comparison, console: Console | None = None) -> None:
    """Prints the table, what must be known beside it, and at the end the headline."""
    console = console or consoles()[0]
    console.print(rendered(comparison, console.width))
    if flat := table.flatness(comparison):
        console.print(Text("\nHow flat the training loss is:"))
        console.print(drawn(flat))
        console.print()
    for remark in sentences.remarks(comparison):
        console.print(Text(f"* {remark}", style="dim"))
    console.print()
    console.print(Text(sentences.headline(comparison), style="bold"))
    if support := sentences.support(comparison):
        console.print(Text(support))


def rendered(comparison: Comparison, width: int | None = None) -> Table:
    """The comparison as a table; columns that a narrow terminal has no room for are on the page."""
    lines = table.cells(comparison)
    for dropped in (None, *_DISPENSABLE):
        lines = [[cell for cell in line if cell.name != dropped] for line in lines]
        whole = drawn(lines)
        if width is None or Measurement.get(_MEASURED, _MEASURED.options, whole).maximum <= width:
            return whole
    return drawn(lines, noted=(table.CONTROL,))


def drawn(rows: Sequence[Sequence[Cell]], noted: Sequence[str] | None = None) -> Table:
    """Rows of cells as a table; of the columns in `noted`, or of all, what is in small too."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for cell in rows[0]:
        made.add_column(cell.name, justify="right" if cell.best else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(_text(cell, noted is None or cell.name in noted) for cell in row))
    return made


def _text(cell: Cell, noted: bool) -> Text:
    text = Text(cell.text, style="bold green" if cell.strong else "")
    small = cell.words[len(cell.text) :]
    return text.append(small, style="dim") if noted and small else text
