"""SAM-ON: perturbs the normalisation layers only."""

from torch import nn

from sssam.methods import Ascent
from sssam.optimizers.sam import Base, radius
from sssam.roles.direction import Fresh
from sssam.roles.masks import Only, normalization_parameters
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import PerturbationScope


class SAMON(SharpnessAware):
    """SAM with e on the scales and shifts of normalisation layers, normalised over these alone.

    Batch, layer, group, instance and RMS norms.

    Cost: 2 propagations a step, both passes in full: what it saves is memory. Memory: 0 copies of
    the parameters kept, 1 at the peak, of the perturbed ones alone. Loop: any form.

    Args:
        base: a built torch optimizer, or a list of several.
        model: the module that is trained, whose layers are read when this is built.
        rho: radius, at least 0. Default 0.5, well above SAM's.
        adaptive: whether the ball is ASAM's, with `eta`. Default False.
        eta: at least 0. Default 0.01.
        rng, perturbation: see `SharpnessAware`.

    Raises:
        TypeError: no model, or another argument of a wrong type.
        ValueError: a model without normalisation layers that have parameters, or an argument
            outside its range.

    Reference: "Normalization Layers Are All That Sharpness-Aware Minimization Needs", Mueller,
    Vlaar, Rolnick, Hein, 2023, arXiv 2306.04226. The authors' code finds the layers by "norm" or
    "bn" in a parameter's name, here by their type.
    """

    def __init__(
        self,
        base: Base,
        *,
        model: nn.Module,
        rho: float = 0.5,
        adaptive: bool = False,
        eta: float = 0.01,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be the torch.nn.Module that is trained, not {model!r}")
        chosen = normalization_parameters(model)
        metric = Only(radius(rho, adaptive, eta), chosen, "parameters of normalisation layers")
        method = Ascent(Fresh(), metric)
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
