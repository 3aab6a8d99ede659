"""Details of a comparison: reasons against a claim, ends of runs, curves, ascents and flatness."""

from typing import Literal

from sssam.lab.specs import Spec
from sssam.lab.stats import Interval

ReasonKind = Literal[
    "few_seeds",  # fewer than `contrasts.LEAST_SEEDS` seeds
    "untuned_base",  # the base's recipe was not tuned on this task
    "no_control",  # nothing that costs no more is compared, or the base at its own length alone
    "incomplete",  # of the variants runs failed or are missing
    "incomplete_control",  # the same of controls that cost no more
    "diverged",  # too few seeds are left at which variant, control and base finished
    "unlike_test",  # variant and control were not judged on the same test examples
    "unlike_samples",  # they did not train on the same examples in the same order
]


class Reason(Spec):
    """Why nothing is claimed of `variants`, or of any where they are empty.

    `controls` and `seeds` are those at which it fails, where it is of some alone.
    """

    kind: ReasonKind
    variants: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()


class Outcomes(Spec):
    """How many of a variant's runs ended how; missing runs have no record yet."""

    finished: int = 0
    diverged: int = 0
    failed: int = 0
    missing: int = 0

    @property
    def total(self) -> int:
        return self.finished + self.diverged + self.failed + self.missing


class CurvePoint(Spec):
    """The end of one epoch, as means over the finished runs.

    `passes` is what was spent until then, in epochs of the base optimizer.
    """

    epoch: int
    passes: float
    train_loss: float | None
    validation_accuracy: float


class Ascents(Spec):
    """Which steps of one run were sharpness-aware: bit i of `int(ascended, 16)` is step i."""

    seed: int
    steps: int
    ascended: str

    def taken(self) -> list[bool]:
        bits = int(self.ascended, 16)
        return [bool(bits >> step & 1) for step in range(self.steps)]


class VariantRise(Spec):
    """How far the loss rises within `rho` at worst; None where of some run it has no bound."""

    rho: float
    adaptive: bool
    worst: Interval | None


class VariantFlatness(Spec):
    """How flat the training loss is at a variant's trained models, as means over the `n` measured.

    `eigenvalue` is the largest of its Hessian, `trace` that of the Hessian.
    """

    n: int
    loss: Interval
    eigenvalue: Interval
    trace: Interval
    rises: tuple[VariantRise, ...] = ()
