"""SAMPa: both gradients of a SAM step at once."""

from sssam.methods import Parallel
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class SAMPa(SharpnessAware):
    """(1 - lam) g(w + e) + lam g(y), two gradients that do not wait for one another.

    h_t = grad L(y_t) on this batch, y_t = w_t - lr h_{t-1}; e_t = rho h_{t-1} / ||h_{t-1}||, and
    the gradient at w_t + e_t is over the batch of the step before, as h_{t-1} is.

    Cost: 2 propagations a step in one process, as here; 1 on the critical path with two devices.
    Memory: 1 copy of the parameters kept, 3 at the peak. Loop: `passes(batch)` alone. It holds the
    batch of the step before, which is not part of the state dict: the first step of a resumed run
    is the base optimizer's, as the first of all is.

    Args:
        base: a built torch optimizer whose groups have an "lr" that is the length of its steps, or
            a list of several; one whose first update is far shorter (Adadelta) draws a warning.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        lam: the weight of the gradient at y, in [0, 1]. Default 0.2.
        model, rng: see `SharpnessAware`. The perturbation is "global": the update rests on h.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "SAMPa: Sharpness-aware Minimization Parallelized", Xie, Pethick, Cevher, NeurIPS
    2024, arXiv 2410.10683. As in the paper, y is one step of gradient descent from w; the authors'
    code adds SGD's momentum and weight decay to it.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        lam: float = 0.2,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        super().__init__(base, Parallel(euclidean(rho), lam), model=model, rng=rng)
