"""Random shifts and flips of images: what one epoch draws, as a function of (seed, epoch)."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from sssam.lab.specs.run import Augment
from sssam.lab.specs.seeds import generator


class Augmentation(NamedTuple):
    """The shifts, int64 of shape (n, 2) in [0, 2 margin], and the flips, bool of shape (n,).

    Both belong to an example's place in the training set, not to its place in the order. A shift
    of `margin` leaves the image where it is; what comes in from outside is 0.
    """

    shifts: Tensor
    flips: Tensor
    margin: int

    def __call__(self, images: Tensor, index: Tensor) -> Tensor:
        """The images that `index` took from the training set, shifted and flipped."""
        height, width = images.shape[2:]
        span = torch.arange(max(height, width), device=images.device)
        rows = self.shifts[index, 0, None] + span[:height]
        columns = self.shifts[index, 1, None] + span[:width]
        columns = torch.where(self.flips[index, None], columns.flip(1), columns)
        padded = pad(images, (self.margin,) * 4).permute(0, 2, 3, 1)
        each = torch.arange(len(images), device=images.device)[:, None, None]
        cropped = padded[each, rows[:, :, None], columns[:, None, :]]
        return cropped.permute(0, 3, 1, 2).contiguous()


def draw(kind: Augment, size: int, like: Tensor, seed: int, epoch: int) -> Augmentation:
    """The augmentation of one epoch for a training set of `size` images of the shape of `like`."""
    source = generator("augmentation", seed, epoch)
    margin = max(1, round(min(like.shape[2:]) / 8))
    shifts = torch.randint(2 * margin + 1, (size, 2), generator=source)
    flips = torch.rand(size, generator=source) < (0.5 if kind == "shifts and flips" else 0.0)
    return Augmentation(shifts.to(like.device), flips.to(like.device), margin)
