import pytest
from searches import invented

from sssam.lab.search import objective


@pytest.fixture
def _untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective, "train", invented)
