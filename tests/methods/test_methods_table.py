"""docs/methods.md and the docstrings say of each class what the class itself says."""

import inspect
import re

import pytest

import sssam
from tests.methods.methods_table import ENTRIES, PAGE, STEPS, Entry, table, written

CLASSES = [
    kind
    for kind in map(vars(sssam).get, sssam.__all__)
    if inspect.isclass(kind)
    and issubclass(kind, sssam.SharpnessAware)
    and kind is not sssam.SharpnessAware
]


def test_the_page_has_the_table_that_the_classes_make() -> None:
    assert written() == table(), "run `python -m tests.methods.methods_table`"


@pytest.mark.parametrize("kind", CLASSES)
def test_each_class_has_its_rows(kind: type[sssam.SharpnessAware]) -> None:
    page = PAGE.read_text()
    assert any(entry.kind is kind for entry in ENTRIES)
    is_made_of, rest = page.split("## What each one costs")
    assert f"| `{kind.__name__}` |" in is_made_of
    assert f"`{kind.__name__}`" in rest.split("## References")[1]


#: Methods that are in one way or another near, by their papers: each is in, or out for a reason.
NEIGHBOURS = ["2509.18001", "2306.04226", "2210.05177", "2602.09395", "2401.07250", "2307.16704"]
NEIGHBOURS += ["2205.14083", "2404.00357", "2410.10373", "2609.17575", "2503.02225"]


@pytest.mark.parametrize("paper", NEIGHBOURS)
def test_what_else_claims_the_same_is_in_or_out_with_the_reason(paper: str) -> None:
    section = PAGE.read_text().split("## What else claims")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    ((_, verdict, why),) = [row for row in rows if f"({paper})" in row[0]]
    assert verdict.strip() == "out" or re.search(r"`\w+", why), "in, but by what?"
    assert verdict.strip() in ("in", "out")
    assert len(why.strip()) > 20


def _names(entry: Entry) -> str:
    return f"{entry.kind.__name__}({entry.shown})"


@pytest.mark.parametrize("entry", ENTRIES, ids=_names)
def test_formulas_are_the_costs(entry: Entry) -> None:
    optimizer = entry.build()
    if not entry.passes:
        with pytest.raises(RuntimeError, match="between 1 and 2;"):
            _ = optimizer.expected_propagations
        return
    dear = eval(entry.passes, {}, dict(entry.values))
    critical = eval(entry.critical or entry.passes, {}, dict(entry.values))
    # SAMPa's first step, one in STEPS, has one pass.
    first = 1 / STEPS if entry.kind is sssam.SAMPa else 0.0
    assert optimizer.method.cost(STEPS) == pytest.approx(dear - first, abs=1e-12)
    assert optimizer.method.critical(STEPS) == pytest.approx(critical, abs=1e-12)


def _docstring(kind: type[sssam.SharpnessAware]) -> str:
    return re.sub(r"\s+", " ", inspect.getdoc(kind) or "")


@pytest.mark.parametrize("kind", CLASSES)
def test_docstrings_have_all_parts_in_order(kind: type[sssam.SharpnessAware]) -> None:
    text = _docstring(kind)
    places = [
        text.index(part)
        for part in ("Cost: ", "Memory: ", "Loop: ", "Args: ", "Raises: ", "Reference: ")
    ]
    assert places == sorted(places)
    arguments = text[text.index("Args: ") : text.index("Raises: ")]
    for name in inspect.signature(kind.__init__).parameters:
        assert name == "self" or re.search(rf"\b{name}\b[^.]*:", arguments), name


@pytest.mark.parametrize("kind", CLASSES)
def test_arguments_go_by_the_same_names(kind: type[sssam.SharpnessAware]) -> None:
    _, base, *rest = inspect.signature(kind.__init__).parameters.values()
    assert base.name == "base"
    assert all(argument.kind is argument.KEYWORD_ONLY for argument in rest)
    names = [argument.name for argument in rest]
    assert {"rho", "model", "rng"} <= set(names)
    # What is common to all comes last, in one order.
    common = [name for name in names if name in ("model", "rng", "perturbation")]
    assert common == ["model", "rng", "perturbation"][: len(common)]
    assert kind is sssam.SAMON or names[-len(common) :] == common


@pytest.mark.parametrize("kind", CLASSES)
def test_docstrings_say_the_memory_that_is_declared(kind: type[sssam.SharpnessAware]) -> None:
    pattern = r"Memory: (\d) (?:copy|copies) of the parameters kept, (\d) at the peak"
    said = re.search(pattern, _docstring(kind))
    entry = next(entry for entry in ENTRIES if entry.kind is kind)
    assert said is not None
    assert tuple(map(int, said.groups())) == tuple(entry.build().memory)
