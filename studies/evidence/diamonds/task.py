"""The logarithm of a diamond's price, by an MLP under AdamW."""

import functools
from pathlib import Path

import pandas
import torch
from torch import Tensor, nn

from sssam.lab import Problem

SETTINGS = {
    "epochs": 40,
    "batch_size": 100,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "weight_decay": 0.05,
}


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """The squared error of each sample."""
    return (outputs[:, 0] - targets).square()


def closeness(outputs: Tensor, targets: Tensor) -> Tensor:
    """A score in [0, 1]: 1 where exact, 0 from half a standard deviation off."""
    return (1 - 2 * (outputs[:, 0] - targets).abs()).clamp(0, 1)


@functools.cache
def table() -> tuple[Tensor, Tensor]:
    """20,000 diamonds: their properties, words one-hot, and their prices' logarithms."""
    frame = pandas.read_csv(Path(__file__).parents[1] / "data/diamonds.csv")
    y = torch.tensor(frame.pop("price").to_numpy(), dtype=torch.float32).log()
    x = torch.tensor(pandas.get_dummies(frame).to_numpy(dtype="float32"))
    return x, y


def task(seed: int) -> Problem:
    """2,000 train, 4,000 validate, and 8,000 test, whatever the seed."""
    x, y = table()
    pool = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    test, rest = pool[:8000], pool[8000:]
    train, validation, _ = rest[torch.randperm(len(rest))].split([2000, 4000, 6000])
    x, y = ((each - each[train].mean(0)) / each[train].std(0) for each in (x, y))
    layers = nn.Linear(x.shape[1], 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()
    parts = ((x[part], y[part]) for part in (train, validation, test))
    judged = {"loss": squared, "metric": closeness, "metric_name": "closeness"}
    return Problem(nn.Sequential(*layers, nn.Linear(256, 1)), *parts, **judged)
