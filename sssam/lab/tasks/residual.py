"""Residual networks for small images: those of He et al., and the wide ones."""

from math import gcd

from torch import Tensor, nn
from torch.nn.functional import pad, relu

from sssam.lab.tasks.form import Form

#: Groups of a group norm, where the channels can be parted into so many (Wu and He 2018, arXiv
#: 1803.08494, take 32, for networks with 64 channels and more).
GROUPS = 8


def check(name: str, depth: int) -> None:
    """Refuses a depth that can't be parted into three stages of whole blocks.

    Raises:
        ValueError: names the depths that there are.
    """
    first, rest = (10, 4) if name.startswith("wrn") else (8, 2)
    if depth < first or depth % 6 != rest:
        known = f"{first}, {first + 6}, {first + 12}, ... (6 n + {rest})"
        raise ValueError(f"model {name!r}: the depth must be {known}")


def norm_of(kind: str, channels: int) -> nn.Module:
    """A batch norm, or a group norm of 8 groups, over so many channels.

    Raises:
        ValueError: another kind.
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "group":
        return nn.GroupNorm(gcd(GROUPS, channels), channels)
    raise ValueError(f"norm is {kind!r}, must be 'batch' or 'group'")


class Block(nn.Module):
    """Two 3 x 3 convolutions with norms, and the identity beside them (without weights)."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = norm_of(norm, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = norm_of(norm, outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, images: Tensor) -> Tensor:
        inner = relu(self.first_norm(self.first(images)))
        identity = pad(images[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return relu(self.second_norm(self.second(inner)) + identity)


class ResNet(nn.Module):
    """A residual network of `depth` = 6 n + 2 layers: three stages of n blocks, then a mean.

    The stages are `width`, 2 `width` and 4 `width` channels wide.
    """

    def __init__(self, form: Form, depth: int, width: int = 16, norm: str = "batch") -> None:
        super().__init__()
        self.stem = nn.Conv2d(form.shape[0], width, 3, padding=1, bias=False)
        self.norm = norm_of(norm, width)
        widths = (width, width, 2 * width, 4 * width)
        self.blocks = nn.Sequential(
            *(
                Block(widths[stage + (i > 0)], widths[stage + 1], 2 if stage and not i else 1, norm)
                for stage in range(3)
                for i in range((depth - 2) // 6)
            )
        )
        self.head = nn.Linear(widths[-1], form.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.blocks(relu(self.norm(self.stem(images))))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


class WideBlock(nn.Module):
    """Norm and rectifier before each of two 3 x 3 convolutions; a 1 x 1 one where widths change."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: str) -> None:
        super().__init__()
        self.first_norm = norm_of(norm, inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.second_norm = norm_of(norm, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = (
            None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        )

    def forward(self, images: Tensor) -> Tensor:
        before = relu(self.first_norm(images))
        identity = images if self.shortcut is None else self.shortcut(before)
        inner: Tensor = self.second(relu(self.second_norm(self.first(before))))
        return inner + identity


class WideResNet(nn.Module):
    """WRN-`depth`-`widen`, depth = 6 n + 4: stages of 16, 32 and 64 channels times `widen`.

    Raises:
        ValueError: a widening factor below 1, or an unknown norm.
    """

    def __init__(self, form: Form, depth: int, widen: int, norm: str = "batch") -> None:
        if widen < 1:
            raise ValueError(f"model 'wrn{depth}-{widen}': the widening factor must be at least 1")
        super().__init__()
        widths = (16, 16 * widen, 32 * widen, 64 * widen)
        self.stem = nn.Conv2d(form.shape[0], widths[0], 3, padding=1, bias=False)
        self.blocks = nn.Sequential(
            *(
                WideBlock(
                    widths[stage + (i > 0)], widths[stage + 1], 2 if stage and not i else 1, norm
                )
                for stage in range(3)
                for i in range((depth - 4) // 6)
            )
        )
        self.norm = norm_of(norm, widths[-1])
        self.head = nn.Linear(widths[-1], form.classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        features = relu(self.norm(self.blocks(self.stem(images))))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits
