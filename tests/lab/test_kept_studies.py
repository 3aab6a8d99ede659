"""The studies that are kept load with the present code, and the texts quote their numbers."""

import gzip
import re
from pathlib import Path

import pytest

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.table import markdown
from sssam.lab.specs import Record
from sssam.lab.studies import conduct

ROOT = Path(__file__).parents[2]
KEPT = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("studies/**/comparison.json"))
NOISY, TUNED = "studies/noisy-digits", "studies/demo"


def read(name: str) -> Comparison:
    return Comparison.model_validate_json((ROOT / name).read_text())


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_comparison_loads_and_is_what_its_markdown_shows(name: str) -> None:
    comparison = read(name)
    assert comparison.missing == 0
    assert (ROOT / name).with_suffix(".md").read_text() == markdown(comparison)


def test_the_records_of_noisy_digits_give_its_comparison() -> None:
    kept = read(f"{NOISY}/comparison.json")
    with gzip.open(ROOT / NOISY / "records.jsonl.gz", "rt") as lines:
        records = [Record.model_validate_json(line) for line in lines]
    methods = [row.method for row in kept.variants]
    again = compare(kept.task, methods, kept.seeds, records, kept.note)
    assert len(records) == 132
    for one, other in zip(again.variants, kept.variants, strict=True):
        assert one.accuracies == other.accuracies
        assert one.non_inferior is other.non_inferior
    assert again.reasons == kept.reasons


@pytest.mark.parametrize("name", [name for name in KEPT if name != f"{TUNED}/comparison.json"])
def test_nothing_is_claimed_over_a_base_that_was_not_tuned(name: str) -> None:
    kept = read(name)
    assert kept.best is None
    assert kept.reasons[0].kind == "untuned_base"
    assert not any(v.claim and v.claim.established for v in kept.variants)


def test_the_texts_quote_the_numbers_of_noisy_digits() -> None:
    kept = read(f"{NOISY}/comparison.json")
    assert kept.sam is not None
    assert kept.sam.to_base is not None
    gain = f"{kept.sam.to_base.mean:.1f} points"
    assert f"its gain of {gain}" in (ROOT / NOISY / "README.md").read_text()
    assert f"SAM gained {gain}" in re.sub(r"\s+", " ", (ROOT / "README.md").read_text())


def test_readme_says_what_was_found_over_a_tuned_base() -> None:
    kept = read(f"{TUNED}/comparison.json")
    words = re.sub(r"\s+", " ", (ROOT / "README.md").read_text())
    assert f"{len(kept.seeds)} seeds, paired" in words
    assert kept.best is None
    assert not any(v.claim and v.claim.established for v in kept.variants)
    assert "untuned_base" not in {reason.kind for reason in kept.reasons}
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


@pytest.mark.parametrize("name", ["cheap", "convolutional", "demo"])
def test_each_interval_of_a_study_s_table_is_one_of_its_comparison(name: str) -> None:
    folder = ROOT / "studies" / name
    table = [line for line in (folder / "README.md").read_text().splitlines() if line[:1] == "|"]
    quoted = INTERVAL.findall("\n".join(table))
    shown = set(INTERVAL.findall((folder / "comparison.md").read_text()))
    assert len(quoted) >= 13
    assert [text for text in quoted if text not in shown] == []


@pytest.mark.parametrize("name", ["norm", "convolutional", "cheap", "demo"])
def test_the_records_of_a_study_answer_it(name: str) -> None:
    """What was tuned is what was compared then, and no run of the comparison is missing."""
    study = conduct.load(ROOT / "studies" / name)
    with gzip.open(ROOT / "studies" / name / "records.jsonl.gz", "rt") as lines:
        records = {r.id: r for r in map(Record.model_validate_json, lines)}
    (part,) = study.parts
    decided = conduct.decide(study, part, conduct.reader(records, part.task.name))
    assert [run for run in conduct.wanted(study, decided) if run.id not in records] == []
    kept = read(f"studies/{name}/comparison.json")
    rho = {variant.label: variant.method.rho for variant in kept.variants}
    assert {m.label: m.rho for m in decided.methods if m.rho}.items() <= rho.items()
