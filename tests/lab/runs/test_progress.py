"""Progress: a table that stays in its place on a terminal, plain lines where there is none."""

import io
import os
import pty
import re
import threading
from collections.abc import Iterator

import pytest
from rich.console import Console
from synthetic import METHODS, records

from sssam.lab.runs.progress import CHOOSING, COMPARING, _Board, _Lines, showing
from sssam.lab.specs import Method, Record
from sssam.lab.training.train import Epoch

MADE = records(METHODS[:3], range(4))
RUNS = [record.run for record in MADE]
UP_AND_ERASE = "\x1b[1A\x1b[2K"


def trained(progress: object, made: list[Record] = MADE) -> None:
    """Calls what a study in one process would, run by run."""
    for record in made:
        for epoch, point in enumerate(record.curve, start=1):
            progress.epoch(Epoch(record.run, epoch, point))  # type: ignore[attr-defined]
        progress.ended(record)  # type: ignore[attr-defined]


class Pty:
    """A pseudo terminal, and all that was written to it."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        self.file = os.fdopen(slave, "w", encoding="utf-8")
        self.heard: list[bytes] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        try:
            while heard := os.read(self.master, 65536):
                self.heard.append(heard)
        except OSError:  # the other end was closed
            return

    def text(self) -> str:
        self.file.close()
        self.reader.join(timeout=10)
        os.close(self.master)
        return b"".join(self.heard).decode()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Pty()


def plain(**options: object) -> Console:
    return Console(file=io.StringIO(), width=200, highlight=False, **options)  # type: ignore[arg-type]


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_on_a_terminal_bars_and_table_stay_in_their_place(terminal: Pty) -> None:
    console = Console(file=terminal.file, width=120, height=30)
    assert console.is_terminal
    with showing(RUNS, console, quiet=False) as progress:
        trained(progress)
    text = terminal.text()
    assert UP_AND_ERASE in text
    assert "all runs" in text
    assert "12/12" in text
    assert text.rstrip().endswith("\x1b[2K")  # nothing is left of it in the end


def test_without_a_terminal_there_are_lines_and_no_escapes() -> None:
    console = plain()
    with showing(RUNS, console, quiet=False) as progress:
        trained(progress)
    lines = said(console).splitlines()
    assert len(lines) == 10
    assert "\x1b" not in said(console)
    assert lines[-1] == "noisy-digits, comparing: 12 of 12 runs, the last of them SAM, seed 3"


def test_lines_and_table_name_the_task_and_the_purpose(terminal: Pty) -> None:
    for purpose in (CHOOSING, COMPARING.of(2, 3)):
        console = plain()
        with showing(RUNS, console, quiet=False, purpose=purpose) as progress:
            trained(progress)
        assert all(
            line.startswith(f"noisy-digits, {purpose.title}: ")
            for line in said(console).splitlines()
        )
    assert purpose.title == "task 2 of 3, comparing"
    with showing(RUNS, Console(file=terminal.file, width=120, height=30), False, purpose):
        pass
    assert "noisy-digits, task 2 of 3, comparing" in terminal.text()


def test_what_is_chosen_by_is_shown_on_validation_samples() -> None:
    made = [r.model_copy(update={"validation_accuracy": 0.25}) for r in MADE]
    console = plain(force_terminal=True, height=40, color_system=None)
    board = _Board(RUNS, console, CHOOSING)
    trained(board, made)
    console.print(board.render())
    assert "validation accuracy" in said(console)
    assert " 25.0 " in said(console)


def test_the_table_counts_each_row_and_averages_it() -> None:
    console = plain(force_terminal=True, height=40, color_system=None)
    board = _Board(RUNS, console)
    trained(board, MADE[:6])
    console.print(board.render())
    lines = {line.split("  ")[0].strip(): line.split() for line in said(console).splitlines()}
    mean = sum(100 * record.test_accuracy for record in MADE[:4]) / 4  # type: ignore[operator]
    assert lines["base"][1:4] == ["4/4", f"{mean:.1f}", "1.00"]
    assert "2/4" in lines["base 2x steps"]
    assert lines["SAM"][1:] == ["0/4"]


def test_a_run_under_way_has_its_bar_until_it_ends() -> None:
    console = plain(force_terminal=True, height=40)
    board = _Board(RUNS, console)
    board.epoch(Epoch(RUNS[0], 10, MADE[0].curve[9]))
    console.print(board.render())
    assert "base, seed 0" in said(console)
    assert "10/40" in said(console)
    assert board.bars.tasks[0].completed == pytest.approx(0.25)
    board.ended(MADE[0])
    assert [task.description for task in board.bars.tasks] == ["[bold]all runs[/]"]
    assert board.bars.tasks[0].completed == 1


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("label", ["SAM", "SS-SAM late half", "a very long label " * 4])
def test_bars_counts_and_times_have_room_on_every_terminal(width: int, label: str) -> None:
    record, other = records([Method(label=label, kind="base")], range(1000, 1002), {label: 90.0})
    console = plain(force_terminal=True, color_system=None)
    console.width = width
    board = _Board([record.run, other.run], console)
    board.epoch(Epoch(record.run, 36, record.curve[9]))
    board.console.print(board.render())
    lines = [line for line in said(board.console).splitlines() if line.strip()]
    _, _, row, *bars = lines
    assert " 0/2 " in row
    assert len(bars) == 2
    assert all("\N{BOX DRAWINGS HEAVY HORIZONTAL}" * 5 in line for line in bars)
    assert all(re.search(r" \d+/\d+ +\d:\d\d:\d\d [-\d]+:", line) for line in bars)
    assert all(len(line) <= width for line in lines)


def test_the_time_left_is_known_after_the_first_epoch_of_long_runs() -> None:
    times = iter(range(0, 10_000_000, 100))
    board = _Board(RUNS, plain(force_terminal=True))
    board.bars.get_time = lambda: float(next(times))
    board.bars.reset(board.all)
    for epoch in (10, 20, 30, 40):
        board.epoch(Epoch(RUNS[0], epoch, MADE[0].curve[epoch - 1]))
    assert board.bars.tasks[0].time_remaining is not None
    assert board.bars.tasks[0].time_remaining > 0


def test_more_rows_than_the_terminal_is_high_are_counted() -> None:
    methods = [Method(label=f"row {i}", kind="base", length=i + 1) for i in range(40)]
    board = _Board(
        [r.run for r in records(methods, range(1))], plain(force_terminal=True, height=20)
    )
    board.console.print(board.render())
    assert "and 29 more" in said(board.console)
    assert len(said(board.console).splitlines()) < 20


def test_runs_that_came_to_no_good_end_are_named() -> None:
    failed = MADE[0].model_copy(update={"outcome": "failed", "test_accuracy": None})
    console = plain()
    with showing(RUNS, console, quiet=False) as progress:
        progress.ended(failed)
    assert said(console) == "noisy-digits: base, seed 0: failed\n"
    shown = plain(force_terminal=True, height=40)
    board = _Board(RUNS, shown)
    board.ended(failed)
    shown.print(board.render())
    assert "1 failed" in said(shown)


def test_lines_tell_about_how_long_it_takes() -> None:
    times = iter([0.0, *range(100, 2000, 100)])
    console = plain()
    lines = _Lines(RUNS[:10], console, clock=lambda: next(times))
    for _ in range(10):
        lines.ended(MADE[0])
    assert (
        said(console)
        .splitlines()[0]
        .startswith("noisy-digits, comparing: 1 of 10 runs, about 15 min left, the last")
    )
    assert "left" not in said(console).splitlines()[-1]


def test_names_are_no_markup() -> None:
    method = Method(label="[red]a[/red] [", kind="base")
    made = records([method], range(2))
    for options in ({}, {"force_terminal": True, "height": 30, "color_system": None}):
        console = plain(**options)
        with showing([record.run for record in made], console, quiet=False) as progress:
            trained(progress, made)
        assert "[red]a[/red] [" in said(console)


def test_quiet_says_nothing() -> None:
    console = plain(force_terminal=True)
    with showing(RUNS, console, quiet=True) as progress:
        trained(progress)
    assert said(console) == ""


@pytest.mark.parametrize("on_terminal", [True, False])
def test_one_run_has_a_bar_or_lines(terminal: Pty, on_terminal: bool) -> None:
    console = Console(file=terminal.file, width=150) if on_terminal else plain()
    with showing(RUNS[:1], console, quiet=False) as progress:
        for epoch, point in enumerate(MADE[0].curve, start=1):
            progress.epoch(Epoch(RUNS[0], epoch, point))
    text = terminal.text()
    if on_terminal:
        assert "40/40" in text
    else:
        assert said(console).splitlines()[-1].startswith("epoch 40 of 40: training loss ")
        assert len(said(console).splitlines()) == 10
