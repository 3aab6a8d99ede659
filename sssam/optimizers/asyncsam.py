"""AsyncSAM: perturbs along the gradient at w of the step before."""

from sssam.methods import Ascent
from sssam.optimizers.base import SharpnessAware
from sssam.optimizers.sam import Base, Model
from sssam.preservation import Rng
from sssam.roles.memory import Stale
from sssam.roles.metric import Euclidean


class AsyncSAM(SharpnessAware):
    """e_t = rho h_{t-1} / ||h_{t-1}||, h_t the gradient at w_t on a part of the batch.

    Neither of a step's passes waits for the other: with a second device for h, one is on the
    critical path. In one process, as here, a step costs 1 + ascent_fraction propagations. One
    persistent copy of the parameters.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05.
        ascent_fraction: the part of the batch that h is made from, in (0, 1]. Default 1.
        model, rng: see `SharpnessAware`.

    Reference: "Asynchronous Sharpness-Aware Minimization for Fast and Accurate Deep Learning", Jo,
    Lim, Lee, arXiv 2503.11147. At the first step, h_0 itself is used.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.05,
        ascent_fraction: float = 1.0,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        method = Ascent(Stale(ascent_fraction), Euclidean(rho))
        super().__init__(base, method, model=model, rng=rng)
