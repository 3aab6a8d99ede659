"""What is said in a terminal: tables, progress, and plain lines where there is none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from sssam.lab.comparison import Comparison
from sssam.lab.specs import Point, Record, Run
from sssam.lab.table import Cell, cells, columns

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


class Watch(Protocol):
    """What is told while runs are trained."""

    def ended(self, done: int, total: int, record: Record) -> None:
        """A run ended, the `done`-th of `total`."""

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        """An epoch of a run ended."""


@contextmanager
def watching(runs: Sequence[Run], console: Console, quiet: bool) -> Iterator[Watch]:
    """Bars on a terminal, a line every now and then elsewhere, nothing if `quiet`."""
    if quiet or not runs:
        yield _Silent()
    elif not console.is_terminal:
        yield _Lines(console)
    else:
        with _progress(console) as progress:
            yield _Bars(progress, runs)


class _Silent:
    def ended(self, done: int, total: int, record: Record) -> None:
        """Says nothing."""

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        """Says nothing."""


class _Lines(_Silent):
    """A line at every tenth of the runs, and one for each run that came to no good end."""

    def __init__(self, console: Console) -> None:
        self.console, self.tenths = console, 0

    def ended(self, done: int, total: int, record: Record) -> None:
        name = f"{record.run.method.label}, seed {record.run.seed}"
        if record.outcome != "finished":
            self._say(f"{name}: {record.outcome}")
        if 10 * done // total > self.tenths:
            self.tenths = 10 * done // total
            self._say(f"{done} of {total} runs, the last of them {name}")

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False)


class _Bars:
    """A bar for all runs with the time that is left, and one for each row that still has runs."""

    def __init__(self, progress: Progress, runs: Sequence[Run]) -> None:
        self.progress = progress
        self.all = progress.add_task("[bold]all runs[/]", total=len(runs), note="")
        self.rows: dict[str, TaskID] = {}
        for label in dict.fromkeys(run.method.label for run in runs):
            count = sum(run.method.label == label for run in runs)
            self.rows[label] = progress.add_task(escape(label), total=count, note="")

    def ended(self, done: int, total: int, record: Record) -> None:
        label = record.run.method.label
        self.progress.update(self.all, completed=done, total=total)
        self.progress.update(self.rows[label], advance=1, note=_reached(record))

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        note = f"seed {run.seed}, epoch {epoch} of {epochs}"
        self.progress.update(self.rows[run.method.label], note=note)


def _reached(record: Record) -> str:
    if record.outcome != "finished" or record.test_accuracy is None:
        return f"seed {record.run.seed} {record.outcome}"
    return f"seed {record.run.seed}: {100 * record.test_accuracy:.1f}%"


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        console=console,
        transient=True,
    )


@contextmanager
def epochs(run: Run, console: Console, quiet: bool) -> Iterator[Watch]:
    """A bar over the epochs of one run, or a line every tenth of them."""
    if quiet:
        yield _Silent()
    elif not console.is_terminal:
        yield _EpochLines(console)
    else:
        with _progress(console) as progress:
            yield _EpochBar(progress, progress.add_task(escape(run.method.label), note=""))


class _EpochBar(_Silent):
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task = progress, task

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        self.progress.update(self.task, completed=epoch, total=epochs, note=_judged(point))


class _EpochLines(_Silent):
    def __init__(self, console: Console) -> None:
        self.console = console

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        if 10 * epoch // epochs > 10 * (epoch - 1) // epochs:
            self.console.print(f"epoch {epoch} of {epochs}: {_judged(point)}", markup=False)


def _judged(point: Point) -> str:
    loss = "not finite" if point.train_loss is None else f"{point.train_loss:.4f}"
    return f"training loss {loss}, validation accuracy {100 * point.validation_accuracy:.1f}%"
