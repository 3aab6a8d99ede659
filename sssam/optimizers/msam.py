"""Momentum-SAM: the perturbation comes from the momentum, for no pass at all."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.direction import Momentum
from sssam.roles.metric import Euclidean
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class MSAM(SharpnessAware):
    """The gradient at w - rho v / ||v||, v the base optimizer's momentum as the last step left it.

    Cost: 1 propagation a step. Memory: 0 copies of the parameters kept, 1 at the peak. Loop: any
    form; in the two-line form, `optimizer.ascend()` comes before `backward()`, since it moves
    before the first pass.

    Args:
        base: a built torch optimizer with momentum (`momentum_buffer`, or Adam's `exp_avg`), or a
            list of several.
        rho: radius, at least 0. Default 0.3; its best values lie well above SAM's.
        model, rng: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: a base without momentum, as far as two steps of a stand-in over a
            tiny parameter tell (else the second step raises a RuntimeError), or with a part of it
            on each rank (ZeroRedundancyOptimizer), or an argument outside its range.

    Reference: "Momentum-SAM: Sharpness Aware Minimization without Computational Overhead", Becker,
    Altrock, Risse, 2024, arXiv 2401.12033. The authors' code keeps the weights at the perturbed
    point between steps and applies weight decay there; here they rest at w, and decay acts at w.
    """

    def __init__(
        self, base: Base, *, rho: float = 0.3, model: Model = None, rng: Rng = "restore"
    ) -> None:
        super().__init__(base, Ascent(Momentum(), Euclidean(rho)), model=model, rng=rng)
