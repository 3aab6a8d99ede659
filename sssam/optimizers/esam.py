"""ESAM: perturbs some of the tensors, and descends on the samples whose losses rise most."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.masks import Stochastic
from sssam.roles.samples import Rising
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model, PerturbationScope


class ESAM(SharpnessAware):
    """Efficient SAM: stochastic weight perturbation and sharpness-sensitive data selection.

    With M the tensors drawn at this step, each with probability beta: e = rho / beta g_M / ||g_M||
    on M and 0 elsewhere; the base optimizer gets the gradient at w + e over the part gamma of the
    batch whose losses rise most from w to w + e, which a forward pass at w + e finds.

    Cost: 4/3 + gamma propagations a step (2 + gamma forwards, 1 + gamma backwards); 2 where gamma
    is 1. Memory: 0 copies of the parameters kept, 1 at the peak. Loop: `passes(batch)`, with one
    loss a sample; any form where gamma is 1. On several ranks each chooses among its own samples.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0, or "auto" (experimental: see `SAM`). Default 0.05.
        beta: the probability that a tensor is perturbed, in (0, 1]. Default 0.5; 1: all.
        gamma: the part of the batch that is descended on, in (0, 1]. Default 0.5; 1: all.
        seed: of the draws of tensors, at least 0. Default 0. All ranks must use the same.
        model, rng, perturbation: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Efficient Sharpness-aware Minimization for Improved Training of Neural Networks",
    Du, Yan, Feng, Zhou, Zhen, Goh, Tan, 2021, arXiv 2110.03141. The paper's masks are per weight,
    its code's and ours per tensor. The code turns the others' `requires_grad` off, which spares a
    part of the first backward pass and which DistributedDataParallel and compiled models don't
    bear; here the gradient is masked afterwards. It keeps one sample fewer than gamma says, by a
    strict comparison; here the nearest number.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        beta: float = 0.5,
        gamma: float = 0.5,
        seed: int = 0,
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        metric = Stochastic(euclidean(rho), beta, seed)
        method = Ascent(Fresh(), metric, samples=Rising(gamma))
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
