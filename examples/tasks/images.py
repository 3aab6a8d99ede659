"""A folder of images, one folder a class: `sssam compare examples/tasks/images.py`.

Without FOLDER it draws its own: discs, squares and crosses of any colour, in noise.
"""

import functools
import os

import numpy as np
import torch
from torch import nn

from sssam.lab import Problem

FOLDER = os.environ.get("FOLDER")  # such as cats-and-dogs, with cats-and-dogs/cat/1.png in it
SETTINGS = {"epochs": 20, "batch_size": 24, "learning_rate": 0.1, "augment": "shifts and flips"}


@functools.cache
def images() -> tuple[torch.Tensor, torch.Tensor]:
    """Images in [0, 1], (n, 3, 32, 32), and their classes; read once a process."""
    if FOLDER is None:
        return drawn(600)
    from datasets import load_dataset

    data = load_dataset("imagefolder", data_dir=FOLDER, split="train")
    small = [np.asarray(image.convert("RGB").resize((32, 32))) for image in data["image"]]
    x = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)
    return x / 255, torch.tensor(data["label"])


def drawn(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Shapes at random places, equally often of each class."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % 3
    across, down = (torch.randint(8, 24, (n, 1, 1), generator=generator) for _ in range(2))
    dx, dy = torch.arange(32) - across, torch.arange(32)[:, None] - down
    disc = dx**2 + dy**2 < 25
    square = (dx.abs() < 5) & (dy.abs() < 5)
    cross = square & ((dx.abs() < 2) | (dy.abs() < 2))
    shape = torch.stack([disc, square, cross])[y, torch.arange(n)].float()
    colour = torch.rand(n, 3, 1, 1, generator=generator)
    noise = 0.2 * torch.rand(n, 3, 32, 32, generator=generator)
    return 0.8 * shape[:, None] * colour + noise, y


def task(seed: int) -> Problem:
    """A small convolutional network; a fifth of the images test, whatever the seed."""
    x, y = images()
    pool = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    test, rest = pool[: len(x) // 5], pool[len(x) // 5 :]
    order = rest[torch.randperm(len(rest))]
    validation, train = order[: len(x) // 5], order[len(x) // 5 :]
    x = (x - x[train].mean((0, 2, 3), keepdim=True)) / x[train].std((0, 2, 3), keepdim=True)
    model = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1, stride=2), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, padding=1, stride=2), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, int(y.max()) + 1)),
    )
    parts = ((x[part], y[part]) for part in (train, validation, test))
    return Problem(model, *parts)
