"""Models by name: equal seeds give equal weights, and no global generator is moved.

They are few: any other model goes into a task file of one's own.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from sssam.lab.specs import ModelSpec
from sssam.lab.specs.invalid import nearest
from sssam.lab.specs.seeds import derived


class Form(NamedTuple):
    """The form of inputs and outputs.

    `shape` is of one input: (channels, height, width) or (features,). `classes` is the number of
    scores a sample.
    """

    shape: tuple[int, ...]
    classes: int

    @property
    def kind(self) -> str:
        """What the inputs are: "images" or "features"."""
        return "images" if len(self.shape) == 3 else "features"


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


def cnn(form: Form, widths: Sequence[int] = ()) -> nn.Module:
    """3 x 3 convolutions of `widths` channels, each with batch norm and a rectifier; then a mean.

    Where the width grows, from the second on, the stride is 2.

    >>> [layer.stride for layer in cnn(Form((1, 8, 8), 10), (8, 16, 16))[:9:3]]
    [(1, 1), (2, 2), (1, 1)]
    """
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(pairwise((form.shape[0], *widths))):
        stride = 2 if i and after > before else 1
        convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
    outputs = widths[-1] if widths else form.shape[0]
    last = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(outputs, form.classes)
    return nn.Sequential(*layers, *last)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm, and the identity beside them (without weights)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, images: Tensor) -> Tensor:
        inner = relu(self.first_norm(self.first(images)))
        identity = pad(images[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return relu(self.second_norm(self.second(inner)) + identity)


class ResNet(nn.Module):
    """A residual network of `depth` = 6 n + 2 layers: three stages of n blocks, then a mean.

    The stages are w, 2 w and 4 w channels wide, w being `widths[0]` or 16.
    """

    def __init__(self, form: Form, widths: Sequence[int] = (), *, depth: int) -> None:
        super().__init__()
        width = widths[0] if widths else 16
        self.stem = nn.Conv2d(form.shape[0], width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        blocks, before = [], width
        for stage in (1, 2, 4):
            for i in range((depth - 2) // 6):
                stride = 2 if stage > 1 and not i else 1
                blocks.append(ResidualBlock(before, stage * width, stride))
                before = stage * width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(before, form.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.blocks(relu(self.norm(self.stem(images))))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


#: The models by name; the depths of residual networks are those of He et al., and two smaller.
MODELS: Mapping[str, Callable[[Form, Sequence[int]], nn.Module]] = {
    "mlp": mlp,
    "cnn": cnn,
    **{f"resnet{depth}": partial(ResNet, depth=depth) for depth in (8, 14, 20, 32, 44, 56, 110)},
}


def check(spec: ModelSpec) -> None:
    """Refuses an unknown name, and more widths than the model takes.

    Raises:
        ValueError: names the model, and what is known or taken.
    """
    if spec.name not in MODELS:
        known = nearest("model", spec.name, MODELS)
        raise ValueError(f"{known}; any other model goes into a task file of your own")
    if spec.name.startswith("resnet") and len(spec.widths) > 1:
        raise ValueError(f"model {spec.name!r} takes one width at most, got {spec.widths}")


def build(spec: ModelSpec, form: Form, seed: int) -> nn.Module:
    """The model of a spec for inputs of a form, its first weights drawn from the seed.

    Raises:
        ValueError: an unknown name, sizes that it can't have, or inputs that it can't take.
    """
    check(spec)
    if spec.name != "mlp" and form.kind != "images":
        raise ValueError(
            f"model {spec.name!r} takes images, the data have {form.kind} of shape {form.shape}: "
            "take another model, such as 'mlp'"
        )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived("weights", seed))
        return MODELS[spec.name](form, spec.widths)
