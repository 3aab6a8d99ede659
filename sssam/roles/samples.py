"""Samples: which samples of the batch go through the passes?"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from sssam.core.checks import share
from sssam.core.passes import Choice, Pass, Step

SCORES = Pass("scores", backward=False, losses=True)
#: A forward pass alone, in propagations.
FORWARD = 1 / 3


class Samples(Protocol):
    """Chooses the samples of the pass at w and of the one at w + e."""

    @property
    def whole(self) -> bool:
        """Whether all samples go through all passes."""
        ...

    @property
    def compares(self) -> bool:
        """Whether it reads the losses of all samples off the pass at w."""
        ...

    @property
    def scores_at_w(self) -> bool:
        """Whether it runs a forward pass at w before anything else."""
        ...

    def cost(self, at_w: float) -> float:
        """Propagations a step, with `at_w` of them at w were all samples chosen."""
        ...

    def at_w(self, step: Step) -> Choice:
        """The samples of the pass at w; None for all."""
        ...

    def at_e(self, step: Step) -> Choice:
        """The samples of the pass at w + e; None for all."""
        ...


def greatest(values: Tensor, fraction: float) -> Tensor:
    """The positions of the greatest values: the nearest number to that fraction, at least one."""
    return values.topk(max(1, round(fraction * len(values)))).indices


@dataclass(frozen=True)
class All:
    """Every sample, in every pass."""

    whole: ClassVar[bool] = True
    compares: ClassVar[bool] = False
    scores_at_w: ClassVar[bool] = False

    def cost(self, at_w: float) -> float:
        """The passes at w, and the one at w + e."""
        return at_w + 1.0

    def at_w(self, step: Step) -> Choice:
        """All."""
        yield from ()
        return None

    def at_e(self, step: Step) -> Choice:
        """All."""
        yield from ()
        return None


ALL = All()


@dataclass(frozen=True)
class Hardest:
    """The fraction of samples with the highest losses at w, in both passes (K-SAM).

    A forward pass over the whole batch finds them.
    """

    fraction: float
    compares: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", share("fraction", self.fraction))

    @property
    def whole(self) -> bool:
        """Only at fraction 1, where nothing is chosen."""
        return self.fraction == 1.0

    @property
    def scores_at_w(self) -> bool:
        """Unless nothing is chosen."""
        return not self.whole

    def cost(self, at_w: float) -> float:
        """A forward pass, and the chosen samples in the others."""
        return self.fraction * (at_w + 1.0) + FORWARD * self.scores_at_w

    def at_w(self, step: Step) -> Choice:
        """Those of the highest losses."""
        if self.whole:
            return None
        yield SCORES
        return greatest(step.sample_losses, self.fraction)

    def at_e(self, step: Step) -> Choice:
        """The same ones."""
        yield from ()
        return step.samples


@dataclass(frozen=True)
class Rising:
    """In the pass at w + e, the fraction of samples whose losses rise most on the way (ESAM).

    The losses at w come with the gradient there, those at w + e by a forward pass.
    """

    fraction: float
    scores_at_w: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", share("gamma", self.fraction))

    @property
    def whole(self) -> bool:
        """Only at fraction 1, where nothing is chosen."""
        return self.fraction == 1.0

    @property
    def compares(self) -> bool:
        """Unless nothing is chosen."""
        return not self.whole

    def cost(self, at_w: float) -> float:
        """A forward pass at w + e beyond SAM's, whose second pass is smaller."""
        return at_w + self.fraction + FORWARD * self.compares

    def at_w(self, step: Step) -> Choice:
        """All."""
        yield from ()
        return None

    def at_e(self, step: Step) -> Choice:
        """Those whose losses rise most."""
        if self.whole:
            return None
        before = step.sample_losses
        yield SCORES
        return greatest(step.sample_losses - before, self.fraction)
