"""CIFAR-100 with ResNet-18 and with WRN-28-10: `cifar100.py:resnet18`, `cifar100.py:wrn28_10`.

The images are those of the hub's `uoft-cs/cifar100`, or of the folder that CIFAR100_DATA names.
They stay in memory; the laboratory moves each by up to 4 pixels and mirrors half of them, anew at
each epoch, by a generator of torch's: the usual crop from a padded image.
"""

import functools
from collections.abc import Callable

import numpy as np
import torch
from places import read
from torch import Tensor, nn

from sssam.lab import Problem

SETTINGS = {
    "epochs": 200,
    "batch_size": 128,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "weight_decay": 5e-4,
    "anneal": "cosine",
    "augment": "shifts and flips",
    "precision": "bf16-mixed",
}
CLASSES = 100
#: Training images that validate, and are not trained on; a tenth where there are fewer.
VALIDATION = 5_000


def convolution(inner: int, width: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """One that keeps the size of an image, but for the stride; weights as in He et al. 2015."""
    made = nn.Conv2d(inner, width, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    return made


def norm(width: int) -> nn.Sequential:
    """Batch norm and ReLU."""
    return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))


class Block(nn.Module):
    """Two convolutions beside a shortcut: He et al. 2015 (arXiv 1512.03385)."""

    def __init__(self, inner: int, width: int, stride: int) -> None:
        super().__init__()
        first, second = convolution(inner, width, 3, stride), convolution(width, width)
        self.body = nn.Sequential(first, norm(width), second, nn.BatchNorm2d(width))
        self.shortcut = nn.Sequential()
        if inner != width:
            self.shortcut.append(convolution(inner, width, 1, stride))
            self.shortcut.append(nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inner, side, side) -> (n, width, side / stride, side / stride)."""
        return nn.functional.relu(self.body(x) + self.shortcut(x))


class WideBlock(nn.Module):
    """The same, batch norm and ReLU first: Zagoruyko and Komodakis 2016 (arXiv 1605.07146)."""

    def __init__(self, inner: int, width: int, stride: int) -> None:
        super().__init__()
        first, second = convolution(inner, width, 3, stride), convolution(width, width)
        self.norm, self.body = norm(inner), nn.Sequential(first, norm(width), second)
        self.shortcut = convolution(inner, width, 1, stride) if inner != width else None

    def forward(self, x: Tensor) -> Tensor:
        """(n, inner, side, side) -> (n, width, side / stride, side / stride)."""
        hidden = self.norm(x)
        beside = x if self.shortcut is None else self.shortcut(hidden)
        return self.body(hidden) + beside


def stages(
    block: Callable[..., nn.Module], inner: int, widths: list[int], depth: int
) -> list[nn.Module]:
    """Stages of `depth` blocks each; every stage but the first halves the image."""
    made = list[nn.Module]()
    for stage, width in enumerate(widths):
        made.append(block(inner, width, 2 if stage else 1))
        made += [block(width, width, 1) for _ in range(depth - 1)]
        inner = width
    return made


def head(width: int) -> list[nn.Module]:
    """Scores of the classes from the mean over the image."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES)]


def small_resnet() -> nn.Sequential:
    """ResNet-18 for small images: a first convolution of 3 x 3, no stride and no pooling."""
    blocks = stages(Block, 64, [64, 128, 256, 512], 2)
    return nn.Sequential(convolution(3, 64), norm(64), *blocks, *head(512))


def wide_resnet() -> nn.Sequential:
    """WRN-28-10, without dropout."""
    blocks = stages(WideBlock, 16, [160, 320, 640], 4)
    return nn.Sequential(convolution(3, 16), *blocks, norm(640), *head(640))


@functools.cache
def images() -> tuple[Tensor, Tensor, int]:
    """Bytes, (n, 3, 32, 32), and classes, those of the test first; and how many test."""
    parts = read("CIFAR100_DATA", "uoft-cs/cifar100")
    test, train = parts["test"], parts["train"]
    pixels = np.stack([np.asarray(row.convert("RGB")) for p in (test, train) for row in p["img"]])
    labels = [label for part in (test, train) for label in part["fine_label"]]
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.tensor(labels), len(test)


def problem(model: nn.Module) -> Problem:
    """The official test images test; those that validate are drawn anew for each seed."""
    x, y, test = images()
    order = test + torch.randperm(len(x) - test)
    validation, train = order.tensor_split([min(VALIDATION, max(1, len(order) // 10))])
    pixels = x[train].float()
    mean, deviation = (f((0, 2, 3), keepdim=True) for f in (pixels.mean, pixels.std))
    parts = (((x[i] - mean) / deviation, y[i]) for i in (train, validation, torch.arange(test)))
    return Problem(model, *parts)


def resnet18(seed: int) -> Problem:
    """ResNet-18, 11.2 million parameters."""
    return problem(small_resnet())


def wrn28_10(seed: int) -> Problem:
    """WRN-28-10, 36.5 million parameters."""
    return problem(wide_resnet())
