"""MNIST-1D: sequences of 40 numbers, ten classes, clean; the convolutional network of its authors.

Greydanus 2020 (arXiv 2011.14439). `../prepare.py` draws the data by the authors' generator.
"""

import functools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sssam.lab import Problem

DATA = Path(__file__).parents[1] / "data/mnist1d.npz"
SETTINGS = {
    "epochs": 40,
    "batch_size": 100,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.01,
}
TEST, VALIDATION, TRAIN = 10_000, 4_000, 4_000


@functools.cache
def sequences() -> tuple[Tensor, Tensor]:
    """Inputs (n, 1, 40) and classes (n,), as the generator shuffled them."""
    data = np.load(DATA)
    return torch.tensor(data["x"], dtype=torch.float32)[:, None], torch.tensor(data["y"])


def task(seed: int) -> Problem:
    """The first 10,000 test, whatever the seed; the rest is drawn anew for each."""
    x, y = sequences()
    order = TEST + torch.randperm(len(x) - TEST)
    validation, train = order[:VALIDATION], order[VALIDATION : VALIDATION + TRAIN]
    model = nn.Sequential(
        *(nn.Conv1d(1, 25, 5, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv1d(25, 25, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv1d(25, 25, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Dropout(0.0), nn.Linear(125, 10)),
    )
    parts = ((x[part], y[part]) for part in (train, validation, torch.arange(TEST)))
    return Problem(model, *parts)
