"""AsyncSAM: perturbs along the gradient at w of the step before."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.roles.memory import Stale
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class AsyncSAM(SharpnessAware):
    """e_t = rho h_{t-1} / ||h_{t-1}||, h_t the gradient at w_t on a part of the batch.

    Neither of a step's passes waits for the other: with a second device for h, one is on the
    critical path. Here both run in one process.

    Cost: 1 + ascent_fraction propagations a step, 1 on the critical path. Memory: 1 copy of the
    parameters kept, 3 at the peak. Loop: any form; for a part of the batch, the two-line form
    asks `will_ascend` first.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        ascent_fraction: the part of the batch that h is made from, in (0, 1]. Default 1.
        model, rng: see `SharpnessAware`. The perturbation is "global": h would part between ranks.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Asynchronous Sharpness-Aware Minimization for Fast and Accurate Deep Learning", Jo,
    Lim, Lee, 2025, arXiv 2503.11147, with its staleness of one step. At the first step, h_0 itself
    is used.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        ascent_fraction: float = 1.0,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        method = Ascent(Stale(ascent_fraction), euclidean(rho, ascent_fraction))
        super().__init__(base, method, model=model, rng=rng)
