"""All examples of a data set, before they are split."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sssam.lab.tasks.examples import ProblemError


@dataclass(frozen=True, eq=False)
class Pool:
    """All examples; the last `test_size` of them are the data's own test set (0: none).

    Args:
        labels: whole numbers of shape (n,), or (n, length) where each position has one.
        inputs: from an index to float32 images in [0, 1] of shape (n, channels, height, width), to
            float32 features (n, features), or to uint8 tokens (n, length).
        classes: how many labels can occur.
        stored: the inputs as they are kept, in their order, for a fingerprint.
        test_size: of the own test set.
        scaled: from the inputs of the training set and of other sets to scaled ones, by the former;
            it may scale in place.
        vocabulary: how many tokens can occur, where inputs are tokens.
    """

    labels: Tensor
    inputs: Callable[[Tensor], Tensor]
    classes: int
    stored: Callable[[], Iterable[bytes]]
    test_size: int = 0
    scaled: Callable[[list[Tensor]], list[Tensor]] = lambda parts: parts
    vocabulary: int | None = None

    @cached_property
    def content(self) -> str:
        """The first 16 digits of the SHA-256 of all labels and inputs, as hexadecimal text."""
        digest = hashlib.sha256(self.labels.numpy().tobytes())
        for kept in self.stored():
            digest.update(kept)
        return digest.hexdigest()[:16]


class Decoded:
    """Images in [0, 1] by their index, decoded when first asked for and kept as bytes.

    Args:
        decode: from an index to uint8 images (n, channels, height, width).
        size: how many there are.
    """

    def __init__(self, decode: Callable[[Tensor], Tensor], size: int) -> None:
        self._decode = decode
        self._kept = torch.empty(0, dtype=torch.uint8)
        self._known = torch.zeros(size, dtype=torch.bool)

    def __call__(self, index: Tensor) -> Tensor:
        """The images of an index, float32 of shape (n, channels, height, width)."""
        unknown = torch.unique(index[~self._known[index]])
        for some in unknown.split(4096) if len(unknown) else ():
            self._keep(some, self._decode(some))
        return self._kept[index].float().div_(255.0)

    def _keep(self, index: Tensor, images: Tensor) -> None:
        if not len(self._kept):
            self._kept = images.new_empty(len(self._known), *images.shape[1:])
        if images.shape[1:] != self._kept.shape[1:]:
            raise sizes_differ(*(tuple(each.shape[:1:-1]) for each in (images, self._kept)))
        self._kept[index], self._known[index] = images, True


def sizes_differ(one: Sequence[int], other: Sequence[int]) -> ProblemError:
    """The error for images of several sizes, (width, height)."""
    return ProblemError(
        f"images of several sizes, such as {tuple(one)} and {tuple(other)}: resize them to one "
        "size first"
    )


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


def rows(values: Tensor) -> Iterable[bytes]:
    """The bytes of each example of a tensor."""
    return (row.numpy().tobytes() for row in values)
