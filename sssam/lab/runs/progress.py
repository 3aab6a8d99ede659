"""Progress while runs are trained: a bar on a terminal, a line every now and then elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Column

from sssam.lab.specs import Record, Run
from sssam.lab.training.train import Epoch

#: Speed is taken over all that was done: single runs may take longer than any shorter window.
_WINDOW = 7 * 24 * 3600.0
#: Columns of a terminal that the bar with its counts and times takes beside its description.
_BAR = 50


class Progress:
    """What is called while runs are trained; it says nothing."""

    def ended(self, record: Record) -> None:
        """A run ended."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch of a single run ended."""


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
    """A bar on a terminal, a line every now and then elsewhere, nothing if `quiet`.

    Both name the task of the runs, which are of one, and the purpose. Of a single run they count
    the epochs.
    """
    if quiet or not runs:
        yield Progress()
    elif not console.is_terminal:
        yield _Lines(runs, console, purpose)
    else:
        with _bars(console) as bars:
            yield _Bar(runs, console, purpose, bars)


class _Shown(Progress):
    """Counts runs, and prints a line for each that came to no good end."""

    def __init__(self, runs: Sequence[Run], console: Console, purpose: Purpose) -> None:
        self.console, self.title = console, f"{runs[0].task.name}, {purpose.title}"
        self.done, self.total = 0, len(runs)

    def ended(self, record: Record) -> None:
        self.done += 1
        if record.outcome != "finished":
            self._print(f"{record.run.task.name}: {_name(record)}: {record.outcome}")

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False)


class _Lines(_Shown):
    """A line at every tenth of the runs, or of the epochs of a single one."""

    def __init__(self, runs: Sequence[Run], console: Console, purpose: Purpose) -> None:
        super().__init__(runs, console, purpose)
        self.begun = time.monotonic()

    def ended(self, record: Record) -> None:
        super().ended(record)
        if self.total > 1 and _is_tenth(self.done, self.total):
            left = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
            remaining = f", about {duration(left)} left" if self.done < self.total else ""
            counts = f"{self.done} of {self.total} runs{remaining}"
            self._print(f"{self.title}: {counts}, the last of them {_name(record)}")

    def epoch(self, epoch: Epoch) -> None:
        if self.total == 1 and _is_tenth(epoch.epoch, epoch.run.epochs):
            point = epoch.point
            loss = "not finite" if point.train_loss is None else f"{point.train_loss:.4f}"
            reached = f"validation accuracy {100 * point.validation_accuracy:.1f}%"
            done = f"epoch {epoch.epoch} of {epoch.run.epochs}"
            self._print(f"{done}: training loss {loss}, {reached}")


class _Bar(_Shown):
    """One bar, over the runs or over the epochs of a single one."""

    def __init__(self, runs: Sequence[Run], console: Console, purpose: Purpose, bars: Bars) -> None:
        super().__init__(runs, console, purpose)
        total = runs[0].epochs if len(runs) == 1 else len(runs)
        self.bars, self.bar = bars, bars.add_task(escape(self.title), total=total)

    def ended(self, record: Record) -> None:
        super().ended(record)
        self.bars.update(self.bar, completed=self.done if self.total > 1 else record.run.epochs)

    def epoch(self, epoch: Epoch) -> None:
        self.bars.update(self.bar, completed=epoch.epoch)


def _name(record: Record) -> str:
    return f"{record.run.method.label}, seed {record.run.seed}"


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


def _bars(console: Console) -> Bars:
    room = max(8, console.width - _BAR)
    description = Column(no_wrap=True, overflow="ellipsis", max_width=room)
    return Bars(
        TextColumn("{task.description}", table_column=description),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        speed_estimate_period=_WINDOW,
    )
