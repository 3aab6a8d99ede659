"""One of two methods at each step: decided before its first pass, or by the gradient at w."""

from dataclasses import dataclass

from sssam.core.passes import Passes, Step
from sssam.core.vectors import norm
from sssam.methods.base import PLAIN, Method, Opening
from sssam.roles.threshold import Looks
from sssam.roles.when import When


@dataclass(frozen=True)
class Pair(Method):
    """What two methods need together; the parts that `Switch` and `Watch` have in common."""

    when: object
    on: Method
    off: Method = PLAIN

    @property
    def ascent_fraction(self) -> float:
        """The smaller one."""
        return min(self.on.ascent_fraction, self.off.ascent_fraction)

    @property
    def needs_batch(self) -> bool:
        """Whether either does."""
        return self.on.needs_batch or self.off.needs_batch

    @property
    def uses_first(self) -> bool:
        """If either does."""
        return self.on.uses_first or self.off.uses_first

    @property
    def binds_ranks(self) -> str:
        """If either's would."""
        return self.on.binds_ranks or self.off.binds_ranks

    @property
    def keeps_batch(self) -> bool:
        """Whether either does."""
        return self.on.keeps_batch or self.off.keeps_batch

    @property
    def keeps(self) -> frozenset[str]:
        """What both keep."""
        return self.on.keeps | self.off.keeps

    @property
    def transient(self) -> int:
        """The greater one."""
        return max(self.on.transient, self.off.transient)


@dataclass(frozen=True)
class Switch(Pair):
    """One of two methods, decided at each step before its first pass.

    Args:
        when: the decision.
        on: the method where it says yes.
        off: the method elsewhere. Default: the base optimizer's step.
    """

    when: When

    @property
    def opening(self) -> Opening:
        """Common to both methods, or "mixed"."""
        kinds = {self.on.opening, self.off.opening} - {"any"}
        return "any" if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def shares_first(self) -> bool:
        """Whether both do."""
        return self.on.shares_first and self.off.shares_first

    @property
    def decides_late(self) -> bool:
        """Whether either does."""
        return self.on.decides_late or self.off.decides_late

    def at(self, t: int) -> Method:
        """The method of step t."""
        return self.on if self.when.acts(t) else self.off

    def acts(self, t: int) -> bool | None:
        """Whether the chosen method leaves w; at no step known if at some it is not."""
        return None if self.decides_late else self.at(t).acts(t)

    def is_plain(self, t: int) -> bool:
        """Whether the chosen method is the base optimizer's step."""
        return self.at(t).is_plain(t)

    def cost(self, total_steps: int | None) -> float:
        """The expectation over the decision."""
        off = self.off.cost(total_steps)
        return off + self.when.rate(total_steps) * (self.on.cost(total_steps) - off)

    def critical(self, total_steps: int | None) -> float:
        """The expectation over the decision."""
        off = self.off.critical(total_steps)
        return off + self.when.rate(total_steps) * (self.on.critical(total_steps) - off)

    def passes(self, step: Step) -> Passes:
        """The chosen method's passes."""
        return (yield from self.at(step.t).passes(step))


@dataclass(frozen=True)
class Watch(Pair):
    """One of two methods, decided by the norm of the gradient at w: the host waits for it.

    Args:
        when: the decision.
        on: the method where it says yes; it takes the gradient at w over.
        off: the method elsewhere. Default: the base optimizer's step.

    Raises:
        ValueError: a method whose own pass at w is another one, named.
    """

    when: Looks

    def __post_init__(self) -> None:
        for name, method in (("on", self.on), ("off", self.off)):
            if not method.shares_first or method.decides_late:
                raise ValueError(
                    f"when={self.when!r} decides by the gradient of the whole batch at w, but "
                    f"{name}={method!r} begins with another pass; use a method that starts with "
                    "the whole batch, such as Ascent(Fresh(), Euclidean(rho))"
                )

    @property
    def binds_ranks(self) -> str:
        """Its decision."""
        return "decision rests on the gradient of its first pass: the ranks would decide apart"

    @property
    def decides_late(self) -> bool:
        """Always."""
        return True

    def acts(self, t: int) -> None:
        """Not known before the pass."""
        return

    def cost(self, total_steps: int | None) -> float:
        """Not known: the gradients decide.

        Raises:
            RuntimeError: always, with the least and the greatest cost.
        """
        dear = 1 + self.on.cost(total_steps) - (self.on.opening == "at w")
        raise RuntimeError(
            "expected_propagations is not known before training: the gradients decide, step by "
            f"step, between 1 and {dear:g}; read optimizer.propagations while it trains"
        )

    def passes(self, step: Step) -> Passes:
        """The pass at w, then what the chosen method asks for beyond it."""
        yield from step.gradient("ascent")
        steep = self.when.decide(step, float(norm(step.first)) ** 2)
        return (yield from (self.on if steep else self.off).passes(step))
