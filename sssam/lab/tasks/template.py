"""A task of your own, which runs as it is: `sssam compare FILE --trials 12` compares methods on it.

Change the data, the model and the settings. docs/tasks.md says what else a task can have.
"""

import torch
from sklearn.datasets import load_breast_cancer

from sssam.lab import Problem

#: The recipe of the base, which `--trials` tunes; what is left out has its default.
SETTINGS = {"epochs": 20, "batch_size": 32, "optimizer": "sgd", "learning_rate": 0.05}


def task(seed: int) -> Problem:
    """Data and model for one run; the laboratory has seeded torch's generator by `seed`."""
    # The data: tumours, benign or not, by 30 measurements. Put your own inputs and labels here.
    x, y = map(torch.tensor, load_breast_cancer(return_X_y=True))

    # The split: the same test set for every seed, the rest drawn anew for each.
    pool = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    test, rest = pool[:169], pool[169:]
    rest = rest[torch.randperm(len(rest))]
    train, validation = rest[:300], rest[300:]
    x = ((x - x[train].mean(0)) / x[train].std(0)).float()

    # The model: any module. Its outputs and the targets go into the loss, cross-entropy by default.
    model = torch.nn.Sequential(torch.nn.Linear(30, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))

    return Problem(
        model=model,
        train=(x[train], y[train]),
        validation=(x[validation], y[validation]),
        test=(x[test], y[test]),
        # loss=torch.nn.CrossEntropyLoss(reduction="none"),  # one loss a sample
        # metric=lambda outputs, targets: outputs.argmax(1) == targets,  # one score a sample
    )
