"""The working directory of the tests of commands on a user's own task."""

from pathlib import Path

import pytest
from commands import STUDY, TASK

from sssam.lab.report import page as report


@pytest.fixture
def plain_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages take seconds to draw, and other tests look at them."""

    def write(comparison, folder: Path, *_: object, **__: object) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "comparison.json").write_text(comparison.model_dump_json())
        return [folder / "comparison.html"]

    monkeypatch.setattr(report, "write", write)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a study and its task in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(TASK)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path
