"""The README's code runs as it stands, and says what it prints."""

import re
from pathlib import Path
from typing import Any

import pytest

import sssam

README = Path(__file__).parents[1] / "README.md"


def test_the_code_blocks_run_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    exec(blocks[0], names)
    trained = names["optimizer"]
    names["optimizer"] = sssam.SAM(trained.bases[0], model=names["model"])  # T is used up
    exec(blocks[1], names)
    exec(blocks[2], names)
    printed = capsys.readouterr().out.split()
    assert printed[-1] == "1.015625"
    assert float(printed[1]) == pytest.approx(1.475)


def test_every_link_within_the_project_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
