"""What several tasks say together: the table, and the headline."""

import re
from pathlib import Path

import pytest
from made import made as full
from synthetic import ACCURACY, METHODS, TASK, records

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.pool import Pooled, pool
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import pooled
from sssam.lab.specs import Task, Tuning

CHOSEN = METHODS[:6]


def named(name: str) -> Task:
    data = TASK.data.model_copy(update={"name": name})
    return TASK.model_copy(update={"name": name, "data": data})


def made(name: str) -> Comparison:
    tuning = (Tuning(label="base", values={}, grids={}, trials=5, seeds=(1000,)),)
    found = records(CHOSEN, range(12), ACCURACY, task=named(name))
    return compare(named(name), CHOSEN, range(12), found, tuning=tuning)


@pytest.fixture(scope="module")
def comparisons() -> list[Comparison]:
    return [made("one"), made("other")]


def test_the_table_has_a_line_a_variant(comparisons: list[Comparison], tmp_path: Path) -> None:
    said, path = pooled.write(comparisons, tmp_path)
    assert path is not None
    text, found = path.read_text(), pool(comparisons)
    assert said in text
    assert all(f"| {method.label} |" in text for method in CHOSEN[1:])
    assert "| won | tied | lost | on one | on other |" in text
    assert Pooled.model_validate_json((tmp_path / "pooled.json").read_text()) == found


def test_tasks_that_cannot_be_pooled(comparisons: list[Comparison], tmp_path: Path) -> None:
    said, path = pooled.write([comparisons[0]] * 2, tmp_path)
    assert said.startswith("Not pooled over the tasks: pooling takes two or more different tasks")
    assert path is None


def test_the_headline_names_error_removed_both_prices_and_wins() -> None:
    assert re.fullmatch(
        r"Over 2 tasks of equal weight, late half 1/8 ascent removes 2\d\.\d% \[.*\] of the base's "
        r"error for 1\.06 times the base's passes and 1\.08 times its seconds, and 1\d\.\d% \[.*\] "
        r"more than the best controls that cost no more \(2 tasks won, 0 tied, 0 lost\)\.",
        pooled.headline(pool([full(task=named("a")), full(task=named("b"))])),
    )


def test_where_nothing_is_clear_the_headline_says_so(comparisons: list[Comparison]) -> None:
    worse = [
        compare(c.task, CHOSEN, range(12), records(CHOSEN, range(12), {"SAM": 80.0}, task=c.task))
        for c in comparisons
    ]
    assert "is clearly above the best controls" in pooled.headline(pool(worse))
