"""S2-SAM: perturbs along the last descent gradient, for no pass at all."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.memory import Last
from sssam.roles.metric import Euclidean
from sssam.roles.mix import Kept
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class S2SAM(SharpnessAware):
    """Single-step SAM: e_t = rho u_{t-1} / ||u_{t-1}||; it descends u_t = grad L(w_t + e_t).

    The first step is the base optimizer's.

    Cost: 1 propagation a step. Memory: 1 copy of the parameters kept, 2 at the peak. Loop: any
    form; in the two-line form, `optimizer.ascend()` comes before `backward()`, since it moves
    before the first pass.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05.
        model, rng: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "A Single-Step, Sharpness-Aware Minimization is All You Need to Achieve Efficient and
    Accurate Sparse Training", Ji, Li, Fu, Afghah, Guo, Yuan, Ma, NeurIPS 2024. The authors' code
    starts with a SAM step, whose pass at w is an extra one; a step at w has no such exception.
    """

    def __init__(
        self, base: Base, *, rho: float = 0.05, model: Model = None, rng: Rng = "restore"
    ) -> None:
        method = Ascent(Last(), Euclidean(rho), Kept())
        super().__init__(base, method, model=model, rng=rng)
