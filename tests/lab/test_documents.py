"""Documents say what is so: command lines parse, study files can be read, tables are up to date."""

import re
import shlex
from pathlib import Path

import pytest

from docs import make_tables
from docs.make_tables import FACTS
from sssam.lab import tasks
from sssam.lab.cli import app
from sssam.lab.studies import studyfile
from sssam.lab.training import methods

ROOT = make_tables.ROOT
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _commands(path: Path) -> list[str]:
    """What a document tells to type: lines of `$ sssam ...`, and indented ones."""
    text = path.read_text()
    lines = re.findall(r"^(?:\$ |    |#     )(sssam [^\n]*)$", text, re.MULTILINE)
    return [line.partition("  #")[0].strip() for line in lines]


DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("studies/**/README.md"),
    *ROOT.glob("studies/**/study.toml"),
]
COMMANDS = {(path.relative_to(ROOT).as_posix(), c) for path in DOCUMENTS for c in _commands(path)}


def test_there_are_command_lines() -> None:
    assert len(COMMANDS) > 30
    assert {name for name, _ in COMMANDS} >= {"README.md", "docs/laboratory.md"}


@pytest.mark.parametrize(("document", "line"), sorted(COMMANDS))
def test_command_lines_parse(document: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    if not {"--help", "--version"} & set(words):
        _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        assert bound.arguments is not None


@pytest.mark.parametrize(
    "text",
    [
        body
        for kind, body in FENCED.findall((ROOT / "docs/laboratory.md").read_text())
        if kind == "toml"
    ],
)
def test_study_files_in_the_documents_can_be_read(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studyfile.checks, "check", lambda *_: None)
    monkeypatch.setattr(tasks, "find", lambda name, _, new: tasks.changed(tasks.TASKS[name], new))
    monkeypatch.setattr(studyfile.settings, "recipe", lambda _: {})  # the data may be far away
    (tmp_path / "study.toml").write_text(text)
    assert len(studyfile.read(tmp_path / "study.toml").parts) == 2


def test_the_table_of_methods_is_up_to_date() -> None:
    [(name, table)] = make_tables.documents().items()
    document = (ROOT / name).read_text()
    assert make_tables.written(document, table) == document, "run `python docs/make_tables.py`"


def test_every_kind_of_method_is_in_the_table() -> None:
    assert {fact.method.kind for fact in FACTS} == set(methods.KINDS) - {"base"}


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs one line"):
        make_tables.written("no marks", "| a |\n")
