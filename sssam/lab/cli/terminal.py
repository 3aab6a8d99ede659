"""What commands print: lines, and tables of cells."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from textwrap import fill
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from sssam.lab.report.text import Cell

#: How wide lines are where no terminal says how wide it is.
PLAIN_WIDTH = 200


def console(stderr: bool = False) -> Console:
    """Standard output for results, standard error for progress and complaints."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = PLAIN_WIDTH
    return made


def say(*lines: str, style: str = "", stderr: bool = False) -> None:
    """Prints lines of a result, on a terminal wrapped between words; paths stay whole."""
    to = console(stderr)
    for line in lines:
        if to.is_terminal:
            line = fill(line, to.width, break_long_words=False, break_on_hyphens=False)
        to.print(Text(line, style=style), soft_wrap=True)


def note(*lines: str, style: str = "") -> None:
    """Prints lines on what was found beside the result, on standard error."""
    say(*lines, style=style, stderr=True)


def busy(text: str, quiet: bool = False) -> AbstractContextManager[object]:
    """Says what is done, as long as it is done."""
    return nullcontext() if quiet else console(stderr=True).status(text)


def draw(rows: "Sequence[Sequence[Cell]]", wrapped: str = "") -> None:
    """Prints rows of cells as a table; one column may be wrapped between words."""
    made = drawn(rows)
    for column in made.columns:
        column.no_wrap = column.header != wrapped
    console().print(made)


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
