"""The last step of a cycle of Lookahead, with the gradient of a perturbation (SALA)."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch

from sssam.core.checks import number
from sssam.core.passes import Pass, Passes, Perturbation, Result, Step, Update
from sssam.core.vectors import Vector, add, dense, norm
from sssam.methods import facts
from sssam.methods.base import Method, at_w
from sssam.roles.metric import Euclidean


@dataclass(frozen=True)
class Slow(Method):
    """An update from the slow weights s, which have moved by alpha (w - s).

    Where w is rho or more away from them, its gradient is that of a perturbation for no pass;
    elsewhere it is SAM's at s. The host waits for that distance.

    Args:
        metric: makes the perturbation at s; carries rho.
        alpha: how far s moves towards w, in [0, 1].
        name: under which s is kept; until it is, s is w.
    """

    metric: Euclidean
    alpha: float
    name: str = "slow"

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number("alpha", self.alpha, 0.0, 1.0))

    @cached_property
    def facts(self) -> facts.Facts:
        """The facts of SAM's step at s; where the first pass runs is not known before."""
        return replace(facts.read(self), opening="mixed", shares_first=False)

    def cost(self, total_steps: int | None) -> float:
        """Not known: the weights decide."""
        raise RuntimeError(
            "expected_propagations is not known before training: how far w is from the slow "
            "weights decides, at the last step of each cycle, between 1 and 2; read "
            "optimizer.propagations while it trains"
        )

    def critical(self, total_steps: int | None) -> float:
        """Not known, since the cost is not."""
        return self.cost(total_steps)

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """One at w, or two at and near s."""
        to_slow = self._to_slow(step)
        if not step.is_dry and float(norm(to_slow)) >= self.metric.rho:
            gradient = (yield from at_w(first)).gradient
        else:
            at_slow = yield Pass("ascent", move=Perturbation({**to_slow}))
            with torch.no_grad():
                g = dense(at_slow.gradient)
                moved = self.metric.perturbation(g, step, 1.0, overwrite=True)
                vector = add(to_slow, moved.vector, moved.factor)
                moved = moved._replace(vector=vector, factor=1.0)
            del g, at_slow
            gradient = (yield Pass("descent", move=moved)).gradient
        with torch.no_grad():
            w = {i: p.detach() for i, p in enumerate(step.params)}
            slow = {i: w[i] + to_slow[i] if i in to_slow else w[i].clone() for i in w}
        return Update(gradient, start=to_slow, kept={self.name: slow})

    @torch.no_grad()
    def _to_slow(self, step: Step) -> Vector:
        """The way -(1 - alpha) (w - s) to s, once s has moved; empty before there is an s."""
        before = step.recall(self.name)
        return {i: (step.params[i].detach() - s).mul_(self.alpha - 1.0) for i, s in before.items()}
