"""The part of a step's micro-batches that an ascent pass with `ascent_fraction` below 1 runs on."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from sssam.core.passes import Pass
from sssam.runtime.batch_pass import BatchPass
from sssam.runtime.batches import size


def parts_of(batches: Sequence[Any], fraction: float, model: object) -> tuple[list[Any], float]:
    """The first samples of each micro-batch, and the part of all samples that they are.

    A part of each, not the first of several: so none of them is left out of a step's gradient at w.

    Args:
        batches: a step's micro-batches, tensors or nests of them, samples along dimension 0.
        fraction: in (0, 1]; at least one sample is taken of each, two where batch norm trains.
        model: what is trained.

    Raises:
        ValueError: a batch in which no samples are found.
    """
    wanted = Pass("ascent", fraction=fraction)
    cut = [BatchPass(wanted, batch, _nothing, model) for batch in batches]
    sizes = [size(batch) for batch in batches]
    taken = sum(part.fraction * n for part, n in zip(cut, sizes, strict=True))
    return [part.batch for part in cut], taken / sum(sizes)


def _nothing(loss: Tensor) -> None:
    """Trainers run backward themselves."""
