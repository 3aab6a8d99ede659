"""LookSAM: a SAM step every k steps, whose effect is reused on the steps between."""

from sssam.core.checks import number
from sssam.methods import Ascent, Reuse, Switch
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.mix import Store
from sssam.roles.when import Every
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class LookSAM(SharpnessAware):
    """SAM at every k-th step; elsewhere the gradient at w, turned by what SAM last added to it.

    With g at w, g_s at w + e and u(x) = x / ||x||, norms over all parameters together: on SAM
    steps v = u(g_s - <g_s, u(g)> u(g)) is kept and g_s goes to the base optimizer; on the others
    g + alpha ||g|| v.

    Cost: 1 + 1/k propagations a step. Memory: 1 copy of the parameters kept, 3 at the peak.
    Loop: any form.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        k: steps from one SAM step to the next, at least 1. Default 5. The first step is one.
        alpha: weight of the reused part, at least 0. Default 0.7.
        model, rng: see `SharpnessAware`. The perturbation is "global": v rests on g.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Towards Efficient and Scalable Sharpness-Aware Minimization", Liu, Mai, Chen,
    Hsieh, You, 2022, arXiv 2203.02714. Where e is 0 (rho is, or g is zero or not finite) v stays
    as it was. The paper's layer-wise scaling is the base optimizer's business.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        k: int = 5,
        alpha: float = 0.7,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        alpha = number("alpha", alpha, 0.0, float("inf"))
        method = Switch(Every(k), Ascent(Fresh(), euclidean(rho), Store()), Reuse(alpha))
        super().__init__(base, method, model=model, rng=rng)
