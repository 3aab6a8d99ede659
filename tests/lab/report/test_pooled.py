"""The index page of several tasks: it links them, shows the pooled variants, and asks no host."""

import re
from pathlib import Path

import pytest
from made import made as full
from synthetic import ACCURACY, METHODS, TASK, records
from test_page import EVIL

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.pool import Pooled
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import pooled as pooledpage
from sssam.lab.report.html import typeset
from sssam.lab.report.sentences import pooled_headline
from sssam.lab.specs import Tuning

CHOSEN = METHODS[:6]


def made(name: str, data: str) -> Comparison:
    spec = TASK.data.model_copy(update={"name": data})
    task = TASK.model_copy(update={"name": name, "data": spec})
    tuning = (Tuning(label="base", values={}, grids={}, trials=5, seeds=(1000,)),)
    found = records(CHOSEN, range(12), ACCURACY, task=task)
    return compare(task, CHOSEN, range(12), found, tuning=tuning)


@pytest.fixture(scope="module")
def comparisons() -> dict[str, Comparison]:
    return {"one": made("one", "digits"), "odd-name": made(EVIL, "fashion-mnist")}


def test_the_pages_of_the_tasks_are_linked_and_the_variants_shown(
    comparisons: dict[str, Comparison], tmp_path: Path
) -> None:
    together = pooledpage.pooled(list(comparisons.values()))
    paths = pooledpage.write("both", comparisons, together, tmp_path)
    assert [path.name for path in paths] == ["index.html", "pooled.json"]
    page = paths[0].read_text().partition("<script>")[0]
    assert re.findall(r'href="([^"]+)"', page) == [
        "one/comparison.html",
        "odd-name/comparison.html",
    ]
    assert "no variant at up to 1.1 times" in page
    assert all(f"</svg>{method.label}</th>" in page for method in CHOSEN[1:])
    assert Pooled.model_validate_json(paths[1].read_text()) == together


def test_names_are_inert(comparisons: dict[str, Comparison]) -> None:
    together = pooledpage.pooled(list(comparisons.values()))
    page = pooledpage.page(EVIL, comparisons, together)
    assert EVIL not in page
    assert "default-src 'none'" in page


def test_tasks_that_cannot_be_pooled_are_linked_all_the_same(
    comparisons: dict[str, Comparison], tmp_path: Path
) -> None:
    first, second = comparisons.values()
    other = second.model_copy(update={"task": first.task})
    together = pooledpage.pooled([first, other])
    assert isinstance(together, str)
    (index,) = pooledpage.write("both", {"a": first, "b": other}, together, tmp_path)
    page = index.read_text().partition("<script>")[0]
    assert "Not pooled over the tasks: pooling takes two or more different tasks" in page
    assert 'href="b/comparison.html"' in page
    assert "<table" not in page


def test_the_headline_names_error_removed_both_prices_and_wins() -> None:
    def named(name: str) -> Comparison:
        data = TASK.data.model_copy(update={"name": name})
        return full(task=TASK.model_copy(update={"name": name, "data": data}))

    found = pooledpage.pooled([named("a"), named("b")])
    assert isinstance(found, Pooled)
    assert re.fullmatch(
        r"Over 2 tasks of equal weight, late half 1/8 ascent removes 2\d\.\d% \[.*\] of the base's "
        r"error for 1\.06 times the base's passes and 1\.08 times its seconds, and 1\d\.\d% \[.*\] "
        r"more than the best controls that cost no more \(2 tasks won, 0 tied, 0 lost\)\.",
        pooled_headline(found),
    )
    (line,) = [line for line in pooledpage.cells(found) if line[0].text == "late half 1/8 ascent"]
    assert [cell.words for cell in line[3:5]] == ["1.062", "1.08"]
    assert [cell.words for cell in line[6:9]] == ["2", "0", "0"]


def test_where_nothing_is_clear_the_headline_says_so(
    comparisons: dict[str, Comparison],
) -> None:
    worse = [
        compare(c.task, CHOSEN, range(12), records(CHOSEN, range(12), {"SAM": 80.0}, task=c.task))
        for c in comparisons.values()
    ]
    together = pooledpage.pooled(worse)
    assert isinstance(together, Pooled)
    assert "is clearly above the best controls" in pooled_headline(together)


def test_the_variants_are_drawn_before_their_table(comparisons: dict[str, Comparison]) -> None:
    together = pooledpage.pooled(list(comparisons.values()))
    page = pooledpage.page("both", comparisons, together)
    assert page.index("<figure") < page.index("<table") < page.index('class="tasks"')
    (drawing,) = re.findall(r'data-figure="pooled" role="img" aria-label="([^"]+)"', page)
    assert re.search(r"Forest plot of 4 variants; the highest is SAM, 5\d\.\d% \[", drawing)
    assert len(page) < 3_000_000


def test_an_interval_is_not_broken_over_lines() -> None:
    text = str(typeset("SAM gains -1.0 points [-2.5, +0.5] on [a, b]"))
    assert "\N{MINUS SIGN}1.0\N{NO-BREAK SPACE}points [" in text
    assert "[\N{MINUS SIGN}2.5,\N{NO-BREAK SPACE}+0.5] on [a, b]" in text
