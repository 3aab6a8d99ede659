"""docs/scale.md names tests that exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "scale.md").read_text()


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
    missing = [f"{file}::{name}" for file, name in named if name not in _functions(TESTS / file)]
    assert not missing
    assert len(named) > 70
    assert len(named) == PAGE.count("::")  # none is written in a way that is not looked at


def test_every_point_of_the_page_has_a_test() -> None:
    for point in range(1, 13):
        begins = re.compile(rf"\|( \d+\.,)* {point}\.[ ,]")
        rows = [line for line in PAGE.splitlines() if begins.match(line) and "::" in line]
        assert rows or point in (4, 6)  # 4: said to be open; 6: a table of its own
