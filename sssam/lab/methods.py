"""From a row of a comparison to a built optimizer, and what all of them tell while they train."""

from torch import nn
from torch.optim import Optimizer

import sssam
from sssam.lab.specs import Method
from sssam.schedules import Schedule


def build(
    method: Method, optimizer: Optimizer, total_steps: int, seed: int, model: nn.Module
) -> Optimizer:
    """The optimizer of a method over a built torch optimizer, which itself is the kind "base".

    Args:
        method: the row; fields that its kind has no use for are passed over.
        optimizer: the base optimizer, over the parameters of `model`.
        total_steps: steps of the whole run, at least 1; schedules are stretched over them.
        seed: of the Bernoulli trials.
        model: the network itself, not a proxy of it, so that its batch norm statistics stay plain.

    Raises:
        ValueError: a hyperparameter out of its range, or a kind that needs a schedule without one.
    """
    rho, part = method.rho, method.ascent_fraction
    match method.kind:
        case "base":
            return optimizer
        case "sam":
            return sssam.SAM(optimizer, rho=rho, mix=method.mix, ascent_fraction=part, model=model)
        case "asam":
            return sssam.ASAM(optimizer, rho=rho, mix=method.mix, ascent_fraction=part, model=model)
        case "looksam":
            every, alpha = method.every, method.alpha
            return sssam.LookSAM(optimizer, rho=rho, k=every, alpha=alpha, model=model)
        case "msam":
            return sssam.MSAM(optimizer, rho=rho, model=model)
    return sssam.SSSAM(
        optimizer,
        schedule=_schedule(method),
        total_steps=total_steps,
        rho=rho,
        seed=seed,
        draws=method.draws,
        strength=method.strength,
        mix=method.mix,
        ascent_fraction=part,
        model=model,
    )


def passes_run(optimizer: Optimizer, steps: int) -> tuple[float, float]:
    """Forwards and backwards really run, in batches; the base optimizer runs one of each a step."""
    forwards = getattr(optimizer, "forwards", steps)
    return float(forwards), float(getattr(optimizer, "backwards", steps))


def expected_propagations(optimizer: Optimizer) -> float:
    """Expected passes a step, 1 for the base optimizer."""
    return float(getattr(optimizer, "expected_propagations", 1.0))


def _schedule(method: Method) -> Schedule:
    schedule = method.scheduling_function()
    if schedule is None:
        raise ValueError(f"method {method.label!r} of kind 'sssam' needs a schedule, got none")
    return schedule
