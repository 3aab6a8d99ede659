"""SAM whose ascent runs on a micro-batch, with noise."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.noise import Noisy
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model, PerturbationScope


class MicroSAM(SharpnessAware):
    """SAM with d = g_m + noise ||g_m|| z / ||z||, g_m the gradient at w of a micro-batch.

    z ~ N(0, 1); e = rho d / ||d||.

    Cost: 1 + ascent_fraction propagations a step. Memory: 0 copies of the parameters kept, 1 at
    the peak. Loop: any form; the two-line form asks `will_ascend` first.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        ascent_fraction: the micro-batch as a part of the batch, in (0, 1]. Default 0.25.
        noise: the length of the noise over that of g_m, at least 0. Default 1; 0 is SAM on a part.
        seed: of the noise, at least 0. Default 0. All ranks must use the same.
        model, rng, perturbation: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Unifying and revisiting Sharpness-Aware Minimization with noise-injected micro-batch
    scheduler for efficiency improvement", Wei, Zhang, Tan, Neural Networks 185, 2025. Only its
    abstract was at hand, which says that random noise is injected into the micro-batch's gradient:
    that it is normal and measured by ||g_m|| is ours.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        ascent_fraction: float = 0.25,
        noise: float = 1.0,
        seed: int = 0,
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        method = Ascent(Noisy(Fresh(ascent_fraction), noise, seed), euclidean(rho, ascent_fraction))
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
