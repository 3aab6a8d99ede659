"""A trained run's flatness, of the training or of a checkpoint."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from sssam import sharpness
from sssam.lab.specs import Run
from sssam.lab.specs.flatness import SAMPLES, Curvature, Flatness, FlatnessSettings, Rise
from sssam.lab.tasks import problems
from sssam.lab.tasks.problem import Judgement, Problem
from sssam.lab.training import checkpoints
from sssam.lab.training.weights import Called

_BATCH = 256


class Solution(NamedTuple):
    """A trained model with the training samples on which it is measured."""

    problem: Problem
    model: nn.Module
    batches: list[tuple[Any, Any]]
    samples: int

    @property
    def given(self) -> tuple[nn.Module, Judgement, list[tuple[Any, Any]]]:
        """Model, loss and batches, as the functions of `sssam.sharpness` take them."""
        return self.model, self.problem.loss, self.batches


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
    """The same for a run's model of these weights, its state dict, on any device."""
    problem = problems.make(run.task, run.seed)
    problem.model.load_state_dict(weights)
    part = problem.parts[0].head(samples)
    order = torch.arange(len(part))
    batches = [(x, y) for _, x, y in part.batches(order, _BATCH, "flatness", run.seed)]
    model = Called(problem.model).eval()
    return Solution(problem, model, batches, len(part))


def measure(solution: Solution, settings: FlatnessSettings | None = None) -> Flatness:
    """All numbers of a solution; the same solution and settings give the same numbers.

    Raises:
        ValueError: more eigenvalues than weights.
        FloatingPointError: the loss or its curvature is not finite, as where a run diverged.
        RuntimeError: the eigenvalues did not converge.
    """
    how = FlatnessSettings() if settings is None else settings
    here = sharpness.loss_curve(*solution.given, x=[0.0], metric=solution.problem.metric)
    assert here.metric is not None  # one was given
    radii = [(rho, False) for rho in how.radii] + [(rho, True) for rho in how.adaptive_radii]
    rises = tuple(_rise(solution, how, rho, adaptive) for rho, adaptive in radii)
    plain, adaptive = (_curvature(solution, how, adaptive) for adaptive in (False, True))
    return Flatness(
        settings=how,
        weights=sum(p.numel() for p in solution.model.parameters() if p.requires_grad),
        samples=solution.samples,
        loss=here.loss.item(),
        score=here.metric.item(),
        curvature=plain,
        adaptive_curvature=adaptive,
        rises=rises,
    )


def _curvature(solution: Solution, how: FlatnessSettings, adaptive: bool) -> Curvature:
    hessian = sharpness.Hessian(*solution.given, adaptive=adaptive)
    top, trace = hessian.top_eigenvalues(how.eigenvalues), hessian.trace(how.probes)
    return Curvature(
        adaptive=adaptive,
        eigenvalues=top.values,
        residuals=top.residuals,
        trace=trace.value,
        error=trace.error,
    )


def _rise(solution: Solution, how: FlatnessSettings, rho: float, adaptive: bool) -> Rise:
    worst = sharpness.worst_case_rise(*solution.given, rho, steps=how.steps, adaptive=adaptive)
    average = sharpness.average_case_rise(*solution.given, rho, draws=how.draws, adaptive=adaptive)
    return Rise(
        rho=rho,
        adaptive=adaptive,
        worst=worst.rise,
        one_step=worst.one_step,
        average=average.rise,
        error=average.error,
    )
