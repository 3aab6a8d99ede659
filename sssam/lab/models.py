"""Small models by name: equal seeds give equal weights, and no global generator is moved."""

import re
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from sssam.lab.data import nearest
from sssam.lab.seeds import derived
from sssam.lab.specs import ModelSpec

_RESNET = re.compile(r"resnet(\d+)")


def check(spec: ModelSpec) -> None:
    """Refuses an unknown name, a depth that does not exist, and widths that a model has no use for.

    Raises:
        ValueError: names the model, what is known, and the allowed depths.
    """
    resnet = _RESNET.fullmatch(spec.name)
    if resnet is None and spec.name != "mlp":
        raise ValueError(nearest("model", spec.name, ("mlp", "resnet8", "resnet20")))
    if resnet is not None and (int(resnet[1]) < 8 or int(resnet[1]) % 6 != 2):
        raise ValueError(f"model {spec.name!r}: the depth must be 8, 14, 20, ... (6 n + 2)")
    if resnet is not None and len(spec.widths) > 1:
        raise ValueError(f"model {spec.name!r} takes one width at most, got {spec.widths}")


def build(spec: ModelSpec, shape: Sequence[int], classes: int, seed: int) -> nn.Module:
    """The model of a spec for images of `shape` (channels, height, width), with its first weights.

    `"mlp"` has hidden layers of `widths`; `"resnet8"`, `"resnet20"`, ... is the CIFAR residual
    network of He et al. (2015, section 4.2) with batch norm, whose first stage is `widths[0]`
    channels wide (default 16).

    Raises:
        ValueError: an unknown name, or sizes that it can't have.
    """
    check(spec)
    channels, height, width = shape
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived("weights", seed))
        if spec.name == "mlp":
            return mlp(channels * height * width, spec.widths, classes)
        depth = int(spec.name.removeprefix("resnet"))
        return ResNet(depth, channels, classes, *spec.widths)


def mlp(inputs: int, widths: Sequence[int], classes: int) -> nn.Module:
    """Flattened images through hidden layers of `widths` with rectifiers between them.

    >>> len(mlp(64, (256, 256), 10))
    6
    """
    sizes = (inputs, *widths)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))


class Block(nn.Module):
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

    The stages are `width`, 2 `width` and 4 `width` channels wide.
    """

    def __init__(self, depth: int, channels: int, classes: int, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        widths = (width, width, 2 * width, 4 * width)
        self.blocks = nn.Sequential(
            *(
                Block(widths[stage + (i > 0)], widths[stage + 1], 2 if stage and not i else 1)
                for stage in range(3)
                for i in range((depth - 2) // 6)
            )
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.blocks(relu(self.norm(self.stem(images))))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits
