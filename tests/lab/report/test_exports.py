"""The CSV files hold what the page shows, as numbers, and nothing that a spreadsheet would run."""

import csv
import io

import pytest
from synthetic import METHODS, TASK, records

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.exports import accuracies_csv, variants_csv
from sssam.lab.specs import Method


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(TASK, METHODS, range(4), records(seeds=range(4)))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), strict=True))


def test_every_variant_has_its_numbers_unrounded(comparison: Comparison) -> None:
    lines = read(variants_csv(comparison))
    assert [line["variant"] for line in lines] == [each.label for each in comparison.variants]
    for line, each in zip(lines, comparison.variants, strict=True):
        assert each.accuracy is not None
        assert float(line["accuracy.mean"]) == each.accuracy.mean
        assert float(line["propagations"]) == each.propagations
        assert int(line["runs.finished"]) == 4
    linear = lines[5]
    assert (linear["rho"], linear["schedule"]) == ("0.4", "linear(0.0, 1.0)")
    assert lines[8]["options"] == '{"ascent_fraction": 0.125}'


def test_what_was_not_measured_is_an_empty_cell(comparison: Comparison) -> None:
    base = read(variants_csv(comparison))[0]
    assert base["to_base.mean"] == ""
    assert "to_base" not in base  # one column for a value in every line


def test_accuracies_are_whole(comparison: Comparison) -> None:
    seeds = read(accuracies_csv(comparison))
    assert len(seeds) == 4 * len(METHODS)
    assert float(seeds[1]["accuracy"]) == comparison.variants[0].accuracies[1]


@pytest.mark.parametrize("label", ["=1+1", "@SUM(A1)", "+a", "-b"])
def test_a_label_is_no_formula(label: str) -> None:
    methods = (*METHODS[:3], Method(label=label, kind="base", length=3))
    made = compare(TASK, methods, range(2), records(methods, range(2)))
    for text in (variants_csv(made), accuracies_csv(made)):
        assert read(text)[-1]["variant"] == f"'{label}"


def test_a_study_without_records_has_its_variants() -> None:
    empty = compare(TASK, METHODS, range(2), [])
    assert len(read(variants_csv(empty))) == len(METHODS)
    assert read(accuracies_csv(empty)) == []
