"""The code of docs/sharpness.md runs as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "sharpness.md"


def test_the_example_runs_and_its_numbers_hang_together() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["surface"].loss[1, 1].item() == pytest.approx(names["worst"].loss)
    assert names["worst"].rise > names["average"].rise
    assert names["curve"].loss.argmin() not in (0, 20)
