"""Unnormalised SAM: as far as the gradient is long."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base, mixed
from sssam.roles.direction import Fresh
from sssam.roles.metric import Unnormalized
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model, PerturbationScope


class USAM(SharpnessAware):
    """Unnormalised SAM: e = rho g, as far as the gradient is long; the rest as in SAM.

    Cost: as `SAM`. Memory: 0 copies of the parameters kept, 1 at the peak; one more with a mix.
    Loop: as `SAM`.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: in units of weight per unit of gradient, at least 0. Default 0.05.
        mix, ascent_fraction, model, rng, perturbation: see `SAM`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Towards Understanding Sharpness-Aware Minimization", Andriushchenko, Flammarion,
    2022, arXiv 2206.06232.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.05,
        mix: float = 1.0,
        ascent_fraction: float = 1.0,
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        method = Ascent(Fresh(ascent_fraction), Unnormalized(rho), mixed(mix))
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
