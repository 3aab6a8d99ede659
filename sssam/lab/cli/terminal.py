"""What commands print: lines, and tables of cells."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from textwrap import fill
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from sssam.lab.report.cells import Cell

#: How wide lines are where no terminal says how wide it is.
PLAIN_WIDTH = 200


def consoles() -> tuple[Console, Console]:
    """Standard output for results, standard error for progress and complaints."""
    return tuple(_console(stderr=stderr) for stderr in (False, True))  # type: ignore[return-value]


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def say(*lines: str, style: str = "", console: Console | None = None) -> None:
    """Prints lines of a result, on a terminal wrapped between words; paths stay whole."""
    console = console or consoles()[0]
    for line in lines:
        if console.is_terminal:
            line = fill(line, console.width, break_long_words=False, break_on_hyphens=False)
        console.print(Text(line, style=style), soft_wrap=True)


def note(*lines: str, style: str = "") -> None:
    """Prints lines on what was found beside the result, on standard error."""
    say(*lines, style=style, console=consoles()[1])


def busy(text: str, quiet: bool = False) -> AbstractContextManager[object]:
    """Says what is done, as long as it is done."""
    return nullcontext() if quiet else consoles()[1].status(text)


def draw(rows: "Sequence[Sequence[Cell]]", wrapped: str = "") -> None:
    """Prints rows of cells as a table; one column may be wrapped between words."""
    made = drawn(rows)
    for column in made.columns:
        column.no_wrap = column.header != wrapped
    consoles()[0].print(made)


def drawn(rows: "Sequence[Sequence[Cell]]", noted: Sequence[str] | None = None) -> Table:
    """Rows of cells as a table; of the columns in `noted`, or of all, what is in small too."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for cell in rows[0]:
        made.add_column(cell.name, justify="right" if cell.best else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(_text(cell, noted is None or cell.name in noted) for cell in row))
    return made


def _text(cell: "Cell", noted: bool) -> Text:
    text = Text(cell.text, style="bold green" if cell.strong else "")
    small = cell.words[len(cell.text) :]
    return text.append(small, style="dim") if noted and small else text
