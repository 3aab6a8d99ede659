"""How flat the loss is at trained weights, as typed values: the settings and the results."""

from typing import Annotated

from pydantic import Field

from sssam.lab.specs.base import Spec, Whole

#: Training samples unless the settings say otherwise: as many as the curves' loss is taken on.
SAMPLES = 512

Radii = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]


class FlatnessSettings(Spec):
    """What is measured, and how thoroughly; by default what takes seconds on a small model.

    `samples` is the number of training samples, the first ones; `eigenvalues` how many; `probes`
    those of the trace; `radii` of SAM's ball, `adaptive_radii` of ASAM's ellipsoid; `steps` of
    ascent within them.
    """

    samples: Whole = SAMPLES
    eigenvalues: Whole = 1
    probes: Annotated[int, Field(ge=2)] = 30
    radii: Radii = (0.1,)
    adaptive_radii: Radii = (1.0,)
    steps: Whole = 5


class Rise(Spec):
    """The largest rise of the loss within `rho` that ascent found; None for one without bound."""

    rho: float
    adaptive: bool
    worst: float | None


class Flatness(Spec):
    """How flat the loss is at the weights that a run has reached, measured by `settings`.

    `loss` is the mean over the first `samples` of the training set, in evaluation mode;
    `eigenvalues`, the largest first, and `trace` are of its Hessian.
    """

    settings: FlatnessSettings
    samples: int
    loss: float
    eigenvalues: tuple[float, ...]
    trace: float
    rises: tuple[Rise, ...]
