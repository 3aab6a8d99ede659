"""A trained run's flatness, of the training or of a checkpoint; and the line between two."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sssam import sharpness
from sssam.lab.specs import Run
from sssam.lab.specs.flatness import (
    SAMPLES,
    Between,
    Curvature,
    Flatness,
    Measured,
    Plan,
    Plane,
    Profile,
    Rise,
)
from sssam.lab.tasks import problems
from sssam.lab.tasks.problem import Judgement, Problem
from sssam.lab.training import checkpoints
from sssam.lab.training.weights import Called

_BATCH = 256


class Solution(NamedTuple):
    """A trained model with the training samples on which it is measured."""

    run: Run
    epoch: int
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
        ValueError: no checkpoint; data or a task's file that are not those of the run.
        FileNotFoundError: no such file, or data that do not exist.
        Exception: whatever a user's own task raises.
    """
    run, state = checkpoints.read(path)
    return solution(run, state["evaluated_epoch"], state["evaluated"] or state["model"], samples)


def solution(run: Run, epoch: int, weights: dict[str, Any], samples: int = SAMPLES) -> Solution:
    """The same for a run's model of these weights, its state dict, on any device.

    Raises:
        ValueError, FileNotFoundError, Exception: as `opened`.
    """
    problem = problems.make(run.task, run.seed)
    problem.model.load_state_dict(weights)
    part = problem.parts[0].head(samples)
    order = torch.arange(len(part))
    batches = [(x, y) for _, x, y in part.batches(order, _BATCH, "flatness", run.seed)]
    model = Called(problem.model).eval()
    return Solution(run, epoch, problem, model, batches, len(part))


def measure(solution: Solution, plan: Plan | None = None) -> Flatness:
    """All numbers of a solution; the same solution and plan give the same numbers.

    Raises:
        ValueError: more eigenvalues than weights.
        FloatingPointError: the loss or its curvature is not finite, as where a run diverged.
        RuntimeError: the eigenvalues did not converge.
    """
    plan = Plan() if plan is None else plan
    metric = solution.problem.metric
    here = sharpness.loss_curve(*solution.given, x=[0.0], metric=metric)
    radii = [(rho, False) for rho in plan.radii] + [(rho, True) for rho in plan.adaptive_radii]
    rises = tuple(_rise(solution, plan, rho, adaptive) for rho, adaptive in radii)
    plain, adaptive = (_curvature(solution, plan, adaptive) for adaptive in (False, True))
    return Flatness(
        plan=plan,
        weights=sum(p.numel() for p in solution.model.parameters() if p.requires_grad),
        samples=solution.samples,
        loss=here.loss.item(),
        score=_numbers(here.metric)[0],
        curvature=plain,
        adaptive_curvature=adaptive,
        rises=rises,
        curve=_profile(sharpness.loss_curve(*solution.given, metric=metric)),
        surface=_plane(sharpness.loss_surface(*solution.given)) if plan.surface else None,
    )


def measured(solution: Solution, plan: Plan) -> Measured:
    """The same with the run and its epoch; raises as `measure`."""
    found = measure(solution, plan)
    return Measured(run=solution.run, epoch=solution.epoch, flatness=found)


def between(first: Solution, second: Solution) -> Between:
    """The line between two solutions of one model, on the first one's samples.

    Batch norm's statistics are found anew at each point, on those samples.

    Raises:
        ValueError: the two are of different models.
    """
    ends = first.model.state_dict(), second.model.state_dict()
    if _shapes(ends[0]) != _shapes(ends[1]):
        runs = first.run, second.run
        models = " and ".join(f"{run.task.model.text} of {run.task.name}" for run in runs)
        raise ValueError(
            f"there is no line between different models, {models}: measure them one at a time"
        )
    metric = first.problem.metric
    line = sharpness.loss_line(*first.given, *ends, metric=metric, statistics=first.batches)
    barrier = line.barrier if bool(line.loss.isfinite().all()) else None
    return Between(first=first.run, second=second.run, profile=_profile(line), barrier=barrier)


def _shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}


def _curvature(solution: Solution, plan: Plan, adaptive: bool) -> Curvature:
    hessian = sharpness.Hessian(*solution.given, adaptive=adaptive)
    top, trace = hessian.top_eigenvalues(plan.eigenvalues), hessian.trace(plan.probes)
    return Curvature(
        adaptive=adaptive,
        eigenvalues=top.values,
        residuals=top.residuals,
        trace=trace.value,
        error=trace.error,
    )


def _rise(solution: Solution, plan: Plan, rho: float, adaptive: bool) -> Rise:
    worst = sharpness.worst_case_rise(*solution.given, rho, steps=plan.steps, adaptive=adaptive)
    average = sharpness.average_case_rise(*solution.given, rho, draws=plan.draws, adaptive=adaptive)
    return Rise(
        rho=rho,
        adaptive=adaptive,
        worst=_finite(worst.rise),
        one_step=_finite(worst.one_step),
        average=_finite(average.rise),
        error=_finite(average.error),
    )


def _profile(found: sharpness.Curve | sharpness.Line) -> Profile:
    losses = tuple(map(_finite, found.loss.tolist()))
    return Profile(x=tuple(found.x.tolist()), loss=losses, score=_numbers(found.metric))


def _plane(found: sharpness.Surface) -> Plane:
    rows = tuple(tuple(map(_finite, row)) for row in found.loss.tolist())
    return Plane(x=tuple(found.x.tolist()), y=tuple(found.y.tolist()), loss=rows)


def _numbers(scores: Tensor | None) -> tuple[float, ...]:
    return () if scores is None else tuple(scores.tolist())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
