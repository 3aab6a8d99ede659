"""Models by name: equal seeds give equal weights, and no global generator is moved.

They are few: any other model goes into a task file of one's own.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field, ValidationError
from torch import nn

from sssam.lab.specs import ModelSpec, Spec, Whole
from sssam.lab.specs.invalid import complaint
from sssam.lab.specs.names import nearest
from sssam.lab.specs.seeds import derived
from sssam.lab.tasks.attention import Transformer
from sssam.lab.tasks.form import Form
from sssam.lab.tasks.residual import ResNet


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
