"""A vision transformer trained by AdamW: `sssam compare examples/tasks/vit.py`.

Without DATA its images are scikit-learn's digits. DATA=uoft-cs/cifar10 is CIFAR-10 of the Hugging
Face hub; so is the path of a folder with that data set's Parquet files.
"""

import functools
import os

import numpy as np
import torch
from torch import Tensor, nn

from sssam.lab import Problem

DATA = os.environ.get("DATA")
SETTINGS = {
    "epochs": 20,
    "batch_size": 64,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "weight_decay": 0.1,
    "augment": "none" if DATA is None else "shifts and flips",
}
VALIDATION = 300


class VisionTransformer(nn.Module):
    """Patches through transformer layers, the norm before each part; then the mean of them.

    Dosovitskiy et al. 2020 (arXiv 2010.11929), with the mean in the place of a class token, as in
    Beyer et al. 2022 (arXiv 2205.01580), and positions that are learned.
    """

    def __init__(self, shape: torch.Size, patch: int, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        channels, height, breadth = shape
        self.patches = nn.Conv2d(channels, width, patch, patch)
        places = (height // patch) * (breadth // patch)
        self.positions = nn.Parameter(torch.randn(1, places, width) * 0.02)
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    width, 4, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(depth)  # each with weights of its own
            )
        )
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.layers(hidden).mean(1))


@functools.cache
def images() -> tuple[Tensor, Tensor, int]:
    """Images in [0, 1], (n, channels, height, width), their classes, and how many test."""
    if DATA is None:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        return torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8) / 16, torch.tensor(y), 400
    from datasets import load_dataset

    test, train = (load_dataset(DATA, split=part) for part in ("test[:2000]", "train[:6300]"))
    x = [np.asarray(image) for part in (test, train) for image in part["img"]]
    y = [label for part in (test, train) for label in part["label"]]
    return torch.from_numpy(np.stack(x)).permute(0, 3, 1, 2) / 255, torch.tensor(y), len(test)


def task(seed: int) -> Problem:
    """A small ViT; the first images test, whatever the seed."""
    x, y, test = images()
    order = test + torch.randperm(len(x) - test)
    validation, train = order[:VALIDATION], order[VALIDATION:]
    x = (x - x[train].mean((0, 2, 3), keepdim=True)) / x[train].std((0, 2, 3), keepdim=True)
    model = VisionTransformer(x.shape[1:], patch=2 if DATA is None else 4)
    parts = ((x[part], y[part]) for part in (train, validation, torch.arange(test)))
    return Problem(model, *parts)
