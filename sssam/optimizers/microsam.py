"""SAM whose ascent runs on a micro-batch, with noise."""

from sssam.methods import Ascent
from sssam.optimizers.base import SharpnessAware
from sssam.optimizers.sam import Base, Model
from sssam.preservation import Rng
from sssam.roles.direction import Fresh
from sssam.roles.metric import Euclidean
from sssam.roles.noise import Noisy


class MicroSAM(SharpnessAware):
    """SAM with d = g_m + noise ||g_m|| z / ||z||, g_m the gradient at w of a micro-batch.

    z ~ N(0, 1); e = rho d / ||d||. 1 + ascent_fraction propagations a step.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05.
        ascent_fraction: the micro-batch as a part of the batch, in (0, 1]. Default 0.25.
        noise: the length of the noise over that of g_m, at least 0. Default 1; 0 is SAM on a part.
        seed: of the noise, at least 0. Default 0. All ranks must use the same.
        model, rng: see `SharpnessAware`.

    Reference: "Unifying and revisiting Sharpness-Aware Minimization with noise-injected micro-batch
    scheduler for efficiency improvement", Wei, Zhang, Tan, Neural Networks 185, 2025. Only its
    abstract was at hand: that the noise is normal and measured by ||g_m|| is ours.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.05,
        ascent_fraction: float = 0.25,
        noise: float = 1.0,
        seed: int = 0,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        direction = Noisy(Fresh(ascent_fraction), noise, seed)
        super().__init__(base, Ascent(direction, Euclidean(rho)), model=model, rng=rng)
