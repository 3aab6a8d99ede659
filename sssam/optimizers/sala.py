"""SALA: Lookahead whose own trajectory is the perturbation, as long as it is long enough."""

from sssam.methods import Slow, Switch
from sssam.optimizers.sam import Base
from sssam.roles.metric import Euclidean
from sssam.roles.when import Every
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model, PerturbationScope


class SALA(SharpnessAware):
    """Sharpness-aware Lookahead: cycles of k - 1 steps from w and one from the slow weights s.

    At the k-th step s += alpha (w - s), and the base optimizer's update is made from s: with the
    gradient at w where ||w - s|| >= rho, which is a perturbation for no pass; elsewhere with
    SAM's, at s + rho g / ||g||, g at s. What it leads to is w, from which the next cycle goes on.

    Cost: between 1 and 1 + 1/k propagations a step, not known beforehand; the host waits for the
    norm at every k-th step. Memory: 1 copy of the parameters kept, 3 at the peak. Loop: a closure
    or `passes(batch)`.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.2; 0 is Lookahead whose k-th gradient is that at w. A
            group's own radius counts at s, not in the comparison with ||w - s||.
        k: steps of a cycle, at least 1. Default 2.
        alpha: how far s moves towards w, in [0, 1]. Default 0.5.
        model, rng, perturbation: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Sharpness-Aware Lookahead for Accelerating Convergence and Improving
    Generalization", Tan, Zhang, Liu, Gong, TPAMI 2024, doi 10.1109/TPAMI.2024.3444002. The
    paper's text was not at hand: this follows its authors' code (cltan023/sala2023), in which s
    begins as w before the first k-th step. That code evaluates s, and normalises each param group
    by itself; here w is what is evaluated, and the norm is over all parameters together.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.2,
        k: int = 2,
        alpha: float = 0.5,
        model: Model = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        method = Switch(Every(k, k - 1), Slow(Euclidean(rho), alpha))
        super().__init__(base, method, model=model, rng=rng, perturbation=perturbation)
