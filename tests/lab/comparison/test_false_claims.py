"""Studies in which no variant is better than the best control seldom claim that one is."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.false_claims import SITUATIONS, rates, simulated
from sssam.lab.comparison.pool import pool

STUDIES = 80
#: Of 5% over so many studies, three standard errors above; every seed is fixed.
BOUND = 0.05 + 3 * (0.05 * 0.95 / STUDIES) ** 0.5
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_false_claims_are_rare(situation: str) -> None:
    found = rates(SITUATIONS[situation], STUDIES)
    assert found["headlines"] <= BOUND
    assert found["claims"] <= BOUND
    assert found["non-inferior"] <= BOUND


@pytest.mark.parametrize("situation", ["plain", "shared test set", "controls unlike"])
def test_false_claims_of_three_tasks_in_the_mean_are_rare(situation: str) -> None:
    rng, false, studies = np.random.default_rng(3), 0, 40
    for _ in range(studies):
        found = [simulated(SITUATIONS[situation], rng) for _ in range(3)]
        tasks = [c.task.model_copy(update={"name": f"task {i}"}) for i, c in enumerate(found)]
        renamed = [
            c.model_copy(update={"task": task}) for c, task in zip(found, tasks, strict=True)
        ]
        false += any(each.established for each in pool(renamed).variants)
    assert false / studies <= 0.05 + 3 * (0.05 * 0.95 / studies) ** 0.5


def test_the_rates_of_2000_studies_are_those_of_the_documents() -> None:
    kept = json.loads((ROOT / "benchmarks/false_claims.json").read_text())
    text = (ROOT / "docs/statistics.md").read_text()
    assert kept["studies"] == 2000
    assert set(kept["rates"]) == set(SITUATIONS)
    for name, found in kept["rates"].items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
        shown = [cell.strip() for cell in line.split("|")[3:6]]
        assert shown == [f"{100 * rate:.1f}%" for rate in found.values()]
        assert max(found.values()) <= 0.05
