"""The multilayer perceptron."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from sssam.lab.tasks.form import Form


def mlp(form: Form, widths: Sequence[int] = ()) -> nn.Module:
    """Flattened inputs through hidden layers of `widths` with rectifiers between them.

    Each rectifier has a dropout layer behind it, which drops nothing unless a method sets it.

    >>> len(mlp(Form((64,), 10), (256, 256)))
    6
    """
    sizes = (prod(form.shape), *widths)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.Sequential(nn.ReLU(), nn.Dropout(0.0))]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], form.classes))
