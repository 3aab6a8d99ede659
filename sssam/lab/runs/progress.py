"""Progress while runs are trained: bars and a table on a terminal, plain lines elsewhere."""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Column, Table
from rich.text import Text

from sssam.lab.specs import Record, Run
from sssam.lab.training.train import Epoch

#: Speed is taken over all that was done: single runs may take longer than any shorter window.
_WINDOW = 7 * 24 * 3600.0
#: Columns of a terminal that bars with their counts and times, and the table's numbers, take beside
#: their labels: what is too wide for it, rich leaves out or cuts anywhere.
_BARS, _NUMBERS = 50, 58
#: Lines of a terminal that are left free by the table: bars, headings, and what stands above.
_APART = 9


class Progress(Protocol):
    """What is called while runs are trained."""

    def ended(self, record: Record) -> None:
        """A run ended."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch of a run ended."""


class Purpose(NamedTuple):
    """What runs are trained for: its title, and whether hyperparameters are chosen by them.

    Runs to choose by are judged on validation samples, and the test set is not measured.
    """

    title: str
    choosing: bool = False

    def of(self, number: int, total: int) -> Self:
        """The purpose on one of several tasks, counted from 1."""
        title = f"task {number} of {total}, {self.title}" if total > 1 else self.title
        return self._replace(title=title)


COMPARING = Purpose("comparing")
CHOOSING = Purpose("choosing hyperparameters", choosing=True)


@contextmanager
def showing(
    runs: Sequence[Run], console: Console, quiet: bool, purpose: Purpose = COMPARING
) -> Iterator[Progress]:
    """Bars over a table on a terminal, a line every now and then elsewhere, nothing if `quiet`.

    All name the task of the runs, which are of one, and the purpose. A single run has its epochs
    alone.
    """
    if quiet or not runs:
        yield _Silent()
    elif not console.is_terminal:
        yield _Lines(runs, console, purpose)
    else:
        board = _Board(runs, console, purpose)
        with Live(console=console, get_renderable=board.render, transient=True):
            yield board


class _Silent:
    def ended(self, record: Record) -> None:
        pass

    def epoch(self, epoch: Epoch) -> None:
        pass


class _Lines:
    """A line at every tenth of the runs, or of the epochs of a single one, and for each failure."""

    def __init__(
        self,
        runs: Sequence[Run],
        console: Console,
        purpose: Purpose = COMPARING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console, self.clock, self.begun = console, clock, clock()
        self.title = f"{runs[0].task.name}, {purpose.title}"
        self.done, self.total = 0, len(runs)

    def ended(self, record: Record) -> None:
        self.done += 1
        name = f"{record.run.method.label}, seed {record.run.seed}"
        if record.outcome != "finished":
            self._print(f"{record.run.task.name}: {name}: {record.outcome}")
        if self.total > 1 and _is_tenth(self.done, self.total):
            left = (self.clock() - self.begun) / self.done * (self.total - self.done)
            remaining = f", about {duration(left)} left" if self.done < self.total else ""
            counts = f"{self.done} of {self.total} runs{remaining}"
            self._print(f"{self.title}: {counts}, the last of them {name}")

    def epoch(self, epoch: Epoch) -> None:
        if self.total == 1 and _is_tenth(epoch.epoch, epoch.run.epochs):
            point = epoch.point
            loss = "not finite" if point.train_loss is None else f"{point.train_loss:.4f}"
            reached = f"validation accuracy {100 * point.validation_accuracy:.1f}%"
            done = f"epoch {epoch.epoch} of {epoch.run.epochs}"
            self._print(f"{done}: training loss {loss}, {reached}")

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False)


def _is_tenth(done: int, total: int) -> bool:
    return 10 * done // total > 10 * (done - 1) // total


def duration(seconds: float) -> str:
    """A length of time in the one unit that says most.

    >>> duration(4.2), duration(210), duration(9000)
    ('4 s', '4 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class _Board:
    """A table with a line a method, a bar for all runs with the time left, one for a run under way.

    Where there is a single run, only its own bar.
    """

    def __init__(self, runs: Sequence[Run], console: Console, purpose: Purpose = COMPARING) -> None:
        self.console, self.choosing, self.bars = console, purpose.choosing, _bars(console)
        self.title = f"{runs[0].task.name}, {purpose.title}"
        self.judged = f"{'validation ' if purpose.choosing else ''}{runs[0].task.metric}"
        self.total, self.done = Counter(run.method.label for run in runs), 0
        self.records: dict[str, list[Record]] = {label: [] for label in self.total}
        self.single = len(runs) == 1
        several = not self.single
        self.all = self.bars.add_task("[bold]all runs[/]", total=len(runs), visible=several)
        self.under_way: dict[str, TaskID] = {}

    def ended(self, record: Record) -> None:
        self.done += 1
        self.records[record.run.method.label].append(record)
        self.bars.update(self.all, completed=self.done)
        if record.id in self.under_way:
            self.bars.remove_task(self.under_way.pop(record.id))

    def epoch(self, epoch: Epoch) -> None:
        run = epoch.run
        if run.id not in self.under_way:
            name = escape(run.method.label + ("" if self.single else f", seed {run.seed}"))
            self.under_way[run.id] = self.bars.add_task(name)
        self.bars.update(self.under_way[run.id], completed=epoch.epoch, total=run.epochs)
        self.bars.update(self.all, completed=self.done + epoch.epoch / run.epochs)

    def render(self) -> RenderableType:
        """The table above the bars; methods that the terminal is too low for are counted."""
        if self.single:
            return self.bars
        room = max(3, self.console.height - _APART - len(self.under_way))
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("method", no_wrap=True, max_width=max(8, self.console.width - _NUMBERS))
        for name in ("runs", self.judged, "propagations", ""):
            table.add_column(name, justify="right" if name else "left", no_wrap=True)
        for label in list(self.total)[:room]:
            style = "" if self.records[label] else "dim"
            table.add_row(Text(label), *self._cells(label), style=style)
        hidden = len(self.total) - room
        more = [Text(f"and {hidden} more", style="dim")] if hidden > 0 else []
        return Group(Text(self.title, style="bold"), table, *more, Text(), self.bars)

    def _cells(self, label: str) -> list[str]:
        """What came of a method's runs so far."""
        made = self.records[label]
        reached = [r.validation_accuracy if self.choosing else r.test_accuracy for r in made]
        accuracy, spent = _mean(reached), _mean([record.propagations for record in made])
        apart = Counter(record.outcome for record in made if record.outcome != "finished")
        return [
            f"{len(made)}/{self.total[label]}",
            "" if accuracy is None else f"{100 * accuracy:.1f}",
            "" if spent is None else f"{spent:.2f}",
            ", ".join(f"{count} {outcome}" for outcome, count in apart.items()),
        ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _bars(console: Console) -> Bars:
    """Names, bars, counts and times."""
    room = max(8, console.width - _BARS)
    name = Column(no_wrap=True, overflow="ellipsis", max_width=room)
    return Bars(
        TextColumn("{task.description}", table_column=name),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        speed_estimate_period=_WINDOW,
    )
