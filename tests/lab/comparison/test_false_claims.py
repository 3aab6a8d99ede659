"""Studies in which no variant is better than the best control seldom claim that one is."""

import pytest

from benchmarks.false_claims import SITUATIONS, rates

#: Of 5% over 120 studies, four standard errors above: nothing fails by chance.
BOUND = 0.05 + 4 * (0.05 * 0.95 / 120) ** 0.5


@pytest.mark.parametrize("situation", SITUATIONS)
def test_false_claims_are_rare(situation: str) -> None:
    found = rates(SITUATIONS[situation], 120)
    assert found["headlines"] <= found["claims"] <= BOUND
    assert found["non-inferior"] <= BOUND
