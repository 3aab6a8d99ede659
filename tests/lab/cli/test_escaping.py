"""What users name their runs is shown in a terminal as it is, and steers nothing there."""

import io

import pytest
from pydantic import ValidationError
from rich.console import Console
from synthetic import METHODS, TASK, records

from sssam.lab.cli import results, terminal
from sssam.lab.comparison.compare import compare
from sssam.lab.specs import Method


@pytest.mark.parametrize("label", ["[bold red]x[/]", "[/]", "[link=http://a.b]x[/link]", ":smile:"])
def test_a_label_is_no_markup(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    methods = (*METHODS[:3], Method(label=label, kind="base", length=3))
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=True, color_system="truecolor")
    monkeypatch.setattr(terminal, "console", lambda stderr=False: console)
    results.present(compare(TASK, methods, range(2), records(methods, range(2))))
    assert label in out.getvalue()


@pytest.mark.parametrize("label", ["\x1b[2Jx", "x\x1b]0;title\x07", "a\rb", "a\nb"])
def test_a_label_steers_no_terminal(label: str) -> None:
    with pytest.raises(ValidationError, match="label"):
        Method(label=label, kind="base")
