"""K-SAM: both passes on the samples with the highest losses."""

from sssam.checks import share
from sssam.methods import Ascent
from sssam.optimizers.base import SharpnessAware
from sssam.optimizers.sam import Base, Model
from sssam.preservation import Rng
from sssam.roles.direction import Fresh
from sssam.roles.metric import Euclidean
from sssam.roles.samples import Hardest


class KSAM(SharpnessAware):
    """SAM on the k samples of the batch whose losses at w are the highest.

    One forward pass over all n samples, then both of SAM's passes on those k: 1/3 + 2 k/n
    propagations a step. Only `optimizer.passes(batch)` can serve it, with one loss a sample.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05.
        fraction: k / n, in (0, 1]; the nearest number of samples, at least one. Default 0.5; 1 is
            SAM, without the forward pass.
        model, rng: see `SharpnessAware`.

    Reference: "K-SAM: Sharpness-Aware Minimization at the Speed of SGD", Ni, Chiang, Geiping,
    Goldblum, Wilson, Goldstein, arXiv 2210.12864. The paper names k, here it is k / n, so that a
    last, smaller batch has its share.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.05,
        fraction: float = 0.5,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        method = Ascent(Fresh(), Euclidean(rho), samples=Hardest(share("fraction", fraction)))
        super().__init__(base, method, model=model, rng=rng)
