"""Progress while runs are trained: a bar on a terminal, a line every now and then elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from rich import progress
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.table import Column

from sssam.lab.specs import Point, Record

#: Speed is taken over all that was done: single runs may take longer than any shorter window.
_WINDOW = 7 * 24 * 3600.0
#: Columns of a terminal that the bar with its counts and times takes beside its description.
_BAR = 50


@contextmanager
def showing(title: str, total: int, console: Console, quiet: bool) -> Iterator["ProgressDisplay"]:
    """A bar on a terminal, a line every now and then elsewhere, nothing if `quiet`."""
    bars = _bars(console) if console.is_terminal and not quiet else None
    with bars or nullcontext():
        yield ProgressDisplay(title, total, Console(quiet=True) if quiet else console, bars)


class ProgressDisplay:
    """What is called while runs are trained: a bar, or a line at every tenth of the way.

    Counted to `total` are runs, or the epochs of a single one.
    """

    def __init__(self, title: str, total: int, console: Console, bars: Bars | None) -> None:
        self.title, self.total, self.console, self.bars = title, total, console, bars
        self.done, self.begun = 0, time.monotonic()
        self.bar = bars.add_task(escape(title), total=total) if bars else None

    def ended(self, record: Record) -> None:
        """A run ended; one that came to no good end is named."""
        name = f"{record.run.method.label}, seed {record.run.seed}"
        if record.outcome != "finished":
            self._print(f"{record.run.task.name}: {name}: {record.outcome}")
        done = self.done + 1
        left = (time.monotonic() - self.begun) / done * (self.total - done)
        remaining = f", about {timedelta(seconds=round(left))} left" if done < self.total else ""
        counts = f"{done} of {self.total} runs{remaining}"
        self._advance(f"{self.title}: {counts}, the last of them {name}")

    def epoch(self, curve: Sequence[Point]) -> None:
        """An epoch of a single run ended, the first perhaps after those of a checkpoint."""
        point, epoch = curve[-1], len(curve)
        self.done = epoch - 1
        loss = "not finite" if point.train_loss is None else f"{point.train_loss:.4f}"
        reached = f"validation accuracy {100 * point.validation_accuracy:.1f}%"
        self._advance(f"epoch {epoch} of {self.total}: training loss {loss}, {reached}")

    def _advance(self, line: str) -> None:
        self.done += 1
        if self.bars is not None and self.bar is not None:
            self.bars.update(self.bar, completed=self.done)
        elif 10 * self.done // self.total > 10 * (self.done - 1) // self.total:
            self._print(line)

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False)


def _bars(console: Console) -> Bars:
    room = max(8, console.width - _BAR)
    description = Column(no_wrap=True, overflow="ellipsis", max_width=room)
    return Bars(
        progress.TextColumn("{task.description}", table_column=description),
        progress.BarColumn(bar_width=20),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        speed_estimate_period=_WINDOW,
    )
