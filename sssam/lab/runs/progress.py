"""Progress while runs are trained: a bar on a terminal, a line every now and then elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
) -> Iterator["Progress"]:
    """A bar on a terminal, a line every now and then elsewhere, nothing if `quiet`.

    Both name the task of the runs, which are of one, and the purpose. Of a single run they count
    the epochs.
    """
    bars = _bars(console) if console.is_terminal and not quiet else None
    with bars or nullcontext():
        yield Progress(runs, Console(quiet=True) if quiet else console, purpose, bars)


class Progress:
    """What is called while runs are trained: a bar, or a line at every tenth of the way."""

    def __init__(
        self, runs: Sequence[Run], console: Console, purpose: Purpose, bars: Bars | None
    ) -> None:
        self.console, self.title = console, f"{runs[0].task.name}, {purpose.title}"
        self.done, self.total, self.begun = 0, len(runs), time.monotonic()
        steps = runs[0].epochs if self.total == 1 else self.total
        self.bars = bars
        self.bar = bars.add_task(escape(self.title), total=steps) if bars else None

    def ended(self, record: Record) -> None:
        """A run ended; one that came to no good end is named."""
        self.done += 1
        name = f"{record.run.method.label}, seed {record.run.seed}"
        if record.outcome != "finished":
            self._print(f"{record.run.task.name}: {name}: {record.outcome}")
        if self.total == 1:
            self._advance(record.run.epochs, record.run.epochs)
        else:
            left = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
            remaining = f", about {duration(left)} left" if self.done < self.total else ""
            counts = f"{self.done} of {self.total} runs{remaining}"
            line = f"{self.title}: {counts}, the last of them {name}"
            self._advance(self.done, self.total, line)

    def epoch(self, epoch: Epoch) -> None:
        """An epoch of a single run ended."""
        point = epoch.point
        loss = "not finite" if point.train_loss is None else f"{point.train_loss:.4f}"
        reached = f"validation accuracy {100 * point.validation_accuracy:.1f}%"
        done = f"epoch {epoch.epoch} of {epoch.run.epochs}"
        line = f"{done}: training loss {loss}, {reached}"
        self._advance(epoch.epoch, epoch.run.epochs, line)

    def _advance(self, done: int, total: int, line: str = "") -> None:
        if self.bars is not None and self.bar is not None:
            self.bars.update(self.bar, completed=done)
        elif line and 10 * done // total > 10 * (done - 1) // total:
            self._print(line)

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False)


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
