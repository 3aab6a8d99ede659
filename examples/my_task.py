"""A task of one's own: `sssam compare examples/my_task.py` compares the methods on it."""

import torch
from sklearn.datasets import load_breast_cancer

from sssam.lab import Problem

SETTINGS = {"epochs": 20, "batch_size": 32, "learning_rate": 0.05}


def task(seed: int) -> Problem:
    """Tumours, benign or not, by 30 measurements; a fifth of the training labels are wrong."""
    x, y = map(torch.tensor, load_breast_cancer(return_X_y=True))
    pool = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    test, rest = pool[:169], pool[169:]  # the same test set for every seed
    rest = rest[torch.randperm(400)]  # the laboratory has seeded torch's generator by `seed`
    train, validation = rest[:300], rest[300:]
    x = ((x - x[train].mean(0)) / x[train].std(0)).float()
    wrong = torch.rand(len(train)) < 0.2
    return Problem(
        model=torch.nn.Sequential(torch.nn.Linear(30, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)),
        train=(x[train], torch.where(wrong, 1 - y[train], y[train])),
        validation=(x[validation], y[validation]),
        test=(x[test], y[test]),
    )
