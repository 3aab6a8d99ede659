"""ESAM: perturbs some of the tensors, and descends on the samples whose losses rise most."""

from sssam.methods import Ascent
from sssam.optimizers.base import SharpnessAware
from sssam.optimizers.sam import Base, Model
from sssam.preservation import Rng
from sssam.roles.direction import Fresh
from sssam.roles.masks import Stochastic
from sssam.roles.metric import Euclidean
from sssam.roles.samples import Rising


class ESAM(SharpnessAware):
    """Efficient SAM: stochastic weight perturbation and sharpness-sensitive data selection.

    With M the tensors drawn at this step, each with probability beta: e = rho / beta g_M / ||g_M||
    on M and 0 elsewhere; the base optimizer gets the gradient at w + e over the part gamma of the
    batch whose losses rise most from w to w + e. For gamma < 1 a forward pass at w + e finds them:
    2 + gamma forwards and 1 + gamma backwards a step, and only `optimizer.passes(batch)` can serve
    it, with one loss a sample.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05.
        beta: the probability that a tensor is perturbed, in (0, 1]. Default 0.5; 1: all.
        gamma: the part of the batch that is descended on, in (0, 1]. Default 0.5; 1: all.
        seed: of the draws of tensors, at least 0. Default 0. All ranks must use the same.
        model, rng: see `SharpnessAware`.

    Reference: "Efficient Sharpness-aware Minimization for Improved Training of Neural Networks",
    Du, Yan, Feng, Zhou, Zhen, Goh, Tan, arXiv 2110.03141. The paper's masks are per weight, its
    code's and ours per tensor. The code turns the others' `requires_grad` off, which spares a part
    of the first backward pass and which DistributedDataParallel and compiled models don't bear;
    here the gradient is masked afterwards. It keeps one sample fewer than gamma says, by a
    strict comparison; here the nearest number.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.05,
        beta: float = 0.5,
        gamma: float = 0.5,
        seed: int = 0,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        metric = Stochastic(Euclidean(rho), beta, seed)
        method = Ascent(Fresh(), metric, samples=Rising(gamma))
        super().__init__(base, method, model=model, rng=rng)
