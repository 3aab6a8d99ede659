"""ImageNet-1k with ResNet-50 (v1.5, as Transformers defines it).

The images are those of the hub's `ILSVRC/imagenet-1k`, whose terms must be accepted there, or of
the folder that IMAGENET_DATA names. They are decoded when they are asked for, by as many processes
as the machine has cores, up to 16.
"""

import math
from collections.abc import Callable
from typing import Any

import loky
import numpy as np
import torch
from PIL import Image
from places import read
from torch import Tensor
from torch.utils.data import Dataset
from transformers import ResNetConfig, ResNetForImageClassification

from sssam.lab import Problem

SETTINGS = {
    "epochs": 90,
    "batch_size": 256,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "weight_decay": 1e-4,
    "anneal": "cosine",
    "precision": "bf16-mixed",
}
SIDE, CLASSES = 224, 1_000
#: Training images that validate, and are not trained on; a tenth where there are fewer.
VALIDATION = 20_000
MEAN, DEVIATION = (
    torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
)

#: Left, upper, right and lower side, in pixels.
Box = tuple[float, float, float, float]


def central(width: int, height: int, part: float) -> Box:
    """A square in the middle, its side a part of the shorter side."""
    side = part * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def drawn(width: int, height: int) -> Box:
    """8 to 100% of the area, its sides in a ratio of 3/4 to 4/3: Szegedy et al. 2014 (1409.4842).

    All draws are torch's. After ten that do not fit, the square in the middle is taken.
    """
    for _ in range(10):
        area = width * height * torch.empty(()).uniform_(0.08, 1).item()
        ratio = math.exp(torch.empty(()).uniform_(-1, 1).item() * math.log(4 / 3))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left = int(torch.randint(width - w + 1, ()))
            top = int(torch.randint(height - h + 1, ()))
            return left, top, left + w, top + h
    return central(width, height, 1.0)


def pixels(image: Image.Image, box: Box) -> Tensor:
    """What lies in the box, standardised, (3, SIDE, SIDE)."""
    resized = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    values = torch.from_numpy(np.array(resized)).permute(2, 0, 1).float()
    return (values / 255 - MEAN) / DEVIATION


def augmented(image: Image.Image) -> Tensor:
    """A part of the image that is drawn anew, mirrored in half of the cases."""
    cropped = pixels(image, drawn(*image.size))
    return cropped.flip(2) if torch.rand(()) < 0.5 else cropped


def plain(image: Image.Image) -> Tensor:
    """The middle, as for tests: the shorter side is 256 pixels, 224 of which are taken."""
    return pixels(image, central(*image.size, part=224 / 256))


class Images(Dataset[tuple[Tensor, int]]):
    """Some rows of a part of the data, each decoded whenever it is asked for."""

    def __init__(self, rows: Any, index: Tensor, prepare: Callable[[Image.Image], Tensor]) -> None:
        self.rows, self.index, self.prepare = rows, index, prepare

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        row = self.rows[int(self.index[i])]
        return self.prepare(row["image"].convert("RGB")), row["label"]


def network() -> ResNetForImageClassification:
    """ResNet-50 with random weights, 25.6 million parameters."""
    return ResNetForImageClassification(ResNetConfig(num_labels=CLASSES))


def task(seed: int) -> Problem:
    """The official validation images test; those that validate are drawn anew for each seed."""
    needs = "accept the terms of ILSVRC/imagenet-1k there and log in with `hf auth login`"
    parts = read("IMAGENET_DATA", "ILSVRC/imagenet-1k", needs=needs)
    order = torch.randperm(len(parts["train"]))
    validation, train = order.tensor_split([min(VALIDATION, max(1, len(order) // 10))])
    test = Images(parts["validation"], torch.arange(len(parts["validation"])), plain)
    return Problem(
        network(),
        Images(parts["train"], train, augmented),
        Images(parts["train"], validation, plain),
        test,
        num_workers=min(16, loky.cpu_count()),
    )
