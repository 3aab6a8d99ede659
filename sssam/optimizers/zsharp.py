"""ZSharp: perturbs the coordinates whose gradients stand out in their tensors."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.direction import Fresh
from sssam.roles.metric import Euclidean
from sssam.roles.zscores import ZScores
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model, PerturbationScope


class ZSharp(SharpnessAware):
    """SAM with e along m g: m is 1 where |z| exceeds its percentile over all coordinates, else 0.

    z = (g - mean) / (std + 1e-8), mean and standard deviation over each tensor.

    Cost: 2 propagations a step, and a selection among all |z|. Memory: 0 copies of the parameters
    kept, 1 at the peak. Loop: any form.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05.
        percentile: of the coordinates that stay at w, in [0, 100). Default 95: the top 5% move.
        ascent_fraction: the part of the batch that the pass at w uses, in (0, 1]. Default 1.
        model, rng, perturbation: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Sharpness-Aware Minimization with Z-Score Gradient Filtering", Yun, 2025, arXiv
    2505.02369. No code of its author was found; an independent package (bangyen/zsharp) takes the
    standard deviation with n - 1 and interpolates the percentile, which selects the same ones.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.05,
        percentile: float = 95.0,
        ascent_fraction: float = 1.0,
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        method = Ascent(Fresh(ascent_fraction), ZScores(Euclidean(rho), percentile))
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
