"""AE-SAM: a SAM step where the gradient is large for its time."""

from sssam.core.checks import number
from sssam.methods import PLAIN, Ascent, GradientSwitch, Method, Reuse
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.mix import Mix, Perturbed, Store
from sssam.roles.threshold import Threshold
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class AESAM(SharpnessAware):
    """SAM by an adaptive policy: at steps with ||g||^2 >= mu_t + c_t sigma_t, g the gradient at w.

    mu_t = d mu + (1 - d) ||g||^2; sigma_t^2 = d sigma^2 + (1 - d) (||g||^2 - mu_t)^2, both from 0;
    c_t = (t/T) l1 + (1 - t/T) l2. The other steps are the base optimizer's; in the look-ahead form
    (AE-LookSAM) they are LookSAM's, g + alpha ||g|| v with v from the last SAM step.

    Cost: between 1 and 2 propagations a step, not known beforehand; the host waits for the norm
    once a step. Memory: 0 copies of the parameters kept, 1 at the peak; in the look-ahead form 1
    and 3. Loop: any form; `will_ascend` is not known before the pass.

    Args:
        base: a built torch optimizer, or a list of several.
        total_steps: T, the optimizer steps of the whole training, at least 1.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        l1, l2: thresholds at the end and at the start. Default -1 and 1: rare first, then often.
            Both -inf is SAM, both inf the base optimizer.
        memory: d, in [0, 1]. Default 0.9.
        look: whether it is the look-ahead form. Default False.
        alpha: weight of the reused part in that form, at least 0. Default 0.7.
        model, rng: see `SharpnessAware`. The perturbation is "global": all ranks decide alike.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "An Adaptive Policy to Employ Sharpness-Aware Minimization", Jiang, Yang, Zhang,
    Kwok, 2023, arXiv 2304.14647. Neither its authors' code nor the whole of its text was at hand:
    that mu and sigma start from 0, and how AE-LookSAM takes LookSAM's steps, is our reading.
    """

    def __init__(
        self,
        base: Base,
        *,
        total_steps: int,
        rho: Rho = 0.05,
        l1: float = -1.0,
        l2: float = 1.0,
        memory: float = 0.9,
        look: bool = False,
        alpha: float = 0.7,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        if not isinstance(look, bool):
            raise TypeError(f"look must be True or False, not {look!r}")
        alpha = number("alpha", alpha, 0.0, float("inf"))
        mix: Mix = Store() if look else Perturbed()
        off: Method = Reuse(alpha) if look else PLAIN
        when = Threshold(total_steps, l1, l2, memory)
        method = GradientSwitch(when, Ascent(Fresh(), euclidean(rho), mix), off)
        super().__init__(base, method, total_steps=total_steps, model=model, rng=rng)
