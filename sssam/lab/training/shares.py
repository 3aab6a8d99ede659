"""Which samples a rank runs: a batch is that of all ranks together, and each takes its share.

Rank r of R has the samples r, r + R, r + 2R, ... of each batch. Their losses are weighted so that
the mean over ranks, which DDP takes of gradients, is the mean over the whole batch, however
unequal the shares are: ranks equal one process up to rounding. Batch norm is the exception: its
statistics are of a rank's own share, as in DDP at large, and the first rank's running statistics
are those that are kept.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sssam.runtime import batches


@dataclass(frozen=True)
class Share:
    """A rank among others; the default is one process alone."""

    rank: int = 0
    world: int = 1

    def order(self, sequence: Tensor, size: int) -> tuple[Tensor, int]:
        """What this rank visits of an epoch's order in batches of `size`: its order and its size.

        A last batch with fewer samples than ranks gives its first one to those who have none; it
        then has no weight.

        Raises:
            ValueError: a batch has fewer samples than there are ranks.
        """
        if self.world == 1:
            return sequence, size
        if size < self.world:
            raise ValueError(
                f"batch_size is {size}, must be at least the number of ranks, {self.world}: it is "
                "the batch of all ranks together"
            )
        mine = [self._of(index) for index in torch.split(sequence, size)]
        return torch.cat(mine), len(mine[0])

    def _of(self, index: Tensor) -> Tensor:
        mine = index[self.rank :: self.world]
        return mine if len(mine) else index[:1]


@dataclass(frozen=True, eq=False)
class RankBatch:
    """This rank's samples of a batch with `size` samples in all."""

    inputs: Any
    targets: Any
    size: int
    share: Share

    @property
    def batch(self) -> tuple[Any, Any]:
        """What the optimizer's `passes` is given: the samples; or their places and `at`.

        Of places a method takes a part, or chooses some, alike on all ranks.
        """
        if self.share.world == 1:
            return self.inputs, self.targets
        return torch.arange(self.size), self.at

    @property
    def weight(self) -> float:
        """What weighs the mean loss of this rank's samples in the mean over ranks."""
        mine = len(range(self.share.rank, self.size, self.share.world))
        return mine * self.share.world / self.size

    def at(self, places: Tensor) -> "Chosen":
        """This rank's samples among those at `places` of the batch; the first, if it has none."""
        slots = (places % self.share.world == self.share.rank).nonzero()[:, 0]
        weight = len(slots) * self.share.world / len(places)
        if len(slots) and len(places) == self.size:
            return Chosen(self.inputs, self.targets, weight, slots)
        rows = places[slots] // self.share.world if len(slots) else torch.zeros(1, dtype=torch.long)
        n = batches.size(self.inputs)
        inputs, targets = (batches.take(each, rows, n) for each in (self.inputs, self.targets))
        return Chosen(inputs, targets, weight, slots)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Samples for a pass; `weight` is of their mean loss, `slots` their places among the chosen."""

    inputs: Any
    targets: Any
    weight: float
    slots: Tensor
