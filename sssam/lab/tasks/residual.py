"""Residual networks for small images: those of He et al. (2015, section 4.2, arXiv 1512.03385)."""

from math import gcd

from torch import Tensor, nn
from torch.nn.functional import pad, relu

from sssam.lab.tasks.form import Form

#: Groups of a group norm, where the channels can be split into so many (Wu and He 2018, arXiv
#: 1803.08494, take 32, for networks with 64 channels and more).
GROUPS = 8


def _norm(kind: str, channels: int) -> nn.Module:
    if kind == "group":
        return nn.GroupNorm(gcd(GROUPS, channels), channels)
    return nn.BatchNorm2d(channels)


class Block(nn.Module):
    """Two 3 x 3 convolutions with norms, and the identity beside them (without weights)."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = _norm(norm, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = _norm(norm, outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, images: Tensor) -> Tensor:
        inner = relu(self.first_norm(self.first(images)))
        identity = pad(images[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return relu(self.second_norm(self.second(inner)) + identity)


class ResNet(nn.Module):
    """A residual network of `depth` = 6 n + 2 layers: three stages of n blocks, then a mean.

    The stages are w, 2 w and 4 w channels wide, w being `widths[0]` or 16; `norm` is "batch" or
    "group".
    """

    def __init__(
        self, form: Form, widths: tuple[int, ...], depth: int, norm: str = "batch"
    ) -> None:
        super().__init__()
        width = widths[0] if widths else 16
        self.stem = nn.Conv2d(form.shape[0], width, 3, padding=1, bias=False)
        self.norm = _norm(norm, width)
        blocks, before = [], width
        for stage in (1, 2, 4):
            for i in range((depth - 2) // 6):
                stride = 2 if stage > 1 and not i else 1
                blocks.append(Block(before, stage * width, stride, norm))
                before = stage * width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(before, form.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.blocks(relu(self.norm(self.stem(images))))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits
