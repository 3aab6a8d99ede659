"""How flat the loss is at trained weights, as typed values: the settings and the results."""

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sssam.lab.specs.base import Spec, Whole

#: Training samples unless the settings say otherwise: as many as the curves' loss is taken on.
SAMPLES = 512

Radius = Annotated[float, Field(gt=0)]
Radii = Annotated[tuple[Radius, ...], Field(min_length=1)]

#: A number, or None in the place of one that is not finite.
Finite = Annotated[
    float | None, BeforeValidator(lambda x: x if x is None or math.isfinite(x) else None)
]


class FlatnessSettings(Spec):
    """What is measured, and how thoroughly; by default what takes seconds on a small model.

    `samples` is the number of training samples, the first ones; `eigenvalues` how many; `probes`
    those of the trace; `radii` of SAM's ball, `adaptive_radii` of ASAM's ellipsoid; `steps` of
    ascent within them, `draws` of random directions.
    """

    samples: Whole = SAMPLES
    eigenvalues: Whole = 1
    probes: Annotated[int, Field(ge=2)] = 30
    radii: Radii = (0.1,)
    adaptive_radii: Radii = (1.0,)
    steps: Whole = 5
    draws: Annotated[int, Field(ge=2)] = 10


class Curvature(Spec):
    """Outer eigenvalues of a Hessian and its trace, in units of loss per squared unit of weight.

    In units of loss where `adaptive`. `residuals` bound how far each eigenvalue is off; `error` is
    the trace's standard error.
    """

    adaptive: bool
    eigenvalues: tuple[float, ...]
    residuals: tuple[float, ...]
    trace: float
    error: float


class Rise(Spec):
    """How far the loss rises within `rho`, in its units; None for a rise without bound.

    `worst` is the largest that ascent found, `one_step` the one at SAM's own perturbation,
    `average` the mean over random directions, with its standard error.
    """

    rho: float
    adaptive: bool
    worst: Finite
    one_step: Finite
    average: Finite
    error: Finite


class Flatness(Spec):
    """How flat the loss is at the weights that a run has reached, measured by `settings`.

    `loss` and `score` (the mean of the task's metric, in [0, 1]) are means over the first `samples`
    of the training set, in evaluation mode; `weights` is the number of weights.
    """

    settings: FlatnessSettings
    weights: int
    samples: int
    loss: float
    score: float
    curvature: Curvature
    adaptive_curvature: Curvature
    rises: tuple[Rise, ...]
    curve: Any = Field(default=None, exclude=True)  # in records made before 0.2
