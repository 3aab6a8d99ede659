"""The sharpness-aware step: direction, metric, samples and mix, in the order in which they act."""

from dataclasses import dataclass

import torch

from sssam.core.passes import Pass, Passes, Step
from sssam.methods.base import Method, Opening
from sssam.roles.direction import Direction
from sssam.roles.metric import Metric
from sssam.roles.mix import Mix, Perturbed
from sssam.roles.samples import ALL, Samples
from sssam.roles.strength import Factor

PERTURBED = Perturbed()


@dataclass(frozen=True)
class Ascent(Method):
    """A sharpness-aware step: a direction, a perturbation along it, a gradient there.

    Args:
        direction: the signal that the perturbation is made from.
        metric: how far it goes; carries rho.
        mix: the gradient that the base optimizer gets. Default: the one at w + e.
        strength: a factor on rho at each step. Default: 1.
        samples: which samples go through the passes. Default: all of them.

    Raises:
        ValueError: two parts that don't go together, both named.
    """

    direction: Direction
    metric: Metric
    mix: Mix = PERTURBED
    strength: Factor | None = None
    samples: Samples = ALL

    def __post_init__(self) -> None:
        if self.mix.needs_first and not self.direction.cost:
            raise ValueError(
                f"mix={self.mix!r} needs the gradient at w, which direction={self.direction!r} "
                "does not compute; use mix=Perturbed(), or direction=Fresh()"
            )
        if not self.direction.cost and not self.direction.keeps <= self.mix.keeps:
            raise ValueError(
                f"direction={self.direction!r} is what the step before kept, but mix={self.mix!r} "
                "keeps no such thing; use mix=Kept()"
            )
        if self.samples.compares and self.direction.cost != 1:
            raise ValueError(
                f"samples={self.samples!r} needs the loss of every sample at w, which "
                f"direction={self.direction!r} does not compute; use direction=Fresh()"
            )
        if not self.samples.whole and 0 < self.direction.cost < 1:
            raise ValueError(
                f"samples={self.samples!r} and direction={self.direction!r} both choose the part "
                "of the batch for the pass at w; leave the direction's fraction at 1"
            )

    @property
    def opening(self) -> Opening:
        """At w if a pass is run there, else at w + e."""
        return "at w" if self.direction.cost or self.samples.scores_at_w else "moved"

    @property
    def ascent_fraction(self) -> float:
        """The direction's; 1 where it needs no pass."""
        return self.direction.cost or 1.0

    @property
    def shares_first(self) -> bool:
        """Unless a part of the batch goes through the pass at w, or losses are read off it."""
        return self.direction.cost in (0.0, 1.0) and self.samples.whole

    @property
    def uses_first(self) -> bool:
        """If the mix does."""
        return self.mix.needs_first

    @property
    def binds_ranks(self) -> str:
        """Also a direction that keeps what it makes of its pass."""
        if self.direction.cost and self.direction.keeps:
            return "memory is made of its first pass: a checkpoint would hold one rank's alone"
        return super().binds_ranks

    @property
    def needs_batch(self) -> bool:
        """To choose samples from."""
        return not self.samples.whole

    @property
    def keeps(self) -> frozenset[str]:
        """What the direction and the mix keep."""
        return self.direction.keeps | self.mix.keeps

    @property
    def transient(self) -> int:
        """w, the gradient there if the mix uses it, and what the direction is about to keep."""
        replaces = bool(self.direction.cost and self.direction.keeps)
        return 1 + self.mix.needs_first + replaces

    def cost(self, total_steps: int | None) -> float:
        """The direction's passes and the one at w + e, and those that choose samples."""
        return self.samples.cost(self.direction.cost)

    def critical(self, total_steps: int | None) -> float:
        """Without the direction's pass, where it is for the next step."""
        return self.samples.cost(0.0) if self.direction.for_later else self.cost(total_steps)

    def passes(self, step: Step) -> Passes:
        """The direction's pass, if any; then one at w + e."""
        step.samples = yield from self.samples.at_w(step)
        step.wants_losses = self.samples.compares
        direction = yield from self.direction.signal(step)
        strength = 1.0 if self.strength is None else self.strength.factor(step)
        spare = not self.mix.needs_first  # the gradient at w: its memory serves e, and is freed
        with torch.no_grad():
            step.move(self.metric.perturbation(direction, step, strength, overwrite=spare))
        del direction
        if spare:
            step.forget_first()
        chosen = yield from self.samples.at_e(step)
        perturbed = yield Pass("descent", samples=chosen)
        step.weights.restore()
        return self.mix.gradient(step, perturbed)
