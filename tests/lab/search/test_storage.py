"""Where a search is kept: a journal or a database."""

from pathlib import Path

import pytest
from searches import design, searched
from tiny import TASK

from sssam.lab.search import drive, findings
from sssam.lab.search.storage import Place, mend


@pytest.mark.usefixtures("_untrained")
def test_another_search_of_the_same_name_is_refused(tmp_path: Path) -> None:
    searched(tmp_path, 1, design())
    with pytest.raises(ValueError, match="another rho, knots: search as before, or name another"):
        searched(tmp_path, 1, design(rho=(0.1, 1.0), knots=3))


@pytest.mark.usefixtures("_untrained")
def test_moved_data_and_another_margin_make_no_other_search(tmp_path: Path) -> None:
    whole = searched(tmp_path / "one", 2, design())
    searched(tmp_path / "two", 1, design())
    moved = TASK.model_copy(
        update={"margin": 2.0, "data": TASK.data.model_copy(update={"path": "/elsewhere"})}
    )
    gone_on = searched(tmp_path / "two", 2, design(task=moved)).searches[0]
    assert gone_on.candidates == whole.searches[0].candidates
    longer = TASK.model_copy(update={"epochs": 4})
    with pytest.raises(ValueError, match="with another task: "):
        searched(tmp_path / "two", 2, design(task=longer))


def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "search.journal"
    path.write_text("a diary\nof two lines\n")
    with pytest.raises(ValueError, match="no journal of a search"):
        searched(tmp_path, 1, design())
    assert path.read_text() == "a diary\nof two lines\n"


@pytest.mark.usefixtures("_untrained")
def test_a_torn_last_line_is_kept_aside_and_the_search_goes_on(tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole", 3, design())
    searched(tmp_path / "torn", 2, design())
    path = tmp_path / "torn" / "search.journal"
    with path.open("ab") as file:
        file.write(b'{"op_code":4,"wor')
    assert searched(tmp_path / "torn", 3, design()) == whole
    assert (path.parent / "aside" / "search.journal.torn").read_bytes() == b'{"op_code":4,"wor'
    before = path.read_bytes()
    mend(path)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("_untrained")
def test_a_database_gives_the_same_trials_as_a_journal(tmp_path: Path) -> None:
    where = Place(f"sqlite:///{tmp_path}/search.db")
    drive.search([design()], where, 3)
    assert findings.read([design()], where) == searched(tmp_path, 3, design())


@pytest.mark.parametrize(
    ("url", "error", "told_"),
    [
        ("sqlite:////no/such/folder/x.db", ConnectionError, "can't be"),
        ("nonsense://x", ValueError, "nonsense"),
    ],
)
def test_a_database_that_is_none_is_told_of(url: str, error: type[Exception], told_: str) -> None:
    with pytest.raises(error, match=told_):
        Place(url).open()
