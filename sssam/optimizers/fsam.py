"""Friendly SAM: perturbs along what is this batch's own in the gradient."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.memory import Friendly
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class FriendlySAM(SharpnessAware):
    """SAM whose perturbation leaves the gradient's running mean out.

    m = lam m + (1 - lam) g from 0; d = g - sigma m; e = rho d / ||d||.

    Cost: 2 propagations a step. Memory: 1 copy of the parameters kept, 3 at the peak. Loop: any
    form.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        sigma: the part of m that is taken off, at least 0. Default 1; 0 is SAM.
        lam: the memory of m, in [0, 1]. Default 0.9.
        model, rng: see `SharpnessAware`. The perturbation is "global": m would part between ranks.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Friendly Sharpness-Aware Minimization", Li, Zhou, He, Cheng, Huang, 2024, arXiv
    2403.12350. As in the paper, m has this step's gradient when it is taken off; the authors' code
    takes off the m of the step before, and starts with m = g and d = g.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        sigma: float = 1.0,
        lam: float = 0.9,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        direction = Friendly(sigma, lam) if sigma else Fresh()
        super().__init__(base, Ascent(direction, euclidean(rho)), model=model, rng=rng)
