"""What the methods cost and need, read off the classes: `python -m tests.methods.methods_table`.

It writes the table into docs/methods.md; a test fails where the two differ.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

import sssam
from sssam.methods import Method
from sssam.schedules import constant

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
BEGIN = "<!-- costs: written by `python -m tests.methods.methods_table` -->"
END = "<!-- end of costs -->"
HEAD = (
    "| setting | passes | critical | memory | m-sharpness | the loop |\n|---|---|---|---|---|---|"
)
STEPS = 10


@dataclass(frozen=True)
class Entry:
    """A row: a setting, and what its cost is as a formula, which is compared with the class.

    Args:
        kind: the class.
        settings: beyond its defaults, as they are built.
        shown: those settings, as the table shows them.
        passes: propagations a step, in f (`ascent_fraction`), m (the mean of p(t)), k, n, gamma;
            empty where the gradients decide.
        critical: those on the critical path. Default: all.
        values: of the symbols.
        needs: what it needs beyond the loop.
        range: the passes where the gradients or the weights decide.
    """

    kind: type[sssam.SharpnessAware]
    settings: dict[str, Any] = field(default_factory=dict)
    shown: str = ""
    passes: str = "2"
    critical: str = ""
    values: dict[str, float] = field(default_factory=dict)
    needs: str = ""
    range: str = "1 to 2"

    def build(self) -> sssam.SharpnessAware:
        """The optimizer, around SGD with momentum."""
        model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
        base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        make: Callable[..., sssam.SharpnessAware] = self.kind
        return make(base, model=model, **self.settings)


PART = {"ascent_fraction": 0.25}
SCHEDULE = {"schedule": constant(0.5), "total_steps": STEPS}
MOMENTUM = "a base with momentum"
ENTRIES = [
    Entry(sssam.SAM, passes="2"),
    Entry(sssam.SAM, PART, "ascent_fraction=f", "1 + f", values={"f": 0.25}),
    Entry(sssam.SAM, {"mix": 0.5}, "mix=alpha"),
    Entry(sssam.SAM, {"ascent_steps": 3}, "ascent_steps=n", "1 + n", values={"n": 3}),
    Entry(sssam.SAM, {"along": "muon"}, 'along="muon"'),
    Entry(sssam.ASAM),
    Entry(sssam.ZSharp),
    Entry(sssam.USAM),
    Entry(sssam.SSSAM, SCHEDULE, "", "1 + m", values={"m": 0.5}),
    Entry(
        sssam.SSSAM,
        {**SCHEDULE, **PART},
        "ascent_fraction=f",
        "1 + m*f",
        values={"f": 0.25, "m": 0.5},
    ),
    Entry(sssam.SSSAM, {**SCHEDULE, "mix": 1.5}, "mix=alpha", "1 + m", values={"m": 0.5}),
    Entry(sssam.LookSAM, {"k": 5}, "", "1 + 1/k", values={"k": 5}),
    Entry(sssam.AESAM, {"total_steps": STEPS}, "", ""),
    Entry(sssam.AESAM, {"total_steps": STEPS, "look": True}, "look=True", ""),
    Entry(sssam.ESAM, {"gamma": 0.5}, "", "4/3 + gamma", values={"gamma": 0.5}),
    Entry(sssam.ESAM, {"gamma": 1}, "gamma=1"),
    Entry(sssam.KSAM, {"fraction": 0.25}, "", "1/3 + 2*k/n", values={"k": 8, "n": 32}),
    Entry(sssam.KSAM, {"fraction": 1}, "fraction=1"),
    Entry(sssam.MicroSAM, PART, "", "1 + f", values={"f": 0.25}),
    Entry(sssam.FriendlySAM),
    Entry(sssam.MSAM, passes="1", needs=MOMENTUM),
    Entry(sssam.S2SAM, passes="1"),
    Entry(sssam.AsyncSAM, PART, "", "1 + f", "1", {"f": 0.25}),
    Entry(sssam.RandomPerturbation, passes="1"),
    Entry(
        sssam.FlatLoRA,
        {"total_steps": STEPS, "layers": "all-linear"},
        passes="1",
        needs="`model`, with LoRA layers; one layer's noise at a time",
    ),
    Entry(sssam.SAMON, needs="`model`; memory is of the normalisation layers alone"),
    Entry(sssam.GSAM),
    Entry(sssam.WSAM, needs='groups with an "lr"'),
    Entry(sssam.WSAM, {"decoupled": False}, "decoupled=False"),
    Entry(sssam.FunctionalSAM, needs="`model`; a copy of its outputs"),
    Entry(sssam.IRE, passes="1", needs="one more copy during the base's update"),
    Entry(sssam.IRE, {"rho": 0.1}, "rho=rho", needs="one more copy during the base's update"),
    Entry(sssam.SALA, passes="", range="1 to 1 + 1/k", needs="one synchronisation in k steps"),
    Entry(sssam.SAMPa, passes="2", critical="1", needs='groups with an "lr"'),
]


def loop(method: Method) -> str:
    """Which forms of the loop serve a method, and what they must mind."""
    if method.facts.keeps_batch:
        return "`passes(batch)`; a resumed run begins with a plain step"
    if method.facts.needs_batch:
        return "`passes(batch)`, one loss a sample"
    if method.facts.opening == "moved":
        return "any; two lines: `ascend()` before `backward()`"
    if method.facts.most_passes > 2 or method.facts.opening == "mixed":
        return "`step(closure)` or `passes(batch)`"
    if method.facts.decides_late:
        return "any; `will_ascend` is not known before the pass; one synchronisation a step"
    if method.facts.ascent_fraction < 1:
        return "any; two lines: `will_ascend` first"
    return "any"


def may_be_per_rank(method: Method) -> bool:
    """Whether a pass at w can stay on its rank: there is one, and nothing else rests on it."""
    return method.facts.opening in ("at w", "mixed") and not method.facts.binds_ranks


def _takes_perturbation(kind: type[sssam.SharpnessAware]) -> bool:
    return "perturbation" in inspect.signature(kind.__init__).parameters


def _line(entry: Entry) -> str:
    optimizer = entry.build()
    method, memory = optimizer.method, optimizer.memory
    name = f"{entry.kind.__name__}({entry.shown})" if entry.shown else entry.kind.__name__
    passes = entry.passes.replace("*", " ") or entry.range
    cells = [
        f"`{name}`",
        passes,
        entry.critical or passes,
        f"{memory.persistent} / {memory.peak}",
        "yes" if may_be_per_rank(method) and _takes_perturbation(entry.kind) else "",
        "; ".join(part for part in (loop(method), entry.needs) if part),
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """The whole table, as Markdown."""
    return "\n".join([HEAD, *map(_line, ENTRIES)])


def written() -> str:
    """The table as docs/methods.md has it."""
    return PAGE.read_text().split(BEGIN)[1].split(END)[0].strip()


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}")
