"""What a variant is made of beside its numbers: ends of runs, curves, draws, flatness."""

from sssam.lab.specs import Spec
from sssam.lab.specs.flatness import Profile
from sssam.lab.stats import Interval


class Outcomes(Spec):
    """How many of a variant's runs ended how; missing runs have no record yet."""

    finished: int = 0
    diverged: int = 0
    failed: int = 0
    missing: int = 0

    @property
    def total(self) -> int:
        """The runs that the study asks for."""
        return self.finished + self.diverged + self.failed + self.missing


class CurvePoint(Spec):
    """The end of one epoch, as means over the finished runs.

    `passes` is what was spent until then, in epochs of the base optimizer.
    """

    epoch: int
    passes: float
    train_loss: float | None
    validation_accuracy: float


class Draws(Spec):
    """Which steps of one run were sharpness-aware: bit i of `int(ascended, 16)` is step i."""

    seed: int
    steps: int
    ascended: str

    def taken(self) -> list[int]:
        """The sharpness-aware steps, rising."""
        bits = int(self.ascended, 16)
        return [step for step in range(self.steps) if bits >> step & 1]


class VariantRise(Spec):
    """How far the loss rises within `rho` at worst; None where of some run it has no bound."""

    rho: float
    adaptive: bool
    worst: Interval | None


class VariantFlatness(Spec):
    """How flat the training loss is at a variant's trained models, as means over the `n` measured.

    `samples` is how many training samples the loss is the mean over; `eigenvalue` the largest of
    its Hessian, `trace` that of the Hessian. `curve` is the loss along a random direction, of the
    run of `seed`, the first one measured.
    """

    n: int
    samples: int
    loss: Interval
    eigenvalue: Interval
    trace: Interval
    rises: tuple[VariantRise, ...] = ()
    seed: int
    curve: Profile
