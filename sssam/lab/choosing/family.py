"""The family in facts: for each method what it does when, where and with which gradient.

What can be asked of the classes (passes, memory) is not written here, and what was measured is not
either: `sssam.lab.choosing` makes the tables out of all three.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sssam.lab.specs import Method
from sssam.schedules import constant, late, linear


class Fact(NamedTuple):
    """One method as one would choose it, by the name of its row in the studies.

    `kind` and `options` build it; `name` is how code names it, `when`, `where` and `which` answer
    at which steps it acts, where the perturbation points and which gradient the base optimizer
    gets; `loop` is what it needs of the training loop; `reference` is an arXiv id or a citation.
    """

    label: str
    name: str
    kind: str
    when: str
    where: str
    which: str
    loop: str
    reference: str
    schedule: dict[str, object] | None = None
    options: Mapping[str, bool | int | float | str] = {}

    @property
    def method(self) -> Method:
        """It as a row of a comparison, at its class's radius."""
        return Method(
            label=self.label, kind=self.kind, schedule=self.schedule, options=dict(self.options)
        )


_ANY = "any"
_BATCH = "`passes(batch)`, one loss a sample"
_MOVED = "any; two lines: `ascend()` before `backward()`"

#: In the order in which one would look at them: the two ends, what lies between, the cheap ones.
FACTS: tuple[Fact, ...] = (
    Fact("SAM", "SAM", "sam", "always", "g", "at w + e", _ANY, "2010.01412"),
    Fact(
        "ASAM",
        "ASAM",
        "asam",
        "always",
        "g, scaled by the weights",
        "at w + e",
        _ANY,
        "2102.11600",
    ),
    Fact(
        "SS-SAM linear",
        "SSSAM(schedule=linear(0, 1))",
        "sssam",
        "a coin of rising probability",
        "g",
        "at w + e; g elsewhere",
        _ANY,
        "2203.09962",
        schedule=linear(0, 1).to_dict(),
    ),
    Fact(
        "SS-SAM late half",
        "SSSAM(schedule=late(0.5))",
        "sssam",
        "the last half of the steps",
        "g",
        "at w + e; g elsewhere",
        _ANY,
        "2410.10373",
        schedule=late(0.5).to_dict(),
    ),
    Fact(
        "every 4th step",
        'SSSAM(schedule=constant(1/4), draws="systematic")',
        "sssam",
        "every 4th step",
        "g",
        "at w + e; g elsewhere",
        _ANY,
        "2203.09962",
        schedule=constant(0.25).to_dict(),
        options={"draws": "systematic"},
    ),
    Fact(
        "G-RST",
        "SSSAM(schedule=linear(0, 1), mix=0.8)",
        "sssam",
        "a coin of rising probability",
        "g",
        "0.2 g + 0.8 at w + e; g elsewhere",
        _ANY,
        "2203.09962v2",
        schedule=linear(0, 1).to_dict(),
        options={"mix": 0.8},
    ),
    Fact(
        "LookSAM",
        "LookSAM",
        "looksam",
        "every 5th step",
        "g",
        "at w + e; elsewhere g turned by what is kept of it",
        _ANY,
        "2203.02714",
    ),
    Fact(
        "AESAM",
        "AESAM",
        "aesam",
        "steps whose gradient is large",
        "g",
        "at w + e; g elsewhere",
        "any; `will_ascend` is not known before the pass",
        "2304.14647",
    ),
    Fact(
        "AE-LookSAM",
        "AESAM(look=True)",
        "aesam",
        "steps whose gradient is large",
        "g",
        "at w + e; elsewhere g turned by what is kept of it",
        "any; `will_ascend` is not known before the pass",
        "2304.14647",
        options={"look": True},
    ),
    Fact(
        "MicroSAM",
        "MicroSAM",
        "microsam",
        "always",
        "g of a quarter of the batch, with noise",
        "at w + e",
        "any; two lines: `will_ascend` first",
        "Neural Networks 185, 2025",
    ),
    Fact(
        "ESAM",
        "ESAM",
        "esam",
        "always",
        "g, on tensors drawn at random",
        "at w + e, of the samples whose losses rise most",
        _BATCH,
        "2110.03141",
    ),
    Fact(
        "KSAM",
        "KSAM",
        "ksam",
        "always",
        "g of the samples of the highest losses",
        "at w + e, of the same samples",
        _BATCH,
        "2210.12864",
    ),
    Fact(
        "AsyncSAM",
        "AsyncSAM",
        "asyncsam",
        "always",
        "g of the step before",
        "at w + e",
        "any; two lines: `will_ascend` first",
        "2503.11147",
    ),
    Fact(
        "SAMPa",
        "SAMPa",
        "sampa",
        "always",
        "g at a point ahead, of the step before",
        "at w + e, mixed with the next point's",
        "`passes(batch)`; a resumed run begins with a plain step",
        "2410.10683",
    ),
    Fact(
        "MSAM",
        "MSAM",
        "msam",
        "always",
        "minus the momentum, no pass",
        "at w + e",
        f"{_MOVED}; a base with momentum",
        "2401.12033",
    ),
    Fact(
        "S2SAM",
        "S2SAM",
        "s2sam",
        "always",
        "the last step's own gradient, no pass",
        "at w + e",
        _MOVED,
        "NeurIPS 2024",
    ),
    Fact(
        "RandomPerturbation",
        "RandomPerturbation",
        "random",
        "always",
        "noise, no pass",
        "at w + e",
        _MOVED,
        "2404.00357",
    ),
    Fact(
        "FriendlySAM",
        "FriendlySAM",
        "friendlysam",
        "always",
        "g less its running mean",
        "at w + e",
        _ANY,
        "2403.12350",
    ),
    Fact(
        "GSAM",
        "GSAM",
        "gsam",
        "always",
        "g",
        "at w + e, less a part of g orthogonal to it",
        _ANY,
        "2203.08065",
    ),
    Fact(
        "WSAM",
        "WSAM",
        "wsam",
        "always",
        "g",
        "g, then the sharpness's own step",
        'any; groups with an "lr"',
        "2305.15817",
    ),
    Fact(
        "WSAM coupled",
        "WSAM(decoupled=False)",
        "wsam",
        "always",
        "g",
        "(1 - a) g + a at w + e, a = gamma / (1 - gamma)",
        _ANY,
        "2305.15817",
        options={"decoupled": False},
    ),
    Fact(
        "USAM",
        "USAM",
        "usam",
        "always",
        "g, not normalised",
        "at w + e",
        _ANY,
        "2206.06232",
    ),
    Fact(
        "SAMON",
        "SAMON",
        "samon",
        "always",
        "g of the normalisation layers alone",
        "at w + e",
        "any; `model`",
        "2306.04226",
    ),
)
