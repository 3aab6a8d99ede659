"""A trained run's flatness, of the training or of a checkpoint."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from sssam import sharpness
from sssam.lab.specs import Run
from sssam.lab.specs.flatness import SAMPLES, Flatness, FlatnessSettings, Rise
from sssam.lab.tasks import problems
from sssam.lab.tasks.problem import Judgement
from sssam.lab.training import checkpoints
from sssam.lab.training.weights import Called

_BATCH = 256


class Solution(NamedTuple):
    """A trained model, with its loss and the training samples on which that is measured."""

    model: nn.Module
    loss: Judgement
    batches: list[tuple[Any, Any]]
    samples: int


def opened(path: Path, samples: int = SAMPLES) -> Solution:
    """The model of a checkpoint in evaluation mode, in float32, on the CPU, and training samples.

    Its weights are those that the method evaluates: the last, an average, or the best epoch's.

    Raises:
        ValueError, FileNotFoundError: no checkpoint; data or a task's file that are not those of
            the run.
    """
    run, state = checkpoints.read(path)
    return solution(run, state["evaluated"] or state["model"], samples)


def solution(run: Run, weights: dict[str, Any], samples: int = SAMPLES) -> Solution:
    """A run's model with these weights (a state dict on any device), and training samples."""
    problem = problems.make(run.task, run.seed)
    problem.model.load_state_dict(weights)
    part = problem.parts[0].head(samples)
    order = torch.arange(len(part))
    batches = [(x, y) for _, x, y in part.batches(order, _BATCH, "flatness", run.seed)]
    return Solution(Called(problem.model).eval(), problem.loss, batches, len(part))


def measure(solution: Solution, settings: FlatnessSettings | None = None) -> Flatness:
    """All numbers of a solution; the same solution and settings give the same numbers.

    Raises:
        ValueError: more eigenvalues than weights.
        FloatingPointError: the loss or its curvature is not finite, as where a run diverged.
        RuntimeError: the eigenvalues did not converge.
    """
    how, given = FlatnessSettings() if settings is None else settings, solution[:3]
    hessian = sharpness.Hessian(*given)
    radii = [(rho, False) for rho in how.radii] + [(rho, True) for rho in how.adaptive_radii]
    worst = [
        sharpness.worst_case_rise(*given, rho, steps=how.steps, adaptive=adaptive)
        for rho, adaptive in radii
    ]
    return Flatness(
        settings=how,
        samples=solution.samples,
        loss=worst[0].loss,
        eigenvalues=hessian.top_eigenvalues(how.eigenvalues).values,
        trace=hessian.trace(how.probes).value,
        rises=tuple(
            Rise(rho=rho, adaptive=adaptive, worst=rise if math.isfinite(rise) else None)
            for (rho, adaptive), rise in zip(radii, (each.rise for each in worst), strict=True)
        ),
    )
