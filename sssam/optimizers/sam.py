"""SAM and ASAM: a perturbation at every step."""

from collections.abc import Iterable

from torch.optim import Optimizer

from sssam.methods import Ascent
from sssam.roles.along import Rule
from sssam.roles.along import along as turned
from sssam.roles.auto import Rho, euclidean
from sssam.roles.direction import Fresh
from sssam.roles.metric import Adaptive, Euclidean, Metric
from sssam.roles.mix import Mix, Perturbed, Weighted
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model, PerturbationScope

Base = Optimizer | Iterable[Optimizer]


def mixed(alpha: float) -> Mix:
    """The weighted mix, or SAM's own gradient to the bit where alpha is 1."""
    return Perturbed() if alpha == 1 else Weighted(alpha)


def radius(rho: float, adaptive: bool, eta: float) -> Metric:
    """SAM's metric or ASAM's."""
    if not isinstance(adaptive, bool):
        raise TypeError(f"adaptive must be True or False, not {adaptive!r}")
    return Adaptive(rho, eta) if adaptive else Euclidean(rho)


def ball(
    rho: Rho, fraction: float, along: Rule, adaptive: bool = False, eta: float = 0.0
) -> Metric:
    """SAM's or ASAM's metric, or the rule of rho="auto", which needs SAM's direction and metric."""
    if rho != "auto":
        return radius(rho, adaptive, eta)
    if adaptive or along != "gradient":
        raise ValueError(
            "rho='auto' reads the slope of the loss off the gradient, in SAM's own metric: use "
            "adaptive=False and along='gradient', or give a number for rho"
        )
    return euclidean(rho, fraction)


class SAM(SharpnessAware):
    """Sharpness-Aware Minimization: the gradient at the worst point near w, at every step.

    g = grad L(w); e = rho g / ||g||_2 over all parameters together; the base optimizer gets
    grad L(w + e), or with `mix` (1 - mix) g + mix grad L(w + e).

    Cost: 1 + ascent_steps * ascent_fraction propagations a step, 2 by default. Memory: 0 copies of
    the parameters kept, 1 at the peak; one more with a mix, and with several ascent steps. Loop:
    any form; for a part of the batch, the two-line form asks `will_ascend` first, and several
    ascent steps are not for it.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05; a param group's own "sssam_rho" entry goes first.
            "auto" reads it off the gradient and the weights at each step (`sssam.roles.Auto`):
            experimental, and far below the base on half of the tasks of docs/rho.md.
        mix: the weight of the gradient at w + e, at least 0. Default 1: SAM; 0 is the base.
        ascent_fraction: the part of the batch that the pass at w uses, in (0, 1]. Default 1.
        ascent_steps: n, at least 1: e is made of n steps of length rho / n, each along the
            gradient where the one before has led, so that ||e|| <= rho. Default 1.
        along: what e points along. "gradient" (default), or what another optimizer would make of
            it: "sign", "muon" or "preconditioned" (the base's own running square, as in Adam).
        model, rng, perturbation: see `SharpnessAware`. A mix can't be "per_rank".

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = SAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=0.05, model=model)
    >>> optimizer.expected_propagations
    2.0

    Reference: "Sharpness-Aware Minimization for Efficiently Improving Generalization", Foret,
    Kleiner, Mobahi, Neyshabur, 2020, arXiv 2010.01412. A part-batch ascent is used by NFNets
    (arXiv 2102.06171); several steps are optax's `sync_period`, one more than their number.
    `along` other than the gradient is tried by optax's users, as its `adv_optimizer`; with
    "preconditioned" it is the preconditioned SAM of arXiv 2502.02407, with "muon" ours. Zero and
    non-finite gradients give e = 0, where the paper divides by zero.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: Rho = 0.05,
        mix: float = 1.0,
        ascent_fraction: float = 1.0,
        ascent_steps: int = 1,
        along: Rule = "gradient",
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        direction = turned(Fresh(ascent_fraction), along)
        metric = ball(rho, ascent_fraction, along)
        method = Ascent(direction, metric, mixed(mix), steps=ascent_steps)
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)


class ASAM(SharpnessAware):
    """Adaptive SAM: a ball whose shape follows the sizes of the weights.

    e = rho T^2 g / ||T g||_2 with T = |w| + eta, element by element; the rest as in SAM.

    Cost: as `SAM`. Memory: 0 copies of the parameters kept, 1 at the peak; one more with a mix.
    Loop: as `SAM`.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius in the metric of T, at least 0. Default 0.5, about ten times SAM's.
        eta: added to |w|, so that zero weights can move; at least 0. Default 0.01.
        mix, ascent_fraction, ascent_steps, model, rng, perturbation: see `SAM`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "ASAM: Adaptive Sharpness-Aware Minimization for Scale-Invariant Learning of Deep
    Neural Networks", Kwon, Kim, Park, Choi, 2021, arXiv 2102.11600. As in the paper, T acts on all
    parameters; its authors' code takes T = 1 outside weight tensors.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.5,
        eta: float = 0.01,
        mix: float = 1.0,
        ascent_fraction: float = 1.0,
        ascent_steps: int = 1,
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        direction, metric = Fresh(ascent_fraction), Adaptive(rho, eta)
        method = Ascent(direction, metric, mixed(mix), steps=ascent_steps)
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
