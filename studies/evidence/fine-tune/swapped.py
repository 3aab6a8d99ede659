"""The task of `fine_tune.py` with the classes exchanged: pre-trained on the last five of CIFAR-10.

`pretrain.py --swapped` writes the data and the weights. Of planes, cars, birds, cats and deer there
are 250 clean training images.
"""

import functools

import torch
from fine_tune import DATA, SETTINGS, TEST, TIMES, TRAIN, VALIDATION, network
from torch import Tensor

from sssam.lab import Problem

__all__ = ["SETTINGS", "task"]


@functools.cache
def stored() -> dict[str, Tensor]:
    """Images as `fine_tune.images` has them, labels, and weights by their names."""
    content: dict[str, Tensor] = torch.load(DATA.with_stem("fine-tune-swapped"), weights_only=True)
    images = (content["images"] / 255 - content["mean"]) / content["deviation"]
    return content | {"images": images}


def task(seed: int) -> Problem:
    """The first 10,000 images test, whatever the seed; the rest is drawn anew for each."""
    x, y = stored()["images"], stored()["labels"]
    order = TEST + torch.randperm(len(x) - TEST)
    validation, train = order[:VALIDATION], order[VALIDATION : VALIDATION + TRAIN].repeat(TIMES)
    model = network()
    weights = {k.removeprefix("weights."): v for k, v in stored().items() if "weights." in k}
    model.load_state_dict(weights, strict=False)  # the last layer is new
    parts = ((x[part], y[part]) for part in (train, validation, torch.arange(TEST)))
    return Problem(model, *parts)
