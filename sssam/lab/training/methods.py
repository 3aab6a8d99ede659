"""From a variant to a built optimizer, and what all of them report while they train."""

import inspect
from collections.abc import Mapping
from functools import cache

from torch import nn
from torch.optim import Optimizer

import sssam
from sssam import optimizers
from sssam.lab.specs import Method
from sssam.lab.specs.invalid import nearest

#: What the library exports beside its optimizers.
_OTHERS = frozenset({"Relay", "SharpnessAware", "recommended", "unwrap"})

#: The kinds of method by name, each with its class: all of the library's optimizers, in small
#: letters; "base" is the torch optimizer itself.
KINDS: Mapping[str, type[sssam.SharpnessAware] | None] = {"base": None} | {
    {"RandomPerturbation": "random"}.get(name, name.lower()): getattr(optimizers, name)
    for name in optimizers.__all__
    if name not in _OTHERS
}

#: Arguments that come from the run, not from the variant's options.
_GIVEN = frozenset({"self", "base", "rho", "schedule", "total_steps", "seed", "model"})


def options(kind: str) -> Mapping[str, object]:
    """The options of a kind by name, each with the default of the class."""
    return {name: p.default for name, p in arguments(kind).items() if name not in _GIVEN}


def default_rho(kind: str) -> float:
    """The radius that the class of a kind takes where none is given; 0 for the base optimizer."""
    argument = arguments(kind).get("rho")
    return 0.0 if argument is None else float(argument.default)


def check(method: Method) -> None:
    """Refuses a kind that is unknown, an option that it does not have, and a schedule out of place.

    Raises:
        ValueError: names the variant, what is wrong, and what the kind takes.
    """
    known, takes = options(method.kind), arguments(method.kind)
    for name in method.options:
        if name not in known:
            raise ValueError(f"method {method.label!r}: {nearest('option', name, known)}")
    if (method.schedule is None) == ("schedule" in takes):
        wanted = "needs a schedule, got none" if "schedule" in takes else "takes no schedule"
        raise ValueError(f"method {method.label!r} of kind {method.kind!r} {wanted}")
    if method.rho and "rho" not in takes:
        raise ValueError(
            f"method {method.label!r} of kind {method.kind!r} has no rho, got {method.radius}: "
            "leave it out"
        )


def build(
    method: Method, optimizer: Optimizer, total_steps: int, seed: int, model: nn.Module
) -> Optimizer:
    """The optimizer of a method over a built torch optimizer, which itself is the kind "base".

    Args:
        method: the variant.
        optimizer: the base optimizer, over the parameters of `model`.
        total_steps: steps of the whole run, at least 1; schedules are stretched over them.
        seed: of what a method draws.
        model: the network itself.

    Raises:
        ValueError, TypeError: as `check`, and what the kind's class refuses.
    """
    check(method)
    made = KINDS[method.kind]
    if made is None:
        return optimizer
    given = {
        "rho": method.rho,
        "schedule": method.scheduling_function(),
        "total_steps": total_steps,
        "seed": seed,
        "model": model,
    }
    taken = {name: value for name, value in given.items() if name in arguments(method.kind)}
    return made(optimizer, **taken, **method.options)  # type: ignore[arg-type]


def expected_propagations(optimizer: Optimizer) -> float | None:
    """Expected passes a step, 1 for the base optimizer, None where the gradients decide."""
    try:
        return float(getattr(optimizer, "expected_propagations", 1.0))
    except RuntimeError:
        return None


@cache
def arguments(kind: str) -> Mapping[str, inspect.Parameter]:
    """The arguments of a kind's class, such as rho and schedule; none for the base optimizer.

    Raises:
        ValueError: an unknown kind, with the nearest ones.
    """
    if kind not in KINDS:
        raise ValueError(nearest("kind of method", kind, KINDS))
    made = KINDS[kind]
    return {} if made is None else inspect.signature(made.__init__).parameters
