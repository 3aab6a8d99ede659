"""A table and an MLP trained by AdamW: `sssam compare examples/tasks/table.py`.

A CSV or Parquet file needs no task file (`sssam compare wine.csv:kind`); one's own does what is
chosen here: which columns, which network, which optimizer.
"""

import pandas
import torch
from sklearn.datasets import load_wine
from torch import nn

from sssam.lab import Problem

SETTINGS = {"epochs": 30, "batch_size": 16, "learning_rate": 2e-3}


def frame() -> pandas.DataFrame:
    """13 measurements of 178 wines and the `target`; in its place, `pandas.read_csv(...)`."""
    return load_wine(as_frame=True).frame


def task(seed: int) -> Problem:
    """The cultivar of a wine; 50 wines test, whatever the seed."""
    table = frame()
    y = torch.tensor(table.pop("target").to_numpy())
    x = torch.tensor(table.to_numpy(), dtype=torch.float32)
    pool = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    test, rest = pool[:50], pool[50:]
    train, validation = rest[torch.randperm(len(rest))].split([80, len(rest) - 80])
    x = (x - x[train].mean(0)) / x[train].std(0)
    model = nn.Sequential(
        *(nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Dropout(0.0)),  # a study can set the dropout
        *(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.0), nn.Linear(64, 3)),
    )
    return Problem(
        model,
        train=(x[train], y[train]),
        validation=(x[validation], y[validation]),
        test=(x[test], y[test]),
        optimizer=lambda parameters, rate: torch.optim.AdamW(parameters, rate, weight_decay=0.1),
    )
