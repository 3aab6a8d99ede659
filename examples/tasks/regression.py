"""A number to predict, a loss and a metric: `sssam compare examples/tasks/regression.py`."""

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn

from sssam.lab import Problem

SETTINGS = {
    "epochs": 30,
    "batch_size": 32,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "weight_decay": 0.05,
}


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """One loss a sample: methods that choose samples (ESAM, K-SAM) need them apart."""
    return (outputs[:, 0] - targets).square()


def closeness(outputs: Tensor, targets: Tensor) -> Tensor:
    """A score in [0, 1], higher is better: 1 where exact, 0 from three standard deviations off."""
    return (1 - (outputs[:, 0] - targets).abs() / 3).clamp(0, 1)


def task(seed: int) -> Problem:
    """The progress of diabetes after a year by ten measurements; 120 of 442 people test."""
    x, y = (torch.tensor(each, dtype=torch.float32) for each in load_diabetes(return_X_y=True))
    pool = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    test, rest = pool[:120], pool[120:]
    train, validation = rest[torch.randperm(len(rest))].split([240, 82])
    x, y = ((each - each[rest].mean(0)) / each[rest].std(0) for each in (x, y))
    layers = nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
    parts = ((x[part], y[part]) for part in (train, validation, test))
    judged = {"loss": squared, "metric": closeness, "metric_name": "closeness"}
    return Problem(nn.Sequential(*layers), *parts, **judged)
