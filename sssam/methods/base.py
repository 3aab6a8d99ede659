"""What the drivers and the plans need to know of a method, and the base optimizer's own step."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sssam.core.passes import Passes, Step

#: Where a step's first pass runs: at w, at w + e, at w whatever the others do, or it depends on t.
Opening = Literal["at w", "moved", "any", "mixed"]


class Memory(NamedTuple):
    """Copies of the parameters beyond the base optimizer's own weights, gradients and state.

    Args:
        persistent: kept from step to step.
        peak: the most at any moment at which a pass runs, the persistent ones included.
    """

    persistent: int
    peak: int


class Method(ABC):
    """A generator of passes, and what can be said of it beforehand; the defaults are SAM's."""

    @property
    def opening(self) -> Opening:
        """Where the first pass of a step runs."""
        return "at w"

    @property
    def ascent_fraction(self) -> float:
        """The part of the batch that the ascent pass uses; 1 where there is none."""
        return 1.0

    @property
    def shares_first(self) -> bool:
        """Whether its pass at w, if any, is one over the whole batch that others can run for it."""
        return True

    @property
    def needs_batch(self) -> bool:
        """Whether only the loop over passes can serve it, which has the batch in hand."""
        return False

    @property
    def keeps_batch(self) -> bool:
        """Whether it runs passes on the batch of the step before."""
        return False

    @property
    def uses_first(self) -> bool:
        """Whether the update, or a decision, rests on a gradient of the first of several passes."""
        return True

    @property
    def binds_ranks(self) -> str:
        """What would part ranks that keep their first pass's gradient to themselves; else empty."""
        if self.uses_first:
            return "update uses the gradient of its first pass: the ranks' weights would part"
        return ""

    @property
    def decides_late(self) -> bool:
        """Whether only the gradient at w decides if a step leaves w."""
        return False

    @property
    def keeps(self) -> frozenset[str]:
        """The names of the vectors that it keeps from step to step, each as large as w."""
        return frozenset()

    @property
    def transient(self) -> int:
        """The most vectors that it holds beside those while a pass runs: SAM's one is w."""
        return 1

    @property
    def memory(self) -> Memory:
        """Extra copies of the parameters, from step to step and at the peak of a step."""
        return Memory(len(self.keeps), len(self.keeps) + self.transient)

    def acts(self, t: int) -> bool | None:
        """Whether step t leaves w; None where only the gradient at w decides it."""
        return True

    def is_plain(self, t: int) -> bool:
        """Whether step t is the base optimizer's own, to the bit."""
        return False

    @abstractmethod
    def cost(self, total_steps: int | None) -> float:
        """Expected propagations a step; 1 for the base optimizer."""

    def critical(self, total_steps: int | None) -> float:
        """Those of them that must follow one another, were there a second device for the rest."""
        return self.cost(total_steps)

    @abstractmethod
    def passes(self, step: Step) -> Passes:
        """The method at work on one step."""


@dataclass(frozen=True)
class Plain(Method):
    """The base optimizer's own step."""

    @property
    def opening(self) -> Opening:
        """At w, whatever the other steps do."""
        return "any"

    @property
    def uses_first(self) -> bool:
        """No."""
        return False

    @property
    def transient(self) -> int:
        """None."""
        return 0

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
