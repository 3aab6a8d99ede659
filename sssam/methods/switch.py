"""One of two methods at each step: decided before its first pass, or by the gradient at w."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from sssam.core.passes import Pass, Passes, Result, Step
from sssam.core.vectors import dense, norm
from sssam.methods.base import PLAIN, Method
from sssam.methods.facts import Facts, together
from sssam.roles.threshold import GradientWhen
from sssam.roles.when import When


@dataclass(frozen=True)
class Switch(Method):
    """One of two methods, decided at each step before its first pass.

    Args:
        when: the decision.
        on: the method where it says yes.
        off: the method elsewhere. Default: the base optimizer's step.
    """

    when: When
    on: Method
    off: Method = PLAIN

    @cached_property
    def facts(self) -> Facts:
        """What both have together."""
        return together(self.on.facts, self.off.facts)

    def at(self, t: int) -> Method:
        """The method of step t."""
        return self.on if self.when.acts(t) else self.off

    def acts(self, t: int) -> bool | None:
        """Whether the chosen method leaves w; at no step known if at some it is not."""
        return None if self.facts.decides_late else self.at(t).acts(t)

    def is_plain(self, t: int) -> bool:
        """Whether the chosen method is the base optimizer's step."""
        return self.at(t).is_plain(t)

    def cost(self, total_steps: int | None) -> float:
        """The expectation over the decision."""
        return self._expected(lambda method: method.cost(total_steps), total_steps)

    def critical(self, total_steps: int | None) -> float:
        """The expectation over the decision."""
        return self._expected(lambda method: method.critical(total_steps), total_steps)

    def _expected(self, of: Callable[[Method], float], total_steps: int | None) -> float:
        off = of(self.off)
        return off + self.when.rate(total_steps) * (of(self.on) - off)

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """The chosen method's passes."""
        return (yield from self.at(step.t).passes(step, first))


@dataclass(frozen=True)
class GradientSwitch(Method):
    """One of two methods, decided by the norm of the gradient at w: the host waits for it.

    Args:
        when: the decision.
        on: the method where it says yes; it takes the gradient at w over.
        off: the method elsewhere. Default: the base optimizer's step.

    Raises:
        ValueError: a method whose own pass at w is another one, named.
    """

    when: GradientWhen
    on: Method
    off: Method = PLAIN

    def __post_init__(self) -> None:
        for name, method in (("on", self.on), ("off", self.off)):
            if not method.facts.shares_first or method.facts.decides_late:
                raise ValueError(
                    f"when={self.when!r} decides by the gradient of the whole batch at w, but "
                    f"{name}={method!r} begins with another pass; use a method that starts with "
                    "the whole batch, such as Ascent(Fresh(), Euclidean(rho))"
                )

    @cached_property
    def facts(self) -> Facts:
        """What both have together, and a pass at w before all others."""
        both = together(self.on.facts, self.off.facts)
        return replace(
            both,
            opening="at w",
            plain=False,
            most_passes=max(both.most_passes, 2),
            decides_late=True,
            binds_ranks="decision rests on the gradient of its first pass: the ranks would decide "
            "apart",
        )

    def acts(self, t: int) -> None:
        """Not known before the pass."""
        return

    def is_plain(self, t: int) -> bool:
        """Not known before the pass."""
        return False

    def cost(self, total_steps: int | None) -> float:
        """Not known: the gradients decide."""
        dear = 1 + self.on.cost(total_steps) - (self.on.facts.opening == "at w")
        raise RuntimeError(
            "expected_propagations is not known before training: the gradients decide, step by "
            f"step, between 1 and {dear:g}; read optimizer.propagations while it trains"
        )

    def critical(self, total_steps: int | None) -> float:
        """Not known, as the cost."""
        return self.cost(total_steps)

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """The pass at w, then what the chosen method asks for beyond it."""
        first = first if first is not None else (yield Pass("ascent"))
        decision = self.when.decide(step, float(norm(dense(first.gradient))) ** 2)
        chosen = self.on if decision.acts else self.off
        update = yield from chosen.passes(step, first)
        return update._replace(numbers={**update.numbers, **decision.numbers})
