"""Progress: a bar that stays in its place on a terminal, plain lines where there is none."""

import io
import os
import pty
import re
import threading
from collections.abc import Iterator

import pytest
from rich.console import Console
from synthetic import METHODS, records

from sssam.lab.runs import progress as progress_module
from sssam.lab.runs.progress import showing
from sssam.lab.specs import Record

MADE = records(METHODS[:3], range(4))
RUNS = [record.run for record in MADE]
TITLE = "noisy-digits, comparing"


def trained(progress: object, made: list[Record] = MADE) -> None:
    """Calls what a study would, run by run."""
    for record in made:
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


def test_on_a_terminal_the_bar_stays_in_its_place(terminal: Pty) -> None:
    console = Console(file=terminal.file, width=120, height=30)
    assert console.is_terminal
    with showing(TITLE, 12, console, quiet=False) as progress:
        trained(progress)
    text = terminal.text()
    assert "\x1b[2K" in text
    assert "12/12" in text
    assert text.rstrip().endswith("\x1b[2K")  # nothing is left of it in the end


def test_without_a_terminal_there_are_lines_and_no_escapes() -> None:
    console = plain()
    with showing(TITLE, 12, console, quiet=False) as progress:
        trained(progress)
    lines = said(console).splitlines()
    assert len(lines) == 10
    assert "\x1b" not in said(console)
    assert lines[-1] == "noisy-digits, comparing: 12 of 12 runs, the last of them SAM, seed 3"


def test_lines_and_bar_begin_with_the_title(terminal: Pty) -> None:
    console = plain()
    with showing(TITLE, 12, console, quiet=False) as progress:
        trained(progress)
    assert all(line.startswith(f"{TITLE}: ") for line in said(console).splitlines())
    with showing(TITLE, 12, Console(file=terminal.file, width=120, height=30), False):
        pass
    assert TITLE in terminal.text()


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", ["digits", "a very long name " * 4])
def test_bar_counts_and_times_have_room_on_every_terminal(width: int, name: str) -> None:
    console = plain(force_terminal=True, color_system=None)
    console.width = width
    with showing(name, 12, console, quiet=False) as progress:
        trained(progress, MADE[:6])
        console.print(progress.bars)  # type: ignore[attr-defined]
    (line, *_) = [line for line in said(console).splitlines() if "6/12" in line]
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" * 5 in line
    assert re.search(r" 6/12 +\d:\d\d:\d\d [-\d]+:", line)
    assert len(line) <= width


def test_runs_that_came_to_no_good_end_are_named() -> None:
    failed = MADE[0].model_copy(update={"outcome": "failed", "test_accuracy": None})
    console = plain()
    with showing(TITLE, 12, console, quiet=False) as progress:
        progress.ended(failed)
    assert said(console) == "noisy-digits: base, seed 0: failed\n"


def test_lines_say_about_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, *range(100, 2000, 100)])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(times))
    console = plain()
    with showing(TITLE, 10, console, quiet=False) as progress:
        for _ in range(10):
            progress.ended(MADE[0])
    assert (
        said(console)
        .splitlines()[0]
        .startswith("noisy-digits, comparing: 1 of 10 runs, about 0:15:00 left, the last")
    )
    assert "left" not in said(console).splitlines()[-1]


def test_names_are_no_markup() -> None:
    for options in ({}, {"force_terminal": True, "height": 30, "color_system": None}):
        console = plain(**options)
        with showing("[red]a[/red] [, comparing", 12, console, quiet=False) as progress:
            trained(progress)
        assert "[red]a[/red] [, comparing" in said(console)


def test_quiet_says_nothing() -> None:
    console = plain(force_terminal=True)
    with showing(TITLE, 12, console, quiet=True) as progress:
        trained(progress)
    assert said(console) == ""


@pytest.mark.parametrize("on_terminal", [True, False])
def test_one_run_has_a_bar_or_lines(terminal: Pty, on_terminal: bool) -> None:
    console = Console(file=terminal.file, width=150) if on_terminal else plain()
    with showing(TITLE, RUNS[0].epochs, console, quiet=False) as progress:
        for epoch in range(RUNS[0].epochs):
            progress.epoch(MADE[0].curve[: epoch + 1])
    text = terminal.text()
    if on_terminal:
        assert "40/40" in text
    else:
        assert said(console).splitlines()[-1].startswith("epoch 40 of 40: training loss ")
        assert len(said(console).splitlines()) == 10
