"""WSAM: sharpness as a weighted term of the loss, coupled or decoupled from the base optimizer."""

import math

from sssam.core.checks import number
from sssam.methods import Ascent
from sssam.optimizers.sam import Base, mixed
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.mix import Corrected, Mix
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class WSAM(SharpnessAware):
    """Weighted SAM: L(w) + gamma / (1 - gamma) (L(w + e) - L(w)).

    With a = gamma / (1 - gamma), g at w, g_s at w + e, e = rho g / ||g||. Decoupled: the base
    optimizer steps on g, then w -= lr a (g_s - g). Coupled: it steps on (1 - a) g + a g_s.

    Cost: 2 propagations a step. Memory: 0 copies of the parameters kept, 2 at the peak. Loop: any
    form.

    Args:
        base: a built torch optimizer whose groups have an "lr" that is the length of its steps, or
            a list of several; one whose first update is far shorter (Adadelta) draws a warning.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        gamma: weight of the sharpness, in [0, 1). Default 0.9. 0 is the base optimizer; coupled,
            0.5 is SAM.
        decoupled: whether the sharpness stays out of the base optimizer's momentum. Default True,
            as in the paper.
        model, rng: see `SharpnessAware`. The perturbation is "global": the update rests on g.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Sharpness-Aware Minimization Revisited: Weighted Sharpness as a Regularization
    Term", Yue, Jiang, Ye, Gao, Liu, Zhang, 2023, arXiv 2305.15817. The authors' code perturbs each
    rank by its own gradient and averages the gradients afterwards; here there is one e.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        gamma: float = 0.9,
        decoupled: bool = True,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        if not isinstance(decoupled, bool):
            raise TypeError(f"decoupled must be True or False, not {decoupled!r}")
        if not 0 <= number("gamma", gamma, -math.inf, math.inf) < 1:
            raise ValueError(f"gamma must be in [0, 1), not {gamma!r}; 0 is the base optimizer")
        a = gamma / (1.0 - gamma)
        mix: Mix = Corrected(a) if decoupled else mixed(a)
        super().__init__(base, Ascent(Fresh(), euclidean(rho), mix), model=model, rng=rng)
