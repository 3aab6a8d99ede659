"""Models by name: equal seeds give equal weights, and no global generator is moved."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from sssam.lab.specs import ModelSpec
from sssam.lab.specs.names import nearest
from sssam.lab.specs.seeds import derived
from sssam.lab.tasks import borrowed, residual
from sssam.lab.tasks.attention import Transformer, VisionTransformer
from sssam.lab.tasks.form import Form
from sssam.lab.tasks.perceptron import mlp


class _Family(NamedTuple):
    """Models whose names fit a pattern, such as `resnet20`; `build(form, **options)` makes one."""

    pattern: str
    build: Callable[..., nn.Module]
    takes: str


#: Families by a name that stands for them in messages.
FAMILIES: Mapping[str, _Family] = {
    "mlp": _Family("mlp", mlp, "any"),
    "resnet20": _Family(r"resnet(?P<depth>\d+)", residual.resnet, "images"),
    "wrn16-4": _Family(r"wrn(?P<depth>\d+)-(?P<widen>\d+)", residual.wide_resnet, "images"),
    "vit": _Family("vit", VisionTransformer, "images"),
    "transformer": _Family("transformer", Transformer, "tokens"),
}

#: Libraries whose models are taken by `library:NAME`.
LIBRARIES: Mapping[str, Callable[..., nn.Module]] = {
    "timm": borrowed.timm,
    "transformers": borrowed.transformers,
}


def options(name: str) -> Mapping[str, object]:
    """The options of a model of `FAMILIES` by name, each with its default.

    Raises:
        ValueError: no such model, with the nearest ones; other libraries' models are none.
    """
    family, matched = _family(name)
    arguments = inspect.signature(family.build).parameters.values()
    given = {"form", "widths", *matched}
    return {p.name: p.default for p in arguments if p.name not in given}


def check(spec: ModelSpec) -> None:
    """Refuses an unknown name, a depth that does not exist, sizes and options that are not taken.

    Raises:
        ValueError: names the model, what is known, and the allowed depths.
        ModuleNotFoundError: the model's library is not installed, or does not load.
    """
    library, _, name = spec.name.partition(":")
    if library in LIBRARIES and name:
        borrowed.check(library, name)
        if spec.widths:
            raise ValueError(f"model {spec.name!r} takes no widths, got {spec.widths}: use options")
        return
    family, matched = _family(spec.name)
    if "depth" in matched:
        residual.check(spec.name, matched["depth"])
    most = None if family.build is mlp else int(family.build is residual.resnet)
    if most is not None and len(spec.widths) > most:
        wanted = "one width at most" if most else "no widths"
        raise ValueError(f"model {spec.name!r} takes {wanted}, got {spec.widths}")
    _check_options(spec)


def _check_options(spec: ModelSpec) -> None:
    known = options(spec.name)
    for name, value in spec.options.items():
        if name not in known:
            raise ValueError(f"model {spec.name!r}: {nearest('option', name, known)}")
        kind = type(known[name])
        if type(value) is not kind and not (kind is float and type(value) is int):
            wanted = f"{kind.__name__}, such as {known[name]!r}"
            raise ValueError(f"model {spec.name!r}: option {name} is {value!r}, must be {wanted}")


def build(
    spec: ModelSpec,
    shape: Sequence[int],
    classes: int,
    seed: int,
    *,
    vocabulary: int | None = None,
    each_position: bool = False,
) -> nn.Module:
    """The model of a spec for inputs of `shape`, with its first weights.

    - `mlp`: flattened inputs through hidden layers of `widths`.
    - `resnet8`, `resnet20`, ...: the CIFAR residual networks of He et al. (2015, section 4.2,
      arXiv 1512.03385), the first stage `widths[0]` channels wide (default 16).
    - `wrn16-4`, `wrn28-10`, ...: wide residual networks (Zagoruyko and Komodakis 2016, arXiv
      1605.07146), depth and widening factor. Both take the option `norm`: "batch" or "group".
    - `vit`: a vision transformer (Dosovitskiy et al. 2020, arXiv 2010.11929), with the options
      `depth`, `width`, `heads`, `patch` and `dropout`.
    - `transformer`: a causal transformer over tokens, with `depth`, `width`, `heads`, `dropout`.
    - `timm:NAME` and `transformers:NAME`: a model of those libraries, with random weights.

    Args:
        spec: name, widths and options.
        shape: of one input: (channels, height, width), (features,) or (length,).
        classes: scores a sample, or a position.
        seed: of the first weights.
        vocabulary: how many tokens can occur; None where inputs are no tokens.
        each_position: whether each position has its own scores.

    Raises:
        ValueError: an unknown name, sizes that it can't have, or inputs that it can't take.
        ModuleNotFoundError: its library is not installed.
    """
    check(spec)
    form = Form(tuple(shape), classes, vocabulary, each_position)
    library, _, name = spec.name.partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived("weights", seed))
        if name:
            return LIBRARIES[library](form, name, **spec.options)
        family, matched = _family(spec.name)
        form.require(spec.name, family.takes)
        return family.build(form, **_widths(spec), **matched, **spec.options)


def _widths(spec: ModelSpec) -> dict[str, Any]:
    if spec.name == "mlp":
        return {"widths": spec.widths}
    return {"width": spec.widths[0]} if spec.widths else {}


def _family(name: str) -> tuple[_Family, dict[str, int]]:
    """The family that a name belongs to, and the numbers in it."""
    for family in FAMILIES.values():
        if matched := re.fullmatch(family.pattern, name):
            return family, {key: int(value) for key, value in matched.groupdict().items()}
    known = [*FAMILIES, "resnet8", "wrn28-10", "timm:NAME", "transformers:NAME"]
    raise ValueError(nearest("model", name, known))
