"""Methods: short compositions of roles, each a generator of passes.

A method yields the passes that it wants run, each at the weights as they stand, is sent their
gradients, and returns the gradient for the base optimizer. SAM is `Ascent(Fresh(),
Euclidean(rho))`; SS-SAM is a `Switch` between it and `Plain()`, thrown by a scheduled coin.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch

from sssam.passes import Pass, Passes, Step
from sssam.roles.direction import Direction
from sssam.roles.metric import Metric
from sssam.roles.mix import Mix, Perturbed
from sssam.roles.strength import Strength
from sssam.roles.when import When
from sssam.vectors import add, norm, scale

#: Where a step's first pass runs: at w, at w + e, at w whatever the others do, or it depends on t.
Opening = Literal["at w", "moved", "any", "mixed"]


class Method(Protocol):
    """What the drivers need to know of a method, and the generator that is the method."""

    @property
    def opening(self) -> Opening:
        """Where the first pass of a step runs."""
        ...

    @property
    def ascent_fraction(self) -> float:
        """The part of the batch that the ascent pass uses; 1 where there is none."""
        ...

    @property
    def keeps_batch(self) -> bool:
        """Whether it runs passes on the batch of the step before."""
        ...

    def acts(self, t: int) -> bool | None:
        """Whether step t leaves w; None where only the gradient at w decides it."""
        ...

    def is_plain(self, t: int) -> bool:
        """Whether step t is the base optimizer's own, to the bit."""
        ...

    def cost(self, total_steps: int | None) -> float:
        """Expected propagations a step; 1 for the base optimizer."""
        ...

    def passes(self, step: Step) -> Passes:
        """The method at work on one step."""
        ...


@dataclass(frozen=True)
class Plain:
    """The base optimizer's own step."""

    opening: Opening = field(default="any", init=False, repr=False)
    ascent_fraction: float = field(default=1.0, init=False, repr=False)
    keeps_batch: bool = field(default=False, init=False, repr=False)

    def acts(self, t: int) -> bool:
        """Never."""
        return False

    def is_plain(self, t: int) -> bool:
        """Always."""
        return True

    def cost(self, total_steps: int | None) -> float:
        """1."""
        return 1.0

    def passes(self, step: Step) -> Passes:
        """One pass at w, whose gradient goes to the base optimizer."""
        return (yield from step.gradient("plain"))


PLAIN = Plain()
PERTURBED = Perturbed()


@dataclass(frozen=True)
class Ascent:
    """A sharpness-aware step: a direction, a perturbation along it, a gradient there.

    Args:
        direction: the signal that the perturbation is made from.
        metric: how far it goes; carries rho.
        mix: the gradient that the base optimizer gets. Default: the one at w + e.
        strength: a factor on rho at each step. Default: 1.
    """

    direction: Direction
    metric: Metric
    mix: Mix = PERTURBED
    strength: Strength | None = None

    def __post_init__(self) -> None:
        if self.mix.needs_first and not self.direction.cost:
            raise ValueError(
                f"mix={self.mix!r} needs the gradient at w, which direction={self.direction!r} "
                "does not compute; use mix=Perturbed(), or direction=Fresh()"
            )

    @property
    def opening(self) -> Opening:
        """At w if the direction costs a pass, else at w + e."""
        return "at w" if self.direction.cost else "moved"

    @property
    def ascent_fraction(self) -> float:
        """The direction's; 1 where it needs no pass."""
        return self.direction.cost or 1.0

    @property
    def keeps_batch(self) -> bool:
        """No."""
        return False

    def acts(self, t: int) -> bool:
        """Always."""
        return True

    def is_plain(self, t: int) -> bool:
        """Never."""
        return False

    def cost(self, total_steps: int | None) -> float:
        """The direction's passes and the one at w + e."""
        return self.direction.cost + 1.0

    def passes(self, step: Step) -> Passes:
        """The direction's pass, if any; then one at w + e."""
        direction = yield from self.direction.signal(step)
        strength = 1.0 if self.strength is None else self.strength(step.t)
        spare = not self.mix.needs_first  # the gradient at w: its memory serves e, and is freed
        with torch.no_grad():
            step.move(self.metric.perturbation(direction, step, strength, overwrite=spare))
        del direction
        if spare:
            step.forget_first()
        perturbed = yield Pass("descent")
        step.weights.restore()
        return self.mix.gradient(step, perturbed)


@dataclass(frozen=True)
class Reuse:
    """g + alpha ||g|| v, v kept by an earlier step (LookSAM between its SAM steps)."""

    alpha: float
    name: str = "v"
    opening: Opening = field(default="at w", init=False, repr=False)
    ascent_fraction: float = field(default=1.0, init=False, repr=False)
    keeps_batch: bool = field(default=False, init=False, repr=False)

    def acts(self, t: int) -> bool:
        """Never: it stays at w."""
        return False

    def is_plain(self, t: int) -> bool:
        """Only where alpha is 0."""
        return self.alpha == 0

    def cost(self, total_steps: int | None) -> float:
        """1."""
        return 1.0

    def passes(self, step: Step) -> Passes:
        """One pass at w; its gradient is turned towards v."""
        yield from step.gradient("plain")
        v = step.recall(self.name)
        with torch.no_grad():
            return add(step.first, scale(v, self.alpha * norm(step.first))) if v else step.first


@dataclass(frozen=True)
class Switch:
    """One of two methods, decided at each step before its first pass.

    Args:
        when: the decision.
        on: the method where it says yes.
        off: the method elsewhere. Default: the base optimizer's step.
    """

    when: When
    on: Method
    off: Method = PLAIN

    @property
    def opening(self) -> Opening:
        """Common to both methods, or "mixed"."""
        kinds = {self.on.opening, self.off.opening} - {"any"}
        return "any" if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def ascent_fraction(self) -> float:
        """The smaller one."""
        return min(self.on.ascent_fraction, self.off.ascent_fraction)

    @property
    def keeps_batch(self) -> bool:
        """Whether either does."""
        return self.on.keeps_batch or self.off.keeps_batch

    def at(self, t: int) -> Method:
        """The method of step t."""
        return self.on if self.when.acts(t) else self.off

    def acts(self, t: int) -> bool | None:
        """Whether the chosen method leaves w."""
        return self.at(t).acts(t)

    def is_plain(self, t: int) -> bool:
        """Whether the chosen method is the base optimizer's step."""
        return self.at(t).is_plain(t)

    def cost(self, total_steps: int | None) -> float:
        """The expectation over the decision."""
        rate = self.when.rate(total_steps)
        return rate * self.on.cost(total_steps) + (1 - rate) * self.off.cost(total_steps)

    def passes(self, step: Step) -> Passes:
        """The chosen method's passes."""
        return (yield from self.at(step.t).passes(step))
