"""The tables of all methods, in `docs/choosing.md` and the README: `python -m sssam.lab.choosing`.

Facts come from `sssam.lab.choosing.family`, passes and memory from the classes, and what was
measured from the comparisons of two studies, whose records are kept beside them.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import ValidationError
from torch import nn

from sssam import SharpnessAware
from sssam.lab.analysis.comparison import Comparison, Row
from sssam.lab.analysis.headline import signed
from sssam.lab.choosing.family import FACTS, Fact
from sssam.lab.specs.invalid import complaint
from sssam.lab.training import methods

ROOT = Path(__file__).resolve().parents[3]

#: The comparisons that the measured column is filled from: all that the first one has, on its task,
#: and what only another has, on that one's.
STUDIES = tuple(ROOT / "studies" / name / "comparison.json" for name in ("family", "norm"))

#: Between these two lines of a document, its table is written anew.
BEGIN = "<!-- methods: written by `python -m sssam.lab.choosing` -->"
END = "<!-- end of methods -->"

NOT_MEASURED = "not measured"

#: Steps over which a method's expected passes are taken.
_STEPS = 10_000


class Cost(NamedTuple):
    """Passes a step, as text, and extra copies of the parameters: kept, and at most."""

    passes: str
    persistent: int
    peak: int


def cost(fact: Fact) -> Cost:
    """What a method costs at the settings of the table, as its class says."""
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    row = fact.method.model_copy(update={"rho": methods.default_rho(fact.kind)})
    built = methods.build(row, base, total_steps=_STEPS, seed=0, model=model)
    if not isinstance(built, SharpnessAware):
        raise TypeError(f"{fact.label} is no method of the family")
    expected = methods.expected_propagations(built)
    passes = "1 to 2" if expected is None else f"{round(expected, 3):g}"
    return Cost(passes, built.memory.persistent, built.memory.peak)


def measured(studies: Sequence[Path] = STUDIES) -> tuple[Comparison, ...]:
    """The comparisons that there are of the studies, in their order.

    Raises:
        ValueError: a file is no comparison.
    """
    return tuple(_comparison(study) for study in studies if study.is_file())


def _comparison(study: Path) -> Comparison:
    try:
        return Comparison.model_validate_json(study.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{study} is no comparison: {complaint(error)}") from error


def choosing(comparisons: Sequence[Comparison]) -> str:
    """The table of docs/choosing.md, as Markdown; the first comparison's task heads its column."""
    head = [
        "method",
        "when it acts",
        "where e points",
        "which gradient is used",
        "passes a step",
        "extra memory",
        "the loop",
        "gain over the base" + (f" on {comparisons[0].task.name}" if comparisons else ""),
        "reference",
    ]
    lines = [[*_facts(fact), _found(fact, comparisons), _link(fact)] for fact in FACTS]
    return _markdown(head, lines)


def overview() -> str:
    """The table of the README, as Markdown."""
    head = ["class", "when it acts", "where e points", "which gradient is used", "passes a step"]
    return _markdown(head, [_facts(fact)[:5] for fact in FACTS])


def _facts(fact: Fact) -> list[str]:
    found = cost(fact)
    memory = f"{found.persistent} / {found.peak}"
    if fact.kind == "samon":
        memory += " of the normalisation layers"
    name = f"`{fact.name}`"
    return [name, fact.when, fact.where, fact.which, found.passes, memory, fact.loop]


def _found(fact: Fact, comparisons: Sequence[Comparison]) -> str:
    """What the first comparison that has the method says; on which task, unless it is the first."""
    for comparison in comparisons:
        rows = {row.label: row for row in comparison.rows}
        gain = _gain(rows.get(fact.label))
        if gain is not None and comparison is comparisons[0]:
            return gain
        if gain is not None:
            beside = _gain(comparison.sam) or NOT_MEASURED
            return f"*on {comparison.task.name}* {gain}; `SAM` there {beside}"
    return NOT_MEASURED


def _gain(row: Row | None) -> str | None:
    """The gain over the base optimizer in points, its interval, what it cost, at which rho."""
    if row is None or row.to_base is None:
        return None
    ends = ""
    if row.to_base.low is not None and row.to_base.high is not None:
        ends = f" [{signed(row.to_base.low)}, {signed(row.to_base.high)}]"
    spent = "" if row.propagations is None else f", {row.propagations:.2f} passes"
    return f"{signed(row.to_base.mean)}{ends}{spent}, rho {row.method.rho:g}"


def _link(fact: Fact) -> str:
    if re.fullmatch(r"\d{4}\.\d{5}(v\d+)?", fact.reference):
        return f"[{fact.reference}](https://arxiv.org/abs/{fact.reference})"
    return fact.reference


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written(document: str, table: str) -> str:
    """The document with this table between its two marks.

    Raises:
        ValueError: the marks are missing, or there more than once.
    """
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise ValueError(f"the document needs one line {BEGIN!r} and one line {END!r}")
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}{END}{after}"


def main() -> None:
    """Writes both tables into their documents."""
    for name, table in documents().items():
        path = ROOT / name
        path.write_text(written(path.read_text(encoding="utf-8"), table), encoding="utf-8")


def documents() -> dict[str, str]:
    """The documents of the source tree, each with its table."""
    return {"docs/choosing.md": choosing(measured()), "README.md": overview()}
