"""`python docs/make_tables.py` writes README's picture, the planner's and the table of methods.

What a method is stands here; passes and memory are asked of the classes.
"""

import ast
import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import torch
import vl_convert
from PIL import Image
from torch import nn

from sssam import SharpnessAware, schedules
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.figures import figures
from sssam.lab.report.files import svg
from sssam.lab.report.schedules import schedules as drawn
from sssam.lab.specs import Method
from sssam.lab.studies import budgets
from sssam.lab.training import methods

ROOT = Path(__file__).resolve().parents[1]
#: README's picture, and the comparison that it is of.
PICTURE = ROOT / "docs" / "tuned.svg"
PICTURED = ROOT / "studies" / "demo" / "comparison.json"
#: The planner's picture, as `sssam plan --budget 1.25 --total-steps 1000 --out plan.png` draws it.
PLANNED = ROOT / "docs" / "plan.png"
BEGIN, END = "<!-- methods: written by `python docs/make_tables.py` -->", "<!-- end of methods -->"
STEPS = 10_000  # over which expected passes are taken


class Fact(NamedTuple):
    """A method: its label, the code that builds it, and what it is in words."""

    label: str
    name: str
    when: str
    where: str
    which: str
    loop: str
    reference: str

    @property
    def method(self) -> Method:
        """As a variant of a comparison, at its class's radius."""
        call = ast.parse(self.name, mode="eval").body
        given = {}
        if isinstance(call, ast.Call):
            given = {k.arg: eval(ast.unparse(k.value), vars(schedules)) for k in call.keywords}
        name = ast.unparse(call.func if isinstance(call, ast.Call) else call)
        kind = next(k for k, made in methods.KINDS.items() if made and made.__name__ == name)
        schedule = given.pop("schedule", None)
        return Method(
            label=self.label,
            kind=kind,
            rho=methods.default_rho(kind),
            schedule=None if schedule is None else schedule.to_dict(),
            options=given,
        )


PER_SAMPLE = "`passes(batch)`, one loss a sample"
MOVED = "any; two lines: `ascend()` before `backward()`"
FIRST = "any; two lines: `will_ascend` first"
UNKNOWN = "any; `will_ascend` is not known before the pass"
LARGE = "steps whose gradient is large"
TURNED = "at w + e; elsewhere g turned by what is kept of it"
LATE, EVERY_4TH = "SSSAM(schedule=late(0.5))", 'SSSAM(schedule=constant(1/4), draws="systematic")'
LINEAR, G_RST = "SSSAM(schedule=linear(0, 1))", "SSSAM(schedule=linear(0, 1), mix=0.8)"
COIN, ELSEWHERE = "a coin of rising probability", "at w + e; g elsewhere"
COUPLED = "(1 - a) g + a at w + e, a = gamma / (1 - gamma)"

