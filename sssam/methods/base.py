"""What every method is, and the base optimizer's own step."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sssam.core.passes import Pass, Passes, Result, Step, Update
from sssam.methods import facts


class Memory(NamedTuple):
    """Copies of the parameters beyond the base optimizer's own weights, gradients and state.

    Args:
        persistent: kept from step to step. On the host, the memory of the copy of w, which the
            peak counts, is kept too once a step has left w, until `optimizer.release()`.
        peak: the most at any moment at which a pass runs, the persistent ones included.
    """

    persistent: int
    peak: int


class Method(ABC):
    """A generator of passes; all else that is known of it is read off that generator."""

    @abstractmethod
    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """The method at work on one step.

        Args:
            step: what it may read.
            first: of the pass over the whole batch at w, where that has been run already.
        """

    @cached_property
    def facts(self) -> facts.Facts:
        """Where it opens, what it needs, keeps and costs."""
        return facts.read(self)

    @property
    def memory(self) -> Memory:
        """Extra copies of the parameters, from step to step and at the peak of a step."""
        persistent = len(self.facts.keeps)
        return Memory(persistent, persistent + self.facts.transient)

    def acts(self, t: int) -> bool | None:
        """Whether step t leaves w; None where only the gradient at w decides it."""
        return self.facts.moves

    def is_plain(self, t: int) -> bool:
        """Whether step t is the base optimizer's own, to the bit."""
        return self.facts.plain

    def cost(self, total_steps: int | None) -> float:
        """Expected propagations a step, of a training of so many; 1 for the base optimizer.

        Raises:
            RuntimeError: the gradients decide; with the least and the greatest cost.
        """
        return self.facts.cost.mean(total_steps)

    def critical(self, total_steps: int | None) -> float:
        """Expected propagations a step on the critical path: one device per independent pass."""
        return self.facts.critical


def at_w(first: Result | None) -> Generator[Pass, Result, Result]:
    """The result of the pass over the whole batch at w, run unless it has been."""
    return first if first is not None else (yield Pass("plain"))


@dataclass(frozen=True)
class Plain(Method):
    """The base optimizer's own step."""

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """One pass at w, whose gradient goes to the base optimizer."""
        return Update((yield from at_w(first)).gradient)


PLAIN = Plain()
