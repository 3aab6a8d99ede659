"""Momentum-SAM: the perturbation comes from the momentum, for no pass at all."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base, Model
from sssam.roles.direction import Momentum
from sssam.roles.metric import Euclidean
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware

#: Their kinds have betas and state of momentum's name in bitsandbytes, which is none.
SQUARES = ("adagrad", "rmsprop")


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
        TypeError, ValueError: a base without momentum, or with a part of it on each rank
            (ZeroRedundancyOptimizer), or an argument outside its range.

    Reference: "Momentum-SAM: Sharpness Aware Minimization without Computational Overhead", Becker,
    Altrock, Risse, 2024, arXiv 2401.12033. The authors' code keeps the weights at the perturbed
    point between steps and applies weight decay there; here they rest at w, and decay acts at w.
    """

    def __init__(
        self, base: Base, *, rho: float = 0.3, model: Model = None, rng: Rng = "restore"
    ) -> None:
        super().__init__(base, Ascent(Momentum(), Euclidean(rho)), model=model, rng=rng)
        for one in self.bases:
            if hasattr(one, "consolidate_state_dict"):
                raise ValueError(
                    f"base={type(one).__name__} keeps on each rank the momentum of some parameters "
                    "alone, so that the ranks would be perturbed apart; use another base"
                )
            if any(kind in type(one).__name__.lower() for kind in SQUARES) and not any(
                group.get("momentum") for group in one.param_groups
            ):
                raise ValueError(
                    f"base={type(one).__name__} keeps squares of gradients and no momentum; take "
                    "SGD with momentum=0.9, Adam or AdamW"
                )
        for group in self.param_groups:
            if not group.get("momentum") and "betas" not in group:
                raise ValueError(
                    "base keeps no momentum, so that MSAM would never move; build it with "
                    "momentum=0.9, or take Adam or AdamW"
                )
