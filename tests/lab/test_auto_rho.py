"""The tables of auto against a tuned radius, in docs/rho.md and in the study, are of its runs."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from sssam.lab.stats import intervals

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "studies" / "auto-rho"
RUNS = [json.loads(line) for line in (FOLDER / "laboratory.jsonl").read_text().splitlines()]
TASKS = [
    *("noisy-digits", "digits", "regression", "table", "digits-few", "fashion-mnist"),
    *("noisy-fashion-mnist", "images", "vit", "fine-tuning", "cifar10"),
]
#: Seeds of the comparison and of the tuning, where a run takes minutes.
FEWER = {"cifar10": (5, 1)}


def compared(task: str, method: str) -> list[dict[str, Any]]:
    runs = [r for r in RUNS if (r["task"], r["method"], r["part"]) == (task, method, "compared")]
    return sorted(runs, key=lambda run: run["seed"])


def points(task: str, method: str) -> list[float]:
    return [100 * run["test"] for run in compared(task, method)]


def said(one: list[float], other: list[float]) -> str:
    found = intervals.interval([a - b for a, b in zip(one, other, strict=True)])
    return f"{found.mean:+.2f} [{found.low:.2f}, {found.high:.2f}]"


@pytest.mark.parametrize("task", TASKS)
def test_the_tables_say_what_the_runs_gained(task: str) -> None:
    base, tuned, auto = (points(task, method) for method in ("base", "SAM", "SAM auto"))
    assert len(base) == FEWER.get(task, (12, 3))[0]
    cells = [said(tuned, base), said(auto, base), said(auto, tuned)]
    assert f"| {task} | {' | '.join(cells)} |" in (ROOT / "docs" / "rho.md").read_text()
    readme = (FOLDER / "README.md").read_text()
    (row,) = [r for r in readme.splitlines() if r.startswith(f"| {task} | ") and cells[2] in r]
    assert f"| {fmean(base):.2f} | {cells[0]} (" in row


@pytest.mark.parametrize("task", TASKS)
def test_the_tuned_radius_has_the_best_validation_score(task: str) -> None:
    scores = defaultdict(list)
    for run in RUNS:
        if (run["task"], run["part"]) == (task, "tuning"):
            scores[run["rho"]].append(run["validation"])
    assert len(scores) == 6
    assert {len(each) for each in scores.values()} == {FEWER.get(task, (12, 3))[1]}
    best = max(map(fmean, scores.values()))
    (rho,) = {run["rho"] for run in compared(task, "SAM")}
    assert fmean(scores[rho]) == pytest.approx(best, abs=1e-9)
