"""Random crops and flips on tensors: what one epoch draws, as a function of (seed, epoch)."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from sssam.lab.specs.seeds import generator

MARGIN = 4


class Augmentation(NamedTuple):
    """The crop's offsets, int64 of shape (n, 2) in [0, 8], and the flips, bool of shape (n,).

    Both belong to an example's place in the training set, not to its place in the order.
    """

    offsets: Tensor
    flips: Tensor

    def __call__(self, images: Tensor, index: Tensor) -> Tensor:
        """The images that `index` took from the training set, shifted and flipped."""
        height, width = images.shape[2:]
        span = torch.arange(max(height, width), device=images.device)
        rows = self.offsets[index, 0, None] + span[:height]
        columns = self.offsets[index, 1, None] + span[:width]
        columns = torch.where(self.flips[index, None], columns.flip(1), columns)
        padded = pad(images, (MARGIN,) * 4).permute(0, 2, 3, 1)
        each = torch.arange(len(images), device=images.device)[:, None, None]
        cropped = padded[each, rows[:, :, None], columns[:, None, :]]
        return cropped.permute(0, 3, 1, 2).contiguous()


def draw(size: int, seed: int, epoch: int, device: torch.device) -> Augmentation:
    """The augmentation of one epoch for a training set of `size` examples, on their device."""
    source = generator("augmentation", seed, epoch)
    offsets = torch.randint(2 * MARGIN + 1, (size, 2), generator=source)
    flips = torch.rand(size, generator=source) < 0.5
    return Augmentation(offsets.to(device), flips.to(device))
