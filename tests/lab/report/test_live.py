"""The page follows a running study: each look finds what is new, and the last one is still."""

from pathlib import Path

import pytest
from synthetic import METHODS, TASK
from synthetic import records as made

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import page as pages
from sssam.lab.report.live import live
from sssam.lab.runs import store as records
from sssam.lab.specs import Record

CHOSEN, SEEDS = METHODS[:3], range(2)


def compared(found: list[Record]) -> Comparison:
    return compare(TASK, CHOSEN, SEEDS, found)


class Study:
    """A study that ends one run at each wait, and the pages that are there then."""

    def __init__(self, folder: Path, runs: list[Record]) -> None:
        self.folder, self.left = folder, list(runs)
        self.pages: list[str] = []

    def wait(self, seconds: float) -> None:
        self.pages.append((self.folder.parent / "comparison.html").read_text())
        records.write(self.left.pop(0), self.folder)


@pytest.fixture
def drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts are for other tests."""
    monkeypatch.setattr(pages, "figures", lambda comparison, axis="passes": [])


@pytest.mark.usefixtures("drawn_once")
def test_each_record_gives_a_page_and_the_last_a_still_one(tmp_path: Path) -> None:
    folder = tmp_path / "records"  # not there yet
    study = Study(folder, made(CHOSEN, SEEDS))
    written = live(folder, compared, wait=study.wait)
    said = [f"Live: {done} of 6 runs are in" for done in range(6)]
    assert all(words in page for words, page in zip(said, study.pages, strict=True))
    assert written.page == tmp_path / "comparison.html"
    assert "Live:" not in written.page.read_text()
    assert all(path.exists() for path in written.texts)


@pytest.mark.usefixtures("drawn_once")
def test_a_complete_study_is_written_once_without_waiting(tmp_path: Path) -> None:
    for record in made(CHOSEN, SEEDS):
        records.write(record, tmp_path / "records")
    study = Study(tmp_path / "records", [])
    live(tmp_path / "records", compared, out=tmp_path / "out", wait=study.wait)
    assert study.pages == []
    assert (tmp_path / "out" / "comparison.html").exists()


@pytest.mark.usefixtures("drawn_once")
def test_ctrl_c_leaves_a_still_page(tmp_path: Path) -> None:
    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        live(tmp_path / "records", compared, wait=stop)
    assert "Live:" not in (tmp_path / "comparison.html").read_text()


@pytest.mark.usefixtures("drawn_once")
def test_torn_files_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "0123456789abcdef.json").write_text('{"torn')
    study = Study(folder, made(CHOSEN, SEEDS))
    live(folder, compared, wait=study.wait)
    assert study.left == []