#: In the order in which one would look at them: the two ends, what lies between, the cheap ones.
# fmt: off
FACTS = tuple(Fact(*each) for each in (
    ("SAM", "SAM", "always", "g", "at w + e", "any", "2010.01412"),
    ("ASAM", "ASAM", "always", "g, scaled by the weights", "at w + e", "any", "2102.11600"),
    ("SS-SAM linear", LINEAR, COIN, "g", ELSEWHERE, "any", "2203.09962"),
    ("SS-SAM late half", LATE, "the last half of the steps", "g", ELSEWHERE, "any", "2410.10373"),
    ("every 4th step", EVERY_4TH, "every 4th step", "g", ELSEWHERE, "any", "2203.09962"),
    ("G-RST", G_RST, COIN, "g", "0.2 g + 0.8 at w + e; g elsewhere", "any", "2203.09962v2"),
    ("LookSAM", "LookSAM", "every 5th step", "g", TURNED, "any", "2203.02714"),
    ("AESAM", "AESAM", LARGE, "g", ELSEWHERE, UNKNOWN, "2304.14647"),
    ("AE-LookSAM", "AESAM(look=True)", LARGE, "g", TURNED, UNKNOWN, "2304.14647"),
    ("MicroSAM", "MicroSAM", "always", "g of a quarter of the batch, with noise", "at w + e",
     FIRST, "Neural Networks 185, 2025"),
    ("ESAM", "ESAM", "always", "g, on tensors drawn at random",
     "at w + e, of the samples whose losses rise most", PER_SAMPLE, "2110.03141"),
    ("ZSharp", "ZSharp", "always", "g, on coordinates that stand out in their tensors", "at w + e",
     "any", "2505.02369"),
    ("FunctionalSAM", "FunctionalSAM", "always", "g", "the Jacobian's at w + e, the loss's at w",
     "any; `model`", "2502.02407"),
    ("SALA", "SALA", "every 2nd step", "w - s, no pass, s slow weights; g at s where that is short",
     "at w or s + e, for an update from s", "closure or `passes(batch)`", "TPAMI 2024"),
    ("IRE", "IRE", "always", "no e; longer updates on coordinates of small g", "g", "any",
     "2405.20763"),
    ("KSAM", "KSAM", "always", "g of the samples of the highest losses",
     "at w + e, of the same samples", PER_SAMPLE, "2210.12864"),
    ("AsyncSAM", "AsyncSAM", "always", "g of the step before", "at w + e", FIRST, "2503.11147"),
    ("SAMPa", "SAMPa", "always", "g at a point ahead, of the step before",
     "at w + e, mixed with the next point's",
     "`passes(batch)`; a resumed run begins with a plain step", "2410.10683"),
    ("MSAM", "MSAM", "always", "minus the momentum, no pass", "at w + e",
     f"{MOVED}; a base with momentum", "2401.12033"),
    ("S2SAM", "S2SAM", "always", "the last step's own gradient, no pass", "at w + e", MOVED,
     "NeurIPS 2024"),
    ("RandomPerturbation", "RandomPerturbation", "always", "noise, no pass", "at w + e", MOVED,
     "2404.00357"),
    ("FlatLoRA", "FlatLoRA", "always", "noise on W + s B A, no pass", "A's and B's there",
     f"{MOVED}; `model`, with LoRA layers", "2409.14396"),
    ("FriendlySAM", "FriendlySAM", "always", "g less its running mean", "at w + e", "any",
     "2403.12350"),
    ("GSAM", "GSAM", "always", "g", "at w + e, less a part of g orthogonal to it", "any",
     "2203.08065"),
    ("WSAM", "WSAM", "always", "g", "g, then the sharpness's own step", 'any; groups with an "lr"',
     "2305.15817"),
    ("WSAM coupled", "WSAM(decoupled=False)", "always", "g", COUPLED, "any", "2305.15817"),
    ("USAM", "USAM", "always", "g, not normalised", "at w + e", "any", "2206.06232"),
    ("SAMON", "SAMON", "always", "g of the normalisation layers alone", "at w + e", "any; `model`",
     "2306.04226"),
))
# fmt: on


def choosing() -> str:
    """The table of docs/choosing.md."""
    head = ["method", "when it acts", "where e points", "which gradient is used", "passes a step"]
    head += ["extra memory", "the loop", "reference"]
    return _markdown(head, [[*_facts(fact), _link(fact)] for fact in FACTS])


def _facts(fact: Fact) -> list[str]:
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    method = fact.method
    if fact.name == "FlatLoRA":  # which wants LoRA layers, or to be told which
        method = method.model_copy(update={"options": {"layers": "all-linear"}})
    built = methods.build(method, base, total_steps=STEPS, seed=0, model=model)
    assert isinstance(built, SharpnessAware)
    expected = methods.expected_propagations(built)
    unknown = "1 to 1.5" if fact.label == "SALA" else "1 to 2"
    passes = unknown if expected is None else f"{round(expected, 3):g}"
    memory = f"{built.memory.persistent} / {built.memory.peak}"
    if fact.label == "SAMON":
        memory += " of the normalisation layers"
    return [f"`{fact.name}`", fact.when, fact.where, fact.which, passes, memory, fact.loop]


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
    return f"{before}{BEGIN}\n{table}{END}{rest.partition(END)[2]}"


def documents() -> dict[str, str]:
    """The documents by their paths in the source tree, each with its table."""
    return {"docs/choosing.md": choosing()}


def picture() -> bytes:
    """README's picture: the main figure of its study."""
    kept = Comparison.model_validate_json(PICTURED.read_text(encoding="utf-8"))
    return svg(figures(kept)[0].chart()).encode()


def plans() -> bytes:
    """What each family of schedules does with 1.25 passes a step."""
    bands = budgets.bands(budgets.families(1.25, 1000), 1000)
    rounded = [b._replace(name=re.sub(r"\d+\.\d{4,}", _rounded, b.name)) for b in bands]
    pixels = vl_convert.svg_to_png(svg(drawn(rounded)), scale=1.5)
    small = BytesIO()
    Image.open(BytesIO(pixels)).quantize(64).save(small, "png", optimize=True)
    return small.getvalue()


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.3f}"


if __name__ == "__main__":
    for name, table in documents().items():
        path = ROOT / name
        path.write_text(written(path.read_text(encoding="utf-8"), table), encoding="utf-8")
    PICTURE.write_bytes(picture())
    PLANNED.write_bytes(plans())
