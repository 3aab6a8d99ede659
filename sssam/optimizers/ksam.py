"""K-SAM: both passes on the samples with the highest losses."""

from sssam.core.checks import share
from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.samples import Hardest
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model, PerturbationScope


class KSAM(SharpnessAware):
    """SAM on the k samples of the batch whose losses at w are the highest.

    One forward pass over all n samples, then both of SAM's passes on those k.

    Cost: 1/3 + 2 k/n propagations a step; 2 where k = n. Memory: 0 copies of the parameters kept,
    1 at the peak. Loop: `passes(batch)`, with one loss a sample; any form where k = n. On several
    ranks each chooses among its own samples.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        fraction: k / n, in (0, 1]; the nearest number of samples, at least one. Default 0.5; 1 is
            SAM, without the forward pass.
        model, rng, perturbation: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "K-SAM: Sharpness-Aware Minimization at the Speed of SGD", Ni, Chiang, Geiping,
    Goldblum, Wilson, Goldstein, 2022, arXiv 2210.12864. The paper names k, here it is k / n, so
    that a last, smaller batch has its share.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        fraction: float = 0.5,
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        method = Ascent(Fresh(), euclidean(rho), samples=Hardest(share("fraction", fraction)))
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
