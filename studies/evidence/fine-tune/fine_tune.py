"""Fine-tuning: a residual network that knows five classes of CIFAR-10 learns the other five.

`pretrain.py` writes the data and the weights. Of dogs, frogs, horses, ships and trucks there are
250 clean training images; an epoch has each of them four times, shifted and flipped anew.
"""

import functools
from pathlib import Path

import torch
from torch import Tensor, nn

from sssam.lab import Problem
from sssam.lab.tasks.models import Form, ResNet

DATA = Path(__file__).parents[1] / "data/fine-tune.pt"
SETTINGS = {
    "epochs": 12,
    "batch_size": 50,
    "learning_rate": 0.05,
    "weight_decay": 1e-3,
    "augment": "shifts and flips",
    "precision": "bf16-mixed",  # half the seconds on a CPU that has it
}
TEST, VALIDATION, TRAIN, TIMES = 10_000, 1_000, 250, 4


def network() -> ResNet:
    """ResNet-8, 77k weights, with a dropout layer before its last one that drops nothing as is."""
    model = ResNet(Form((3, 32, 32), 5), (16,), depth=8)
    model.head = nn.Sequential(nn.Dropout(0.0), nn.Linear(64, 5))
    return model


@functools.cache
def stored() -> dict[str, Tensor]:
    """Images of the five classes in uint8, (n, 3, 32, 32); labels; and weights by their names."""
    content: dict[str, Tensor] = torch.load(DATA, weights_only=True)
    return content


@functools.cache
def images() -> tuple[Tensor, Tensor]:
    """The images with the means and deviations of the pre-training's channels, and their labels."""
    content = stored()
    return (content["images"] / 255 - content["mean"]) / content["deviation"], content["labels"]


def task(seed: int) -> Problem:
    """The first 10,000 images test, whatever the seed; the rest is drawn anew for each."""
    x, y = images()
    order = TEST + torch.randperm(len(x) - TEST)
    validation, train = order[:VALIDATION], order[VALIDATION : VALIDATION + TRAIN].repeat(TIMES)
    model = network()
    weights = {k.removeprefix("weights."): v for k, v in stored().items() if "weights." in k}
    model.load_state_dict(weights, strict=False)  # the last layer is new
    parts = ((x[part], y[part]) for part in (train, validation, torch.arange(TEST)))
    return Problem(model, *parts)
