"""The sharpness-aware step: samples, direction, metric and mix, in the order in which they act."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import torch

from sssam.core.checks import count
from sssam.core.passes import Pass, Passes, Perturbation, Result, Step
from sssam.core.vectors import Vector, add, dense
from sssam.methods.base import Method
from sssam.roles.direction import Direction
from sssam.roles.metric import Metric
from sssam.roles.mix import Mix, Perturbed
from sssam.roles.samples import ALL, EVERY, Chosen, Samples
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
        steps: n, at least 1: e is made of n steps, each 1/n of the radius long and along the
            direction of the gradient where the one before has led. Default 1.
        functional: whether the loss's derivative at w is used at w + e too (functional SAM).
            Default False.

    Raises:
        ValueError: two parts that don't go together, both named.
    """

    direction: Direction
    metric: Metric
    mix: Mix = PERTURBED
    strength: Factor | None = None
    samples: Samples = ALL
    steps: int = 1
    functional: bool = False

    def __post_init__(self) -> None:
        count("ascent_steps", self.steps, 1, remedy="1 is one step of the whole radius")
        if self.steps > 1 and not self.direction.fraction:
            raise ValueError(
                f"ascent_steps={self.steps} needs a gradient at each of its points, which "
                f"direction={self.direction!r} does not compute; use ascent_steps=1, or "
                "direction=Fresh()"
            )
        if self.functional and (self.direction.fraction != 1 or self.samples.scored_at):
            raise ValueError(
                "functional=True needs the loss's derivative of every sample at w, which "
                f"direction={self.direction!r} with samples={self.samples!r} does not compute; use "
                "direction=Fresh() and samples=All()"
            )
        if self.mix.needs_first and not self.direction.fraction:
            raise ValueError(
                f"mix={self.mix!r} needs the gradient at w, which direction={self.direction!r} "
                "does not compute; use mix=Perturbed(), or direction=Fresh()"
            )
        if not self.direction.fraction and self.facts.lacks:
            raise ValueError(
                f"direction={self.direction!r} is what the step before kept, but mix={self.mix!r} "
                "keeps no such thing; use mix=Kept()"
            )
        if self.samples.scored_at == "w + e" and self.direction.fraction != 1:
            raise ValueError(
                f"samples={self.samples!r} needs the loss of every sample at w, which "
                f"direction={self.direction!r} does not compute; use direction=Fresh()"
            )
        if self.samples.scored_at and 0 < self.direction.fraction < 1:
            raise ValueError(
                f"samples={self.samples!r} and direction={self.direction!r} both choose the part "
                "of the batch for the pass at w; leave the direction's fraction at 1"
            )

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """A pass at w for the direction, if it needs one; more on the way; then one at w + e."""
        scored_at, chosen = self.samples.scored_at, EVERY
        if scored_at == "w":
            scores = yield Pass("scores", backward=False, losses=True)
            chosen = self.samples.choose(_losses(scores))
        if first is None and (part := self.direction.fraction * chosen.fraction):
            ascent = Pass("ascent", part, chosen.positions, losses=scored_at == "w + e")
            first = yield ascent._replace(derivative="noted") if self.functional else ascent
        g = {} if first is None else dense(first.gradient)
        moved, kept = self._perturbation(step, g)
        if not self.mix.needs_first:  # its memory serves e, or is freed
            g.clear()
            if first is not None:
                first.gradient.clear()
        for _ in range(self.steps - 1):
            moved = yield from self._further(step, moved, chosen)
        move: Perturbation | None = moved
        if scored_at == "w + e" and first is not None:
            scores = yield Pass("scores", move=move, backward=False, losses=True)
            move, chosen = None, self.samples.choose(_losses(scores) - _losses(first))
        descent = Pass("descent", *chosen, move)
        perturbed = yield descent._replace(derivative="given") if self.functional else descent
        update = self.mix.update(step, g, perturbed.gradient, moved)
        return update._replace(kept={**kept, **update.kept}) if kept else update

    def _further(
        self, step: Step, moved: Perturbation, chosen: Chosen
    ) -> Generator[Pass, Result, Perturbation]:
        """One more step of the ascent, from where the others have led."""
        part = self.direction.fraction * chosen.fraction
        # Moving empties what it is given; void is counted once, with the whole.
        move = moved._replace(vector={**moved.vector}, void=False)
        result = yield Pass("ascent", part, chosen.positions, move)
        more, _ = self._perturbation(step, dense(result.gradient))
        e = add(moved.e, more.vector, more.factor, overwrite=True)
        return Perturbation(e, moved.void & more.void, moved.still & more.still)

    def _perturbation(self, step: Step, g: Vector) -> tuple[Perturbation, Mapping[str, Vector]]:
        """The perturbation from the gradient at w, and what the direction keeps."""
        signal = self.direction.signal(step, g)
        # A dry run must not ask a training's progress how far it has come.
        factor = None if step.is_dry else self.strength
        strength = (1.0 if factor is None else factor.factor(step)) / self.steps
        moved = self.metric.perturbation(
            signal.vector,
            step,
            strength * signal.sign,
            overwrite=signal.owned and not self.mix.needs_first,
        )
        return moved, signal.kept


def _losses(result: Result) -> torch.Tensor:
    if result.losses is None:
        raise RuntimeError("a pass brought no losses of single samples, which it was asked for")
    return result.losses
