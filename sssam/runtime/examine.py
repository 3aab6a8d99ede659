"""What a base optimizer must be, looked at once, when it is wrapped.

What single methods need more is looked at where they are built: a step length (WSAM, SAMPa;
`core.groups`), momentum (MSAM). Gradients kept beside `.grad` show in the first step
(`runtime.gradients`).
"""

import inspect

import torch
from torch.optim import Optimizer

from sssam.core.groups import require_no_foreign_radius


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
    for group in base.param_groups:
        require_no_foreign_radius(group, base.defaults)


def _needs_closure(base: Optimizer) -> bool:
    try:
        parameters = inspect.signature(base.step).parameters
    except (TypeError, ValueError):  # a compiled one has none
        return False
    closure = parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty
