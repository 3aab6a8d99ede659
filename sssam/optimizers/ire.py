"""IRE: goes further along the flat coordinates of the base optimizer's update."""

from sssam.methods import PLAIN, Ascent, Enhanced
from sssam.optimizers.sam import Base
from sssam.roles.direction import Fresh
from sssam.roles.metric import Euclidean, check_rho
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class IRE(SharpnessAware):
    """Implicit regularisation enhancement: w += kappa m * (the base optimizer's update).

    m is 1 on the part `flat` of the coordinates with the smallest |g| at the last step that
    `every` divides, else 0; g is what the base optimizer gets.

    Cost: 1 propagation a step, 2 with a rho, and a selection among all |g| at every tenth step.
    Memory: 1 copy of the parameters kept, 1 at the peak; one more with a rho, and one more during
    the base optimizer's update. Loop: any form.

    Args:
        base: a built torch optimizer, or a list of several.
        kappa: how much further the update goes, at least 0. Default 1; the authors take 1 to 4.
        flat: the part of the coordinates that are taken for flat, in (0, 1]. Default 0.8.
        every: steps from one choice of them to the next, at least 1. Default 10.
        start: the step from which on it acts, at least 0. Default 0; the authors begin after the
            warm-up, or late.
        rho: 0 (default) for the base optimizer's own gradient; above, a SAM step of that radius.
        model, rng: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Improving Generalization and Convergence by Enhancing Implicit Regularization",
    Wang, Wang, He, Wang, Huang, Xiong, Li, E, Wu, NeurIPS 2024, arXiv 2405.20763. The authors'
    code (wmz9/IRE-algorithm-framework) estimates the diagonal by a further pass at every tenth
    step, with labels that are drawn from the model's outputs; here it is that of the gradient at
    hand, for no pass. Its `rank` is 1 - flat.
    """

    def __init__(
        self,
        base: Base,
        *,
        kappa: float = 1.0,
        flat: float = 0.8,
        every: int = 10,
        start: int = 0,
        rho: float = 0.0,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        inner = Ascent(Fresh(), Euclidean(rho)) if check_rho(rho) else PLAIN
        super().__init__(base, Enhanced(inner, kappa, flat, every, start), model=model, rng=rng)
