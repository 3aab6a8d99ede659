"""What the timed steps train: four models whose costs lie in different places."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sssam.lab.specs import ModelSpec
from sssam.lab.tasks.models import Form, build

CLASSES = 10


@dataclass(frozen=True)
class Problem:
    """A model with one batch, and how many steps make a block.

    Args:
        model: builds it, by torch's global generator.
        inputs: of how many samples, and their shape.
        tokens: how many kinds of token the inputs are; 0 for normal numbers.
        steps: in a block, an even number.
    """

    model: Callable[[], nn.Module]
    inputs: tuple[int, ...]
    tokens: int
    steps: int

    def batch(self) -> tuple[Tensor, Tensor]:
        """The inputs and their classes."""
        x = torch.randint(self.tokens, self.inputs) if self.tokens else torch.randn(self.inputs)
        return x, torch.randint(CLASSES, self.inputs[:1])


class Mean(nn.Module):
    """The mean over the tokens of a sample."""

    def forward(self, x: Tensor) -> Tensor:
        """From (samples, tokens, features) to (samples, features)."""
        return x.mean(1)


class Autocast(nn.Module):
    """A model whose forward pass runs under bfloat16 autocast."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The outputs in float32, for the loss."""
        with torch.autocast(x.device.type, torch.bfloat16):
            outputs: Tensor = self.model(x)
        return outputs.float()


def deep() -> nn.Module:
    """200 layers of 16: four hundred tiny tensors."""
    return nn.Sequential(*(nn.Linear(16, 16) for _ in range(200)), nn.Linear(16, CLASSES))


def embedding() -> nn.Module:
    """Five million weights, of which a pass reads few."""
    return nn.Sequential(nn.Embedding(78_125, 64), Mean(), nn.Linear(64, CLASSES))


def transformer() -> nn.Module:
    """Four layers of width 256, 3.7 million weights with the embedding."""
    layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
    layers = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
    return nn.Sequential(nn.Embedding(2_000, 256), layers, Mean(), nn.Linear(256, CLASSES))


def resnet() -> nn.Module:
    """ResNet-8 on images of 32 x 32."""
    return build(ModelSpec(name="resnet8"), Form((3, 32, 32), CLASSES), seed=0)


PROBLEMS = {
    "200 layers of 16": Problem(deep, (32, 16), 0, 4),
    "embedding of 5M weights": Problem(embedding, (16, 32), 78_125, 4),
    "transformer of 3.7M, 256 tokens": Problem(transformer, (8, 32), 2_000, 2),
    "ResNet-8, batch 64": Problem(resnet, (64, 3, 32, 32), 0, 2),
}


def loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """One forward and one backward pass."""
    value = cross_entropy(model(x), y)
    value.backward()
    return value
