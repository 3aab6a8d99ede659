"""Each dotted name of ours or of torch that an error, a docstring or a page names exists."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"(?<![\w./@-])(?:sssam|torch)(?:\.[A-Za-z]\w*)+")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = sorted((ROOT / "sssam").rglob("*.py"))
#: A salt of the draws' hash, and a checkpoint's entry, which are no names of Python's.
OTHERS = {"sssam.trial", "sssam.others"}


def _strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _exists(name: str) -> bool:
    parts = name.split(".")
    for i in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:i]))
        except ModuleNotFoundError as missing:
            if missing.name and not missing.name.startswith(parts[0]):
                return True  # a trainer that is not installed here
            continue
        for part in parts[i:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("path", [*PAGES, *CODE], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_names_exist(path: Path) -> None:
    text = path.read_text() if path.suffix == ".md" else "\n".join(_strings(path))
    assert {name for name in NAME.findall(text) if not _exists(name)} - OTHERS == set()


def test_a_missing_name_is_seen() -> None:
    assert NAME.findall("use sssam.Switch, or torch.optim.Nothing(x).") == [
        "sssam.Switch",
        "torch.optim.Nothing",
    ]
    assert not _exists("sssam.Switch")
    assert not _exists("torch.optim.Nothing")
    assert _exists("sssam.methods.Switch")
