"""Every link, anchor, path and name of a module in the documents leads somewhere."""

import importlib
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
FOLDERS = ("", "docs", "benchmarks", "studies")
DOCUMENTS = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).glob("**/*.md" if folder == "studies" else "*.md")
)
PATH = re.compile(r"\.{0,2}/?(?:sssam|tests|docs|studies|examples|benchmarks)/[\w./-]*")
NAME = re.compile(r"(?:python -m )?((?:sssam|tests|benchmarks)(?:\.[A-Za-z_]\w*)+)\b")
FILES = re.compile(r"\.(?:toml|md|json|jsonl|svg|py|pt)$")


def _tokens(path: Path) -> Iterator[Token]:
    """Block by block, with the inline ones of each after it."""
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(path.read_text()):
        yield token
        yield from token.children or ()


def _anchor(title: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def _anchors(path: Path) -> set[str]:
    tokens = list(_tokens(path))
    return {_anchor(b.content) for a, b in pairwise(tokens) if a.type == "heading_open"}


def _targets(path: Path) -> Iterator[str]:
    for token in _tokens(path):
        target = token.attrGet("href") or token.attrGet("src")
        if target and not re.match(r"[a-z]+:", str(target)):
            yield str(target)


def _mentions(path: Path) -> set[str]:
    return {token.content for token in _tokens(path) if token.type == "code_inline"}


def _found(document: Path, mention: str) -> bool:
    return (ROOT / mention).exists() or (document.parent / mention).exists()


def _resolves(name: str) -> bool:
    """Whether a dotted name is a module, or a module's attribute, or that one's."""
    module, *rest = name.split(".")
    found: object = importlib.import_module(module)
    for part in rest:
        if not hasattr(found, part):
            module = getattr(found, "__name__", "")
            try:
                importlib.import_module(f"{module}.{part}")
            except ImportError:
                return False
        found = getattr(found, part)
    return True


def test_the_anchors_are_those_of_github() -> None:
    assert _anchor("Several tasks: `pool(comparisons)` -> `Pooled`") == (
        "several-tasks-poolcomparisons---pooled"
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_anchors_lead_somewhere(document: Path) -> None:
    for target in _targets(document):
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        assert file.exists(), target
        assert file.resolve().is_relative_to(ROOT), target
        assert not anchor or anchor in _anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_and_modules_that_are_named_exist(document: Path) -> None:
    for mention in _mentions(document):
        for path in PATH.findall(mention) if PATH.match(mention) else ():
            assert _found(document, path.rstrip(".")), mention
        name = NAME.fullmatch(mention.partition("(")[0])
        if name and not FILES.search(name[1]):
            assert _resolves(name[1]), mention


def test_every_page_of_docs_is_linked_from_the_readme_or_from_a_page_that_is() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        linked = {(page.parent / t.partition("#")[0]).resolve() for t in _targets(page)}
        ahead += [file for file in linked - reached if file.suffix == ".md" and file.is_file()]
    assert not set((ROOT / "docs").glob("*.md")) - reached


def test_there_is_something_to_look_at() -> None:
    pages = [path for path in DOCUMENTS if path.parent.name == "docs"]
    assert len(pages) >= 9
    assert sum(len(list(_targets(path))) for path in DOCUMENTS) > 40
    assert sum(bool(PATH.match(m)) for path in DOCUMENTS for m in _mentions(path)) > 20
