"""The studies that are kept load with the present code, and the texts quote their numbers."""

import gzip
import re
from pathlib import Path

import pytest

from sssam.lab.comparison.values import Comparison
from sssam.lab.report.table import markdown
from sssam.lab.specs import Record
from sssam.lab.studies import conduct

ROOT = Path(__file__).parents[2]
KEPT = sorted(path.parent for path in ROOT.glob("studies/**/comparison.json"))
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


@each_study
def test_the_base_of_a_kept_study_was_tuned(folder: Path) -> None:
    comparison = read(folder)
    assert "base" in {tuning.label for tuning in comparison.tuning}
    assert "untuned_base" not in {reason.kind for reason in comparison.reasons}


@each_study
def test_the_records_of_a_study_answer_it(folder: Path) -> None:
    """What was chosen is chosen again, and the comparison's accuracies are those of the records."""
    study, stored, kept = conduct.load(folder), records(folder), read(folder)
    (part,) = study.parts
    decided = conduct.decide(study, part, conduct.reader(stored, part.task.name))
    assert [run for run in conduct.wanted(study, decided) if run.id not in stored] == []
    again = conduct.compared(study, decided, stored.values(), folder)
    assert {v.label: v.accuracies for v in again.variants} == {
        v.label: v.accuracies for v in kept.variants
    }
    assert {v.label: v.method.rho for v in again.variants} == {
        v.label: v.method.rho for v in kept.variants
    }


def test_readme_says_what_was_found_over_a_tuned_base() -> None:
    kept = read(DEMO)
    words = re.sub(r"\s+", " ", (ROOT / "README.md").read_text())
    assert f"{len(kept.seeds)} seeds, paired" in words
    assert kept.best is None
    assert not any(v.claim and v.claim.established for v in kept.variants)
    found = {v.label: v for v in kept.variants}
    for label in ("SAM", "late half 1/8 ascent"):
        gain = found[label].to_base
        assert gain is not None
        assert f"{gain.mean:+.1f} points [{gain.low:+.1f}" in words.replace(
            "+0.2 [", "+0.2 points ["
        )
    cheap = found["late half 1/8 ascent"].seconds
    assert f"1.06 passes and {cheap:.2f} of the base's seconds" in words


INTERVAL = re.compile(r"[+-]?\d+(?:\.\d+)?%? \[[+-]?\d+(?:\.\d+)?, [+-]?\d+(?:\.\d+)?\]")


@each_study
def test_each_interval_of_a_study_s_table_is_one_of_its_comparison(folder: Path) -> None:
    table = [line for line in (folder / "README.md").read_text().splitlines() if line[:1] == "|"]
    quoted = INTERVAL.findall("\n".join(table))
    shown = set(INTERVAL.findall((folder / "comparison.md").read_text()))
    assert quoted
    assert [text for text in quoted if text not in shown] == []
