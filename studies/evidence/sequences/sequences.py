"""Fine-tuning on sequences: a network that knows five classes of MNIST-1D learns the other five.

`pretrain.py` draws the data by the generator of its authors (arXiv 2011.14439) and writes the
weights. There are 250 training sequences of the digits 5 to 9, clean.
"""

import functools
from pathlib import Path

import torch
from torch import Tensor, nn

from sssam.lab import Problem

DATA = Path(__file__).parents[1] / "data/sequences.pt"
SETTINGS = {
    "epochs": 10,
    "batch_size": 50,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.01,
}
TEST, VALIDATION, TRAIN, TIMES = 10_000, 2_000, 250, 4


def network() -> nn.Sequential:
    """The authors' convolutional network, with a dropout layer that drops nothing as is."""
    return nn.Sequential(
        *(nn.Conv1d(1, 25, 5, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv1d(25, 25, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv1d(25, 25, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Dropout(0.0), nn.Linear(125, 5)),
    )


@functools.cache
def stored() -> dict[str, Tensor]:
    """Sequences (n, 1, 40), their classes (n,), and weights by their names."""
    content: dict[str, Tensor] = torch.load(DATA, weights_only=True)
    return content


def task(seed: int) -> Problem:
    """The first 10,000 test, whatever the seed; the rest is drawn anew for each."""
    x, y = stored()["sequences"], stored()["labels"]
    order = TEST + torch.randperm(len(x) - TEST)
    validation, train = order[:VALIDATION], order[VALIDATION : VALIDATION + TRAIN].repeat(TIMES)
    model = network()
    weights = {k.removeprefix("weights."): v for k, v in stored().items() if "weights." in k}
    model.load_state_dict(weights, strict=False)  # the last layer is new
    parts = ((x[part], y[part]) for part in (train, validation, torch.arange(TEST)))
    return Problem(model, *parts)
