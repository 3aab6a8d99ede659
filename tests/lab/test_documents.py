"""Documents say what is so: command lines parse, study files can be read, tables are up to date."""

import gzip
import json
import re
import shlex
import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest

from docs import make_tables
from docs.make_tables import FACTS
from sssam.lab import tasks
from sssam.lab.cli import app
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Method, Task
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
    *ROOT.glob("studies/*/README.md"),
    *ROOT.glob("studies/*/study.toml"),
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


def _cells(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """The measured column, its heading under "method"."""
    lines = make_tables.choosing(comparisons).splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {line[1].strip("`"): line[8] for line in cells}


def test_each_measured_figure_says_on_which_task_it_was_made() -> None:
    family, norm = make_tables.comparisons()
    cells, there = _cells((family, norm)), _cells((norm,))
    assert cells["method"] == "gain over the base on noisy-digits"
    assert {name for name, cell in cells.items() if "*on " in cell} == set(ELSEWHERE)
    for name in ELSEWHERE:
        beside = f"`SAM` there {there['SAM']}"
        assert cells[name] == f"*on noisy-digits-resnet8* {there[name]}; {beside}"
    assert set(_cells(()).values()) == {"---", "gain over the base", make_tables.NOT_MEASURED}


#: Validation and test accuracy, the second in percent, of one row's runs by seed.
Runs = dict[int, tuple[float, float]]


def _kept(folder: Path, comparison: Comparison) -> dict[str, dict[tuple[float, int], Runs]]:
    """The runs kept beside a comparison, by label, then by rho and length."""
    kept: dict[str, dict[tuple[float, int], Runs]] = {}
    with gzip.open(folder / "records.jsonl.gz", "rt") as file:
        for record in map(json.loads, file):
            run, test = record["run"], 100 * (record["test_accuracy"] or 0.0)
            assert Task.model_validate(run["task"]) == comparison.task
            method = run["method"]
            runs = kept.setdefault(method["label"], {})
            of_setting = runs.setdefault((method["rho"], method["length"]), {})
            of_setting[run["seed"]] = (record["validation_accuracy"] or 0.0, test)
    return kept


@pytest.mark.parametrize("study", make_tables.STUDIES, ids=lambda path: path.parent.name)
def test_comparisons_of_the_table_are_what_their_records_say(study: Path) -> None:
    comparison = Comparison.model_validate_json(study.read_bytes())
    kept, base = _kept(study.parent, comparison), comparison.base
    assert base is not None
    for row in comparison.variants:
        runs = kept[row.label][row.method.rho, row.method.length]
        tests = {seed: runs[seed][1] for seed in comparison.seeds}
        assert row.accuracies == pytest.approx(tests, abs=1e-9)
        if row.to_base is not None:
            gains = [tests[seed] - base.accuracies[seed] for seed in comparison.seeds]
            assert row.to_base.mean == pytest.approx(statistics.fmean(gains), abs=1e-9)


@pytest.mark.parametrize("study", make_tables.STUDIES, ids=lambda path: path.parent.name)
def test_each_rho_of_the_table_was_the_best_of_equally_many_on_validation_images(
    study: Path,
) -> None:
    comparison = Comparison.model_validate_json(study.read_bytes())
    kept, trials = _kept(study.parent, comparison), set()
    for row in (row for row in comparison.variants if row.method.kind != "base"):
        means: dict[float, float] = {}
        for (rho, _), runs in kept[row.label].items():
            chosen_on = [runs[seed][0] for seed in runs if seed not in comparison.seeds]
            assert len(chosen_on) == 5
            means[rho] = statistics.fmean(chosen_on)
        assert row.method.rho == max(means, key=lambda rho: (means[rho], -rho))
        assert min(means) < row.method.rho < max(means)
        trials.add(len(means))
    assert len(trials) == 1


ELSEWHERE = {
    "SAMON": "SAMON",
    "AESAM(look=True)": "AE-LookSAM",
    "WSAM(decoupled=False)": "WSAM coupled",
}
STUDY_ROWS = {
    "family": {fact.label for fact in FACTS} - set(ELSEWHERE.values()),
    "norm": {"SAM", "MSAM", *ELSEWHERE.values()},
}


@pytest.mark.parametrize("name", STUDY_ROWS)
def test_rows_of_the_studies_are_those_of_the_table(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studyfile.checks, "check", lambda *_: None)
    study = studyfile.read(ROOT / "studies" / name / "study.toml")
    (part,) = study.parts
    rows: dict[str, Method] = {each.label: each.start for each in part.variants}
    facts = {fact.label: fact for fact in FACTS}
    assert set(rows) & set(facts) == STUDY_ROWS[name]
    for label in STUDY_ROWS[name]:
        row, fact = rows[label], facts[label].method
        built = (row.kind, row.options, row.schedule)
        assert built == (fact.kind, fact.options, fact.schedule)


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs one line"):
        make_tables.written("no marks", "| a |\n")
