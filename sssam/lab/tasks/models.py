"""Models by name: equal seeds give equal weights, and no global generator is moved.

They are few: any other model goes into a task file of one's own.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import gcd, prod
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from sssam.lab.specs import ModelSpec, Spec, Whole
from sssam.lab.specs.invalid import complaint
from sssam.lab.specs.names import nearest
from sssam.lab.specs.seeds import derived


class Form(NamedTuple):
    """The form of inputs and outputs.

    `shape` is of one input: (channels, height, width), (features,) or (length,). `classes` is the
    number of scores a sample, or a position with `each_position`. `vocabulary` is how many tokens
    can occur, None where inputs are no tokens.
    """

    shape: tuple[int, ...]
    classes: int
    vocabulary: int | None = None
    each_position: bool = False

    @property
    def kind(self) -> str:
        """What the inputs are: "images", "tokens" or "features"."""
        if self.vocabulary is not None:
            return "tokens"
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


class Transformer(nn.Module):
    """Tokens through transformer layers in which each position sees itself and those before it.

    Where each position has a target (the next token), scores are (n, length, classes); else those
    of the last position, (n, classes). Vaswani et al. 2017 (arXiv 1706.03762), with the norm before
    each part and positions that are learned.

    Args:
        form: whole numbers (length,) below the vocabulary's size.
        depth: layers, at least 1.
        width: of each position, a multiple of `heads`.
        heads: of each layer's attention.
        dropout: in [0, 1).

    Raises:
        ValueError: a width that is no multiple of `heads`.
    """

    def __init__(self, form: Form, depth: int, width: int, heads: int, dropout: float) -> None:
        if width % heads:
            raise ValueError(f"width is {width}, must be a multiple of heads, which is {heads}")
        super().__init__()
        assert form.vocabulary is not None
        (length,) = form.shape
        self.each_position = form.each_position
        # Not nn.TransformerEncoder, which begins with `depth` copies of one layer's weights.
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.tokens = nn.Embedding(form.vocabulary, width)
        self.positions = nn.Parameter(torch.randn(1, length, width) * 0.02)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, form.classes)
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.tokens(tokens.long()) + self.positions
        for layer in self.layers:
            hidden = layer(hidden, src_mask=self.mask, is_causal=True)
        if not self.each_position:
            hidden = hidden[:, -1]
        logits: Tensor = self.head(self.norm(hidden))
        return logits


class NormOptions(Spec):
    """Of a residual network: which norm follows its convolutions."""

    norm: Literal["batch", "group"] = "batch"


class TransformerOptions(Spec):
    """Of a transformer: its layers, the width of a position, the heads of each layer, dropout."""

    depth: Whole = 2
    width: Whole = 128
    heads: Whole = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Model(NamedTuple):
    """How a model is built of a form and its options; what inputs and how many widths it takes."""

    build: Callable[..., nn.Module]
    takes: tuple[str, ...]
    widths: int | None = None
    options: type[Spec] = Spec


#: The depths of residual networks: those of He et al., and two smaller ones.
DEPTHS = (8, 14, 20, 32, 44, 56, 110)

MODELS: Mapping[str, Model] = {
    "mlp": Model(mlp, ("images", "features")),
    "cnn": Model(cnn, ("images",)),
    "transformer": Model(Transformer, ("tokens",), 0, TransformerOptions),
    **{
        f"resnet{depth}": Model(partial(ResNet, depth=depth), ("images",), 1, NormOptions)
        for depth in DEPTHS
    },
}

#: A model for each kind of inputs, as a remedy.
_FITTING = {"tokens": "transformer", "images": "resnet20", "features": "mlp"}


def check(spec: ModelSpec) -> None:
    """Refuses an unknown name, and widths and options that the model does not take.

    Raises:
        ValueError: names the model, the option and its range, or what is known.
    """
    if spec.name not in MODELS:
        known = nearest("model", spec.name, MODELS)
        raise ValueError(f"{known}; any other model goes into a task file of your own")
    _, _, most, options = MODELS[spec.name]
    if most is not None and len(spec.widths) > most:
        raise ValueError(f"model {spec.name!r} takes {most} widths at most, got {spec.widths}")
    try:
        options.model_validate(spec.options, strict=True)
    except ValidationError as error:
        raise ValueError(
            f"model {spec.name!r}: {complaint(error, options.model_fields)}"
        ) from error


def build(spec: ModelSpec, form: Form, seed: int) -> nn.Module:
    """The model of a spec for inputs of a form, its first weights drawn from the seed.

    - `mlp`: flattened inputs through hidden layers of `widths`.
    - `cnn`: convolutions of `widths` channels, with batch norm and rectifiers, then a mean.
    - `resnet8`, `resnet20`, ...: the CIFAR residual networks of He et al. (2015), the first stage
      `widths[0]` channels wide (default 16), with the option `norm`: "batch" or "group".
    - `transformer`: a causal transformer over tokens, with `depth`, `width`, `heads`, `dropout`.

    Raises:
        ValueError: an unknown name, sizes that it can't have, or inputs that it can't take.
    """
    check(spec)
    make, takes, most, options = MODELS[spec.name]
    if form.kind not in takes:
        raise ValueError(
            f"model {spec.name!r} takes {' or '.join(takes)}, the data have {form.kind} of "
            f"shape {form.shape}: take another model, such as {_FITTING[form.kind]!r}"
        )
    given = options.model_validate(spec.options).model_dump()
    widths = {} if most == 0 else {"widths": spec.widths}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived("weights", seed))
        return make(form, **widths, **given)
