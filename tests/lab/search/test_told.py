"""What is told of a search, and what confirms it."""

import json
from pathlib import Path

import pytest
from searches import design, invented, searched
from synthetic import record

from sssam.lab.comparison.compare import compare
from sssam.lab.search import chart, confirm, objective, space, told
from sssam.lab.search.findings import Findings
from sssam.lab.studies import conduct


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Findings:
    monkeypatch.setattr(objective, "train", invented)
    designs = [
        design(budget=budget, sampler=sampler, prune="never")
        for budget in (1.5, 1.25)
        for sampler in ("tpe", "random")
    ]
    return searched(tmp_path, 13, *designs)


def test_the_front_rises_and_holds_the_best_of_each_budget(found: Findings) -> None:
    front = found.front()
    bests = {
        budget: max(found.at(budget, s).best().mean for s in ("tpe", "random"))
        for budget in found.budgets
    }
    assert found.budgets == [1.25, 1.5]
    assert front[0] == (1.25, front[0][1])
    assert front[0][1].mean == bests[1.25]
    assert len(front) == 1 + (bests[1.5] > bests[1.25])


def test_the_sentences_give_n_and_spread(found: Findings) -> None:
    first, second, verdict, *foresight = told.sentences(found)
    assert first.startswith("At 1.25 propagations the best of 13 TPE trials (")
    assert "on 2 validation seeds, that of 13 random trials (" in first
    assert "n = 2)" in first
    assert "(n = 3) and" in first  # trials after the start-up
    assert second.startswith("At 1.5 ")
    assert verdict.startswith("Over 2 budgets, one search each, TPE ")
    assert "s = " in verdict
    assert foresight == []  # three epochs have no quarters
    alone = found.model_copy(update={"searches": found.searches[:2]})
    assert "One pair of searches can't tell" in told.sentences(alone)[1]


def test_a_difference_is_claimed_only_where_the_interval_excludes_zero() -> None:
    assert "did not beat" in told._verdict([-1.0, -1.1, -0.9])
    assert "is not shown to beat" in told._verdict([0.3, -0.1])
    assert "TPE beat random" in told._verdict([1.0, 1.1, 0.9])


def test_table_and_figure_show_every_search(found: Findings) -> None:
    table = told.table(found)
    assert table.row_count == 4
    drawn = json.dumps(chart.front(found).to_dict())
    budget, best = found.front()[-1]
    assert f"{100 * best.mean:.2f}% at {budget:g}." in chart.front(found).to_dict()["description"]
    assert drawn.count('"family"') >= 4 * 13
    nothing = found.model_copy(
        update={"searches": (found.searches[0].model_copy(update={"candidates": ()}),)}
    )
    with pytest.raises(ValueError, match="no trial is complete"):
        chart.front(nothing)
    with pytest.raises(ValueError, match="nothing to confirm"):
        confirm.study(nothing, 2)


def test_what_is_confirmed_and_on_which_seeds(found: Findings) -> None:
    study_ = confirm.study(found, 12)
    rows = conduct.undecided(study_.parts[0]).methods
    assert [row.label for row in rows[:2]] == ["base", "SAM"]
    words = [row.label.split()[0] for row in rows[2:]]
    assert words[0] == "found"
    assert words[1] in ("named", "free")
    assert set(study_.seeds).isdisjoint(found.searches[0].design.seeds)
    best = found.at(1.25, "tpe").best().method
    assert rows[2].model_copy(update={"label": best.label}) == best
    named = rows[2].label.split("(")[1][:-1] in space.NAMED
    assert (words[1] == "free") == named
    assert "among trials of sssam search: 13 at 1.5 by tpe" in study_.parts[0].note


def test_rows_of_which_no_run_finished_are_not_compared(found: Findings) -> None:
    study_ = confirm.study(found, 3)
    methods = conduct.undecided(study_.parts[0]).methods
    made = [
        record(m, s, 10.0, 0.1, study_.parts[0].task).model_copy(update={"outcome": "diverged"})
        for m in methods
        for s in range(3)
    ]
    compared = compare(study_.parts[0].task, methods, range(3), made)
    assert "all diverged, so nothing is claimed" in compared.headline
    lines = told.fresh(compared, found.budgets)
    assert lines
    assert all("finished, so nothing is claimed of what was found" in line for line in lines)
