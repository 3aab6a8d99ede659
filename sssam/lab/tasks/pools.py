"""All examples of a data set, before they are split."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pool:
    """All examples; the last `test_size` of them are the data's own test set (0: none).

    `labels` are whole numbers of shape (n,), of `classes` different ones. `inputs` gives, for an
    index, float32 images in [0, 1] of shape (n, channels, height, width), or float32 features (n,
    features); `stored` their bytes as they are kept, for a fingerprint. `scaled` makes of the
    inputs of the training set and of other sets scaled ones, by the former; it may scale in place.
    """

    labels: Tensor
    inputs: Callable[[Tensor], Tensor]
    classes: int
    stored: Callable[[], Iterable[bytes]]
    test_size: int = 0
    scaled: Callable[[list[Tensor]], list[Tensor]] = lambda parts: parts

    @cached_property
    def content(self) -> str:
        """The first 16 digits of the SHA-256 of all labels and inputs, as hexadecimal text."""
        digest = hashlib.sha256(self.labels.numpy().tobytes())
        for kept in self.stored():
            digest.update(kept)
        return digest.hexdigest()[:16]


def per_channel(parts: list[Tensor]) -> list[Tensor]:
    """Images scaled in place, by each channel's mean and spread over the first part."""
    mean, spread = parts[0].mean((0, 2, 3), keepdim=True), parts[0].std((0, 2, 3), keepdim=True)
    return [part.sub_(mean).div_(spread.clamp_min(1e-6)) for part in parts]


def per_column(numeric: int, parts: list[Tensor]) -> list[Tensor]:
    """Features whose first `numeric` columns are scaled; there a missing one becomes the mean."""
    known = parts[0][:, :numeric]
    mean = known.nanmean(0).nan_to_num()
    spread = (known - mean).square().nanmean(0).sqrt().nan_to_num()
    numbers = [((p[:, :numeric] - mean) / spread.clamp_min(1e-6)).nan_to_num(0.0) for p in parts]
    return [torch.cat([n, p[:, numeric:]], 1) for n, p in zip(numbers, parts, strict=True)]
