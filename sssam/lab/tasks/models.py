"""Models by name: equal seeds give equal weights, and no global generator is moved."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import torch
from torch import nn

from sssam.lab.specs import ModelSpec
from sssam.lab.specs.names import nearest
from sssam.lab.specs.seeds import derived
from sssam.lab.tasks import attention, residual
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


class _Family(NamedTuple):
    """Models whose names fit a pattern, such as `resnet20`; `build(form, **options)` makes one."""

    pattern: str
    build: Callable[..., nn.Module]
    takes: tuple[str, ...]


#: Families by a name that stands for them in messages.
FAMILIES: Mapping[str, _Family] = {
    "mlp": _Family("mlp", mlp, ("images", "features")),
    "cnn": _Family("cnn", cnn, ("images",)),
    "resnet20": _Family(r"resnet(?P<depth>\d+)", residual.ResNet, ("images",)),
    "wrn16-4": _Family(r"wrn(?P<depth>\d+)-(?P<widen>\d+)", residual.WideResNet, ("images",)),
    "vit": _Family("vit", attention.VisionTransformer, ("images",)),
    "transformer": _Family("transformer", attention.Transformer, ("tokens",)),
}

#: A model for each kind of inputs, as a remedy.
_FITTING = {"tokens": "transformer", "images": "resnet20", "features": "mlp"}


def options(name: str) -> Mapping[str, object]:
    """The options of a model by name, each with its default.

    Raises:
        ValueError: no such model, with the nearest ones.
    """
    family, matched = _family(name)
    arguments = inspect.signature(family.build).parameters.values()
    given = {"form", "widths", *matched}
    return {p.name: p.default for p in arguments if p.name not in given}


def check(spec: ModelSpec) -> None:
    """Refuses an unknown name, a depth that does not exist, sizes and options that are not taken.

    Raises:
        ValueError: names the model, what is known, and the allowed depths.
    """
    family, matched = _family(spec.name)
    if "depth" in matched:
        residual.check(spec.name, matched["depth"])
    most = {mlp: len(spec.widths), cnn: len(spec.widths), residual.ResNet: 1}.get(family.build, 0)
    if len(spec.widths) > most:
        wanted = "one width at most" if most else "no widths"
        raise ValueError(f"model {spec.name!r} takes {wanted}, got {spec.widths}")
    known = options(spec.name)
    for name, value in spec.options.items():
        if name not in known:
            raise ValueError(f"model {spec.name!r}: {nearest('option', name, known)}")
        kind = type(known[name])
        if type(value) is not kind and not (kind is float and type(value) is int):
            wanted = f"{kind.__name__}, such as {known[name]!r}"
            raise ValueError(f"model {spec.name!r}: option {name} is {value!r}, must be {wanted}")


def build(spec: ModelSpec, form: Form, seed: int) -> nn.Module:
    """The model of a spec for inputs of a form, its first weights drawn from the seed.

    - `mlp`: flattened inputs through hidden layers of `widths`.
    - `cnn`: convolutions of `widths` channels, with batch norm and rectifiers, then a mean.
    - `resnet8`, `resnet20`, ...: the CIFAR residual networks of He et al. (2015, section 4.2,
      arXiv 1512.03385), the first stage `widths[0]` channels wide (default 16).
    - `wrn16-4`, `wrn28-10`, ...: wide residual networks (Zagoruyko and Komodakis 2016, arXiv
      1605.07146), depth and widening factor. Both take the option `norm`: "batch" or "group".
    - `vit`: a vision transformer (Dosovitskiy et al. 2020, arXiv 2010.11929), with the options
      `depth`, `width`, `heads`, `patch` and `dropout`.
    - `transformer`: a causal transformer over tokens, with `depth`, `width`, `heads`, `dropout`.

    Raises:
        ValueError: an unknown name, sizes that it can't have, or inputs that it can't take.
    """
    check(spec)
    family, matched = _family(spec.name)
    if form.kind not in family.takes:
        raise ValueError(
            f"model {spec.name!r} takes {' or '.join(family.takes)}, the data have {form.kind} of "
            f"shape {form.shape}: take another model, such as {_FITTING[form.kind]!r}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived("weights", seed))
        return family.build(form, **_widths(spec), **matched, **spec.options)


def _widths(spec: ModelSpec) -> dict[str, Any]:
    if spec.name in ("mlp", "cnn"):
        return {"widths": spec.widths}
    return {"width": spec.widths[0]} if spec.widths else {}


def _family(name: str) -> tuple[_Family, dict[str, int]]:
    """The family that a name belongs to, and the numbers in it."""
    for family in FAMILIES.values():
        if matched := re.fullmatch(family.pattern, name):
            return family, {key: int(value) for key, value in matched.groupdict().items()}
    known = nearest("model", name, [*FAMILIES, "resnet8", "wrn28-10"])
    raise ValueError(f"{known}; any other model goes into a task file of your own")
