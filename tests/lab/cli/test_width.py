"""At 80 columns nothing is wider, and no word is broken."""

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console
from synthetic import METHODS, TASK, records

from sssam.lab.cli import COMMANDS, main, results, terminal
from sssam.lab.comparison.compare import compare

NAMES = [command.__name__.strip("_") for command in COMMANDS]
FRAME = re.compile(r"[╭╮╰╯│─┃━]")


def words(text: str) -> set[str]:
    return set(FRAME.sub(" ", text).split())


@pytest.mark.parametrize("words_", [[], *([name] for name in NAMES), ["--install-completion"]])
def test_help_breaks_no_word(
    words_: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for width in (80, 1000):
        monkeypatch.setenv("COLUMNS", str(width))
        assert main([*words_, "--help"]) == 0
        found[width] = capsys.readouterr().out
    assert max(map(len, found[80].splitlines())) <= 80
    assert words(found[80]) <= words(found[1000])


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What is printed on a terminal of a width."""

    def printed(width: int, print_: Callable[..., object], *arguments: object) -> str:
        out = io.StringIO()
        console = Console(file=out, width=width, force_terminal=True, color_system=None)
        monkeypatch.setattr(terminal, "console", lambda stderr=False: console)
        print_(*arguments)
        return out.getvalue()

    return printed


@pytest.mark.parametrize("name", ["methods", "tasks"])
def test_lists_break_no_word(name: str, printed: Callable[..., str]) -> None:
    narrow, wide = (printed(width, main, [name]) for width in (80, 1000))
    assert words(narrow) == words(wide)
    assert max(map(len, narrow.splitlines())) <= 80


def test_a_comparison_leaves_columns_out_and_breaks_no_word(printed: Callable[..., str]) -> None:
    comparison = compare(TASK, METHODS, range(4), records(METHODS, range(4)))
    narrow, wide = (printed(width, results.present, comparison) for width in (80, 1000))
    assert words(narrow) < words(wide)
    assert max(map(len, narrow.splitlines())) <= 80


def test_a_path_is_whole_however_long(printed: Callable[..., str]) -> None:
    path = "/".join(["folder"] * 20)
    assert printed(80, terminal.say, f"The page: {path}") == f"The page:\n{path}\n"
