"""Samples: which samples of the batch go through the passes?"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol

from torch import Tensor

from sssam.core.checks import share

#: Where a forward pass over the whole batch is run for the losses that choose the samples.
Where = Literal["w", "w + e"]


class Chosen(NamedTuple):
    """The part of the batch that was chosen, and its positions; None for all."""

    fraction: float = 1.0
    positions: Tensor | None = None


EVERY = Chosen()


class Samples(Protocol):
    """Chooses the samples of the pass at w + e, and perhaps those of the one at w."""

    @property
    def scored_at(self) -> Where | None:
        """Where the samples get their scores. None: all of them are taken.

        At "w" the scores are the losses there, and the samples are those of both passes. At "w + e"
        they are how much each loss has risen on the way, and the pass at w has all samples.
        """
        ...

    def choose(self, scores: Tensor) -> Chosen:
        """The chosen samples, from one score for each."""
        ...


@dataclass(frozen=True)
class All:
    """Every sample, in every pass."""

    scored_at: ClassVar[Where | None] = None

    def choose(self, scores: Tensor) -> Chosen:
        """Every sample, whatever the scores."""
        return EVERY


ALL = All()


def _greatest(scores: Tensor, fraction: float) -> Chosen:
    """The greatest scores: the nearest number to that fraction, at least one."""
    return Chosen(fraction, scores.topk(max(1, round(fraction * len(scores)))).indices)


@dataclass(frozen=True)
class Hardest:
    """The fraction of samples with the highest losses at w, in both passes (K-SAM).

    A forward pass over the whole batch finds them; at fraction 1 there is nothing to find.
    """

    fraction: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", share("fraction", self.fraction))

    @property
    def scored_at(self) -> Where | None:
        """At w; nowhere where all samples are taken."""
        return None if self.fraction == 1.0 else "w"

    def choose(self, scores: Tensor) -> Chosen:
        """The samples of the highest losses."""
        return _greatest(scores, self.fraction)


@dataclass(frozen=True)
class Rising:
    """In the pass at w + e, the fraction of samples whose losses rise most on the way (ESAM).

    The losses at w come with the gradient there, those at w + e by a forward pass; at fraction 1
    there is nothing to find.
    """

    fraction: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", share("gamma", self.fraction))

    @property
    def scored_at(self) -> Where | None:
        """At w + e; nowhere where all samples are taken."""
        return None if self.fraction == 1.0 else "w + e"

    def choose(self, scores: Tensor) -> Chosen:
        """The samples whose losses rise most."""
        return _greatest(scores, self.fraction)
