"""What a base optimizer must be, and what a method needs of it, looked at when it is wrapped.

What shows in the first steps alone: gradients kept beside `.grad` (`runtime.gradients`), a learning
rate that is no step length (`runtime.stride`), momentum where no rehearsal can find it.
"""

import inspect
from collections import Counter
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from sssam.core.groups import PREFIX, require_no_foreign_radius, step_length
from sssam.core.parts import parts
from sssam.methods import Method, Parallel
from sssam.roles import Corrected, Momentum
from sssam.runtime.rehearsal import rehearsed
from sssam.runtime.stride import Stride

#: Their kinds have betas and state of momentum's name in bitsandbytes, which is none.
SQUARES = ("adagrad", "rmsprop")


def examined(base: object, wrapper: type) -> Optimizer:
    """The base optimizer, found to be one that steps once on the gradients in `.grad`.

    Raises:
        TypeError: a class, a wrapper, LBFGS or another that needs a closure, one that perturbs the
            weights itself, that Accelerate prepared and may skip, or no optimizer at all.
        ValueError: a param group with an entry "rho" that is not the base's own.
    """
    if isinstance(base, type):
        raise TypeError(
            f"base must be a built optimizer, not the class {base.__name__}; "
            f"build it first: base=torch.optim.{base.__name__}(model.parameters(), lr=...)"
        )
    if isinstance(base, wrapper):
        raise TypeError(
            f"base is a {type(base).__name__} already; wrap the torch optimizer inside it, "
            "or compose the methods with sssam.methods.Switch"
        )
    if isinstance(base, torch.optim.LBFGS):
        raise TypeError(
            "base must take one gradient a step; LBFGS calls its closure itself, several times: "
            "use SGD, Adam, AdamW or another first-order optimizer"
        )
    if not isinstance(base, Optimizer):
        raise TypeError(f"base must be a torch.optim.Optimizer or a list of them, not {base!r}")
    _check_foreign(base)
    return base


def _check_foreign(base: Optimizer) -> None:
    """Refuse what can't be driven as torch's own optimizers are, by what it shows of itself."""
    name = type(base).__name__
    if not isinstance(getattr(base, "param_groups", None), list):
        raise TypeError(f"base={name} has no list param_groups; wrap the optimizer inside it")
    if hasattr(base, "first_step") and hasattr(base, "second_step"):
        raise TypeError(
            f"base={name} perturbs the weights itself; wrap the optimizer inside it, or another"
        )
    if _needs_closure(base):
        raise TypeError(
            f"base={name} can't step without a closure, and a base must: it takes one gradient a "
            "step; use its variant without one, or another first-order optimizer"
        )
    scaler = getattr(base, "scaler", None)
    accumulation = getattr(getattr(base, "gradient_state", None), "num_steps", 1)
    if hasattr(base, "step_was_skipped") and (scaler is not None or accumulation > 1):
        raise TypeError(
            f"base={name} was prepared by Accelerate already, which skips some of its steps "
            "(micro-batches, overflows) unseen from here; wrap first, then prepare: "
            "accelerator.prepare(sssam.SAM(base))"
        )
    require_own_radii(base)


def require_own_radii(base: Optimizer) -> None:
    """An error for a group's entry "rho" that neither the base nor what it wraps has by itself.

    Raises:
        ValueError: naming the entry that is read.
    """
    groups = [group for group in base.param_groups if "rho" in group]
    if groups:
        inner = [one.defaults for one in vars(base).values() if isinstance(one, Optimizer)]
        if not any("rho" in defaults for defaults in inner):
            require_no_foreign_radius(groups[0], base.defaults)


def require_of_model(bases: Iterable[Optimizer], model: object) -> None:
    """An error for a base over copies of the model's parameters: it would perturb nothing of it.

    Raises:
        ValueError: all shapes are the model's, and none of the tensors.
    """
    if not isinstance(model, nn.Module):
        return
    ready = (p for p in model.parameters() if p.requires_grad and not is_lazy(p))
    theirs = {id(p): tuple(p.shape) for p in ready}
    params = [p for base in bases for group in base.param_groups for p in group["params"]]
    if not theirs or any(id(p) in theirs for p in params):
        return
    if Counter(theirs.values()) == Counter(tuple(p.shape) for p in params):
        raise ValueError(
            "base has copies of model's parameters, and none of these: master weights, or an "
            "optimizer that was built before the model was copied, converted or sharded. What is "
            "perturbed would not be what the passes run on; build it over model.parameters()"
        )


def require_no_checkpoint(bases: Iterable[Optimizer]) -> None:
    """An error for a base into which a sharpness-aware optimizer's checkpoint was loaded.

    Raises:
        ValueError: naming the steps that would be counted anew, and the remedy.
    """
    for base in bases:
        for group in base.param_groups:
            if any(str(key).startswith(PREFIX) for key in group):
                raise ValueError(
                    f"base={type(base).__name__} has loaded a checkpoint of a sharpness-aware "
                    f"optimizer, after {group.get(PREFIX + 'steps')} steps, which would begin anew "
                    "around it, its schedule too: build the optimizer around a base that has "
                    "loaded none, and load the checkpoint into it by its load_state_dict(); to "
                    f"begin anew, delete the groups' entries that begin with {PREFIX!r}"
                )


def require_for(method: Method, bases: Iterable[Optimizer]) -> None:
    """An error for a base that lacks what the method takes from it: a step length, or momentum.

    Raises:
        ValueError: naming the base, and the remedy.
    """
    momenta = list(parts(method, Momentum))
    steps_itself = any(True for kind in (Corrected, Parallel) for _ in parts(method, kind))
    for base in bases:
        for momentum in momenta:
            _require_momentum(momentum, base)
        if steps_itself:
            for group in base.param_groups:
                step_length(group)
            Stride(base)


def _require_momentum(momentum: Momentum, base: Optimizer) -> None:
    name = type(base).__name__
    if hasattr(base, "consolidate_state_dict"):
        raise ValueError(
            f"base={name} keeps on each rank the momentum of some parameters "
            "alone, so that the ranks would be perturbed apart; use another base"
        )
    has_momentum = [bool(group.get("momentum")) for group in base.param_groups]
    if any(kind in name.lower() for kind in SQUARES) and not any(has_momentum):
        raise ValueError(
            f"base={name} keeps squares of gradients and no momentum; take "
            "SGD with momentum=0.9, Adam or AdamW"
        )
    if momentum == Momentum():
        for group, has in zip(base.param_groups, has_momentum, strict=True):
            if not has and "betas" not in group:
                raise ValueError(
                    "base keeps no momentum, so that MSAM would never move; build it with "
                    "momentum=0.9, or take Adam or AdamW"
                )
    _require_found(momentum, base)


def _require_found(momentum: Momentum, base: Optimizer) -> None:
    if type(base).__module__.startswith("torch.optim.") or not (tried := rehearsed(base)):
        return
    p, state = tried
    step: Any = SimpleNamespace(params=[p], base_state=lambda _: state)
    if not state:
        raise ValueError(
            f"base={type(base).__name__} keeps nothing of a parameter after two steps, so that "
            "there is no momentum to perturb by; use SAM, or SGD with momentum=0.9"
        )
    try:
        momentum.signal(step, {})
    except RuntimeError as error:
        raise ValueError(f"base={type(base).__name__}: {error}") from None


def _needs_closure(base: Optimizer) -> bool:
    try:
        parameters = inspect.signature(base.step).parameters
    except (TypeError, ValueError):  # a compiled one has none
        return False
    closure = parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty
