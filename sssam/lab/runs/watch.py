"""What is told while runs are trained: bars and a table on a terminal, plain lines elsewhere."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from sssam.lab.specs import Point, Record, Run

#: Speed is taken over all that was done: single runs may take longer than any shorter window.
_WINDOW = 7 * 24 * 3600.0
#: Columns of a terminal that bars take with their counts and times, that notes beside them take,
#: and from how many on there are notes: what is too wide for it, rich leaves out or cuts anywhere.
_BARS, _NOTES, _NOTED = 50, 37, 116
#: Columns of a terminal that the table takes beside its labels.
_NUMBERS = 58
#: Lines of a terminal that are left free by the table: bars, headings, and what stands above.
_APART = 9


class Watch(Protocol):
    """What is told while runs are trained."""

    def ended(self, done: int, total: int, record: Record) -> None:
        """A run ended, the `done`-th of `total`."""

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        """An epoch of a run ended."""


class Stage(NamedTuple):
    """What runs are trained for: its title, and whether hyperparameters are chosen by them."""

    title: str
    choosing: bool = False

    def of(self, number: int, total: int) -> Self:
        """The stage on one of several tasks, counted from 1."""
        title = f"task {number} of {total}, {self.title}" if total > 1 else self.title
        return self._replace(title=title)


COMPARING = Stage("comparing")
CHOOSING = Stage("choosing hyperparameters", choosing=True)


@contextmanager
def watching(
    runs: Sequence[Run], console: Console, quiet: bool, stage: Stage = COMPARING
) -> Iterator[Watch]:
    """Bars over a table on a terminal, a line every now and then elsewhere, nothing if `quiet`.

    Both name the task of the runs, which are of one, and the stage.
    """
    if quiet or not runs:
        yield _Silent()
    elif not console.is_terminal:
        yield _Lines(console, stage)
    else:
        board = _Board(runs, console, stage)
        with Live(console=console, get_renderable=board.shown, transient=True):
            yield board


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


class _Silent:
    def ended(self, done: int, total: int, record: Record) -> None:
        """Says nothing."""

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        """Says nothing."""


class _Lines(_Silent):
    """A line at every tenth of the runs, and one for each run that came to no good end."""

    def __init__(
        self,
        console: Console,
        stage: Stage = COMPARING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console, self.stage, self.clock, self.tenths = console, stage, clock, 0
        self.begun = clock()

    def ended(self, done: int, total: int, record: Record) -> None:
        name = f"{record.run.method.label}, seed {record.run.seed}"
        if record.outcome != "finished":
            self._say(f"{record.run.task.name}: {name}: {record.outcome}")
        if 10 * done // total > self.tenths:
            self.tenths = 10 * done // total
            left = (self.clock() - self.begun) / done * (total - done)
            remaining = f", about {duration(left)} left" if done < total else ""
            title = f"{record.run.task.name}, {self.stage.title}"
            self._say(f"{title}: {done} of {total} runs{remaining}, the last of them {name}")

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False)


def duration(seconds: float) -> str:
    """A length of time in the one unit that tells most.

    >>> duration(4.2), duration(210), duration(9000)
    ('4 s', '4 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class _Tally:
    """What came of a row's runs so far; where they are to choose by, on validation samples."""

    def __init__(self, choosing: bool) -> None:
        self.choosing, self.total, self.done = choosing, 0, 0
        self.accuracies: list[float] = []
        self.propagations: list[float] = []
        self.apart: dict[str, int] = {}

    def add(self, record: Record) -> None:
        self.done += 1
        reached = record.validation_accuracy if self.choosing else record.test_accuracy
        if reached is not None:
            self.accuracies.append(100 * reached)
        if record.propagations is not None:
            self.propagations.append(record.propagations)
        if record.outcome != "finished":
            self.apart[record.outcome] = self.apart.get(record.outcome, 0) + 1

    def cells(self) -> list[str]:
        accuracy = f"{statistics.fmean(self.accuracies):.1f}" if self.accuracies else ""
        spent = f"{statistics.fmean(self.propagations):.2f}" if self.propagations else ""
        apart = ", ".join(f"{count} {outcome}" for outcome, count in self.apart.items())
        return [f"{self.done}/{self.total}", accuracy, spent, apart]


class _Board:
    """A table with a line a row, a bar for all runs with the time left, one for a run under way."""

    def __init__(self, runs: Sequence[Run], console: Console, stage: Stage = COMPARING) -> None:
        self.console, self.progress = console, _progress(console)
        self.title = f"{runs[0].task.name}, {stage.title}"
        self.judged = f"{'validation ' if stage.choosing else ''}{runs[0].task.metric}"
        self.all = self.progress.add_task("[bold]all runs[/]", total=len(runs), note="")
        self.bars: dict[str, TaskID] = {}
        self.tallies: dict[str, _Tally] = {}
        for label in (run.method.label for run in runs):
            self.tallies.setdefault(label, _Tally(stage.choosing)).total += 1
        self.done = 0

    def ended(self, done: int, total: int, record: Record) -> None:
        self.done = done
        self.tallies[record.run.method.label].add(record)
        self.progress.update(self.all, completed=done, total=total)
        if record.id in self.bars:
            self.progress.remove_task(self.bars.pop(record.id))

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        name = escape(f"{run.method.label}, seed {run.seed}")
        if run.id not in self.bars:
            self.bars[run.id] = self.progress.add_task(name, note="")
        self.progress.update(
            self.bars[run.id], completed=epoch, total=epochs, note=f"epochs; {_brief(point)}"
        )
        self.progress.update(self.all, completed=self.done + epoch / epochs)

    def shown(self) -> RenderableType:
        """The table above the bars; rows that the terminal is too low for are counted."""
        room = max(3, self.console.height - _APART - len(self.bars))
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("row", no_wrap=True, max_width=max(8, self.console.width - _NUMBERS))
        for name in ("runs", self.judged, "propagations", ""):
            table.add_column(name, justify="right" if name else "left", no_wrap=True)
        for label, tally in list(self.tallies.items())[:room]:
            table.add_row(Text(label), *tally.cells(), style="" if tally.done else "dim")
        hidden = len(self.tallies) - room
        more = [Text(f"and {hidden} more rows", style="dim")] if hidden > 0 else []
        return Group(Text(self.title, style="bold"), table, *more, Text(), self.progress)


def _progress(console: Console) -> Progress:
    """Names, bars, counts, times, and notes where there is room for them too."""
    noted = [TextColumn("[dim]{task.fields[note]}")] if console.width >= _NOTED else []
    room = max(8, console.width - _BARS - (_NOTES if noted else 0))
    name = Column(no_wrap=True, overflow="ellipsis", max_width=room)
    return Progress(
        TextColumn("{task.description}", table_column=name),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        *noted,
        console=console,
        transient=True,
        speed_estimate_period=_WINDOW,
    )


class _EpochBar(_Silent):
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task = progress, task

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        self.progress.update(self.task, completed=epoch, total=epochs, note=_brief(point))


class _EpochLines(_Silent):
    def __init__(self, console: Console) -> None:
        self.console = console

    def epoch(self, run: Run, epoch: int, epochs: int, point: Point) -> None:
        if 10 * epoch // epochs > 10 * (epoch - 1) // epochs:
            self.console.print(f"epoch {epoch} of {epochs}: {_judged(point)}", markup=False)


def _judged(point: Point) -> str:
    return f"training loss {_loss(point)}, validation accuracy {_percent(point)}"


def _brief(point: Point) -> str:
    return f"loss {_loss(point)}, validation {_percent(point)}"


def _loss(point: Point) -> str:
    return "not finite" if point.train_loss is None else f"{point.train_loss:.4f}"


def _percent(point: Point) -> str:
    return f"{100 * point.validation_accuracy:.1f}%"
