"""`sssam rho`: a table of rises, a suggestion, and the plot."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from commands import Capture, call

from sssam.lab.training import radius
from sssam.lab.training.radius import RADII


def test_a_radius_is_suggested_and_drawn(folder: Path, capsys: Capture) -> None:
    out, _ = call(capsys, "rho", "mine.py", "--rise", "0.1", "--out", "rho.svg")
    head, *rows = out.splitlines()[: len(RADII) + 1]
    assert head.split()[:3] == ["rho", "at", "0%"]
    assert [float(row.split()[0]) for row in rows] == list(RADII)
    found = re.search(r"At rho ([\d.]+) the loss rises by 0.1", out)
    assert found is not None
    assert 0.001 < float(found[1]) < 10
    picture = ElementTree.parse(folder / "rho.svg").getroot()
    assert f"At rho {found[1]} the loss rises by 0.1" in picture.attrib["aria-label"]
    assert not (folder / "sssam-results").exists()


def test_a_rise_that_is_not_reached_is_said(folder: Path, capsys: Capture) -> None:
    out, _ = call(capsys, "rho", "mine.py", "--rise", "1e9")
    assert "No radius is suggested: the loss rises by 1e+09 nowhere" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--rise", "0"], "Must be > 0."),
        (["--rise", "inf"], "Must be < inf."),
        (["--epochs", "0"], "Must be >= 1."),
        (["--out", "rho.gif"], 'supported extensions {"svg", "pdf", "png"}'),
    ],
)
def test_bad_arguments_are_refused_before_training(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, words: list[str], text: str
) -> None:
    monkeypatch.setattr(radius, "rises", lambda *_: pytest.fail("it trained"))
    _, errors = call(capsys, "rho", "mine.py", *words, code=2)
    assert text in errors


def test_a_base_that_diverges_is_one_line(folder: Path, capsys: Capture) -> None:
    text = Path("mine.py").read_text().replace('"epochs": 2', '"epochs": 2, "learning_rate": 1e30')
    Path("mine.py").write_text(text)
    _, errors = call(capsys, "rho", "mine.py", code=1)
    assert "the base optimizer diverges; lower the learning rate first" in errors
