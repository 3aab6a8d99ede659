"""The studies that are kept load with the present code, and the texts quote their numbers."""

import gzip
import re
from pathlib import Path

import pytest

from sssam.lab.comparison.values import Comparison
from sssam.lab.report.table import markdown
from sssam.lab.specs import Record
from sssam.lab.stats import Interval
from sssam.lab.studies import conduct

ROOT = Path(__file__).parents[2]
KEPT = sorted(path.parent for path in ROOT.glob("studies/**/comparison.json"))
RECORDED = sorted(path.parent for path in ROOT.glob("studies/**/records.jsonl.gz"))
DEMO = ROOT / "studies/demo"
each_study = pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)


def read(folder: Path) -> Comparison:
    return Comparison.model_validate_json((folder / "comparison.json").read_bytes())


def records(folder: Path) -> dict[str, Record]:
    with gzip.open(folder / "records.jsonl.gz", "rt") as lines:
        return {record.id: record for record in map(Record.model_validate_json, lines)}


@each_study
def test_a_kept_comparison_is_what_its_markdown_shows(folder: Path) -> None:
    comparison = read(folder)
    assert comparison.missing == 0
    assert (folder / "comparison.md").read_text() == markdown(comparison)


ABSOLUTE = re.compile(r'"path": *"[/\\\\]|"[A-Z]:\\\\')


@each_study
def test_a_kept_study_names_no_machine_s_folder(folder: Path) -> None:
    texts = [path.read_text() for path in folder.glob("*.json")]
    with gzip.open(folder / "records.jsonl.gz", "rt") as lines:
        assert [text for text in [*texts, *lines] if ABSOLUTE.search(text)] == []


@each_study
def test_the_base_of_a_kept_study_was_tuned(folder: Path) -> None:
    comparison = read(folder)
    assert "base" in {tuning.label for tuning in comparison.tuning}
    assert "untuned_base" not in {reason.kind for reason in comparison.reasons}


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_the_records_of_a_study_answer_it(folder: Path) -> None:
    """What was chosen is chosen again, and the comparison's accuracies are those of the records."""
    study, stored = conduct.load(folder), records(folder)
    (part,) = study.parts
    decided = conduct.decide(study, part, conduct.reader(stored, part.task.name))
    assert [run for run in conduct.wanted(study, decided) if run.id not in stored] == []
    if folder not in KEPT:
        return
    again = conduct.compared(study, decided, stored.values(), folder)
    kept = {v.label: (v.method, v.accuracies) for v in read(folder).variants}
    assert {v.label: (v.method, v.accuracies) for v in again.variants} == kept


def test_the_findings_quote_the_demo() -> None:
    kept = read(DEMO)
    assert kept.best is None
    found = {v.label: v for v in kept.variants}
    text = (ROOT / "docs/findings.md").read_text()
    gains = [
        found[label].to_base
        for label in ("SAM", "SS-SAM late half", "late half 1/8 ascent, EMA", "base 2x length")
    ]
    shown = [f"{g.mean:+.1f} [{g.low:+.1f}, {g.high:+.1f}]" for g in gains if g is not None]
    assert f"| {re.sub(r'[+-]0[.]0', '0.0', ' | '.join(shown))} |" in text


INTERVAL = re.compile(r"[+-]?\d+(?:\.\d+)?%? \[[+-]?\d+(?:\.\d+)?, [+-]?\d+(?:\.\d+)?\]")


@each_study
def test_each_interval_of_a_study_s_table_is_one_of_its_comparison(folder: Path) -> None:
    table = [line for line in (folder / "README.md").read_text().splitlines() if line[:1] == "|"]
    quoted = INTERVAL.findall("\n".join(table))
    shown = set(INTERVAL.findall((folder / "comparison.md").read_text()))
    assert quoted
    assert [text for text in quoted if text not in shown] == []


def rounded(gain: Interval) -> str:
    numbers = f"{gain.mean:+.1f} [{gain.low:+.1f}, {gain.high:+.1f}]"
    return re.sub(r"[+-]0\.0", "0.0", numbers)


@each_study
def test_the_findings_quote_each_study(folder: Path) -> None:
    lines = (ROOT / "docs/findings.md").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith(f"| [{folder.name}](")]
    quoted = [re.sub(r"[+-]0\.0", "0.0", text) for text in INTERVAL.findall(row)]
    gains = {rounded(v.to_base) for v in read(folder).variants if v.to_base is not None}
    assert len(quoted) == 4
    assert [text for text in quoted if text not in gains] == []
