"""GSAM: SAM that also narrows the gap between the loss at w + e and the loss at w."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.mix import Gap, Mix, Perturbed
from sssam.roles.strength import Factor, WithRate
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class GSAM(SharpnessAware):
    """Surrogate Gap guided SAM: g_s - alpha (the component of g that is orthogonal to g_s).

    g at w, g_s at w + e, e = rho_t g / ||g||, and
    rho_t = rho_min + (rho - rho_min) (lr_t - lr_min) / (lr_max - lr_min) where rho_min is given.

    Cost: 2 propagations a step. Memory: 0 copies of the parameters kept, 2 at the peak. Loop: any
    form.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0; with rho_min, the one at lr_max. Default 0.05.
        alpha: weight of the orthogonal component, at least 0. Default 0.1; 0 is SAM.
        rho_min: the radius at lr_min, in [0, rho]. Default None: rho throughout.
        lr_max: the greatest learning rate of the run; needed with rho_min.
        lr_min: the least one, at least 0. Default 0.
        model, rng: see `SharpnessAware`. The perturbation is "global": the update rests on g.

    Raises:
        TypeError, ValueError: rho_min without lr_max, or an argument outside its range.

    Reference: "Surrogate Gap Minimization Improves Sharpness-Aware Training", Zhuang, Gong, Yuan,
    Cui, Adam, Dvornek, Tatikonda, Duncan, Liu, 2022, arXiv 2203.08065. rho_t follows the first
    param group's learning rate and stays within [rho_min, rho]; the authors' code extrapolates.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        alpha: float = 0.1,
        rho_min: float | None = None,
        lr_max: float | None = None,
        lr_min: float = 0.0,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        metric, strength = euclidean(rho), _annealed(rho, rho_min, lr_max, lr_min)
        mix: Mix = Perturbed() if alpha == 0 else Gap(alpha)
        super().__init__(base, Ascent(Fresh(), metric, mix, strength), model=model, rng=rng)


def _annealed(
    rho: Rho, rho_min: float | None, lr_max: float | None, lr_min: float
) -> Factor | None:
    if rho_min is None:
        return None
    if lr_max is None:
        raise ValueError(
            f"rho_min={rho_min!r} needs lr_max, the greatest learning rate of the run, from which "
            "rho falls to rho_min; without rho_min, rho is constant"
        )
    if rho == "auto":
        raise ValueError(
            f"rho_min={rho_min!r} is the least of the radii that follow the learning rate, and "
            "rho='auto' finds its own; give a number for rho, or leave rho_min out"
        )
    return WithRate(rho, rho_min, lr_max, lr_min)
