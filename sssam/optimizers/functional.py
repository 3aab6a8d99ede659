"""Functional SAM: the model's Jacobian at w + e, the loss's derivative at w."""

from torch import nn

from sssam.methods import Ascent
from sssam.optimizers.sam import Base
from sssam.roles.along import Rule
from sssam.roles.along import along as turned
from sssam.roles.direction import Fresh
from sssam.roles.metric import Euclidean
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import PerturbationScope


class FunctionalSAM(SharpnessAware):
    """SAM without the part that acts through the loss: J(w + e)^T dL/dF(w).

    F are the model's outputs, J their Jacobian; e = rho g / ||g||, g at w.

    Cost: 2 propagations a step. Memory: 0 copies of the parameters kept, 1 at the peak, and a copy
    of the outputs. Loop: any form; both passes run the model on the same batches in one order.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05.
        along: see `SAM`. Default "gradient"; the authors' best is "preconditioned".
        model: the module that is trained, whose output is F: a tensor, or an object with `logits`.
        rng, perturbation: see `SharpnessAware`. With dropout, rng="same-mask" lets both passes have
            the same outputs but for e.

    Raises:
        TypeError, ValueError: no model, or an argument outside its range, with the remedy.

    Reference: "Avoiding spurious sharpness minimization broadens applicability of SAM", Singh,
    Mobahi, Agarwala, Dauphin, ICML 2025, arXiv 2502.02407. No code of its authors was found. For
    language models, in which SAM lowers the loss's part of the sharpness alone.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.05,
        along: Rule = "gradient",
        model: nn.Module,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        method = Ascent(turned(Fresh(), along), Euclidean(rho), functional=True)
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
