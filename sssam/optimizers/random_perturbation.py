"""Random weight perturbation: the average case, and a control for every method here."""

from sssam.methods import Ascent
from sssam.optimizers.sam import Base, radius
from sssam.roles.noise import Random
from sssam.runtime.guard import Rng
from sssam.runtime.optimizer import SharpnessAware
from sssam.runtime.ranks import Model


class RandomPerturbation(SharpnessAware):
    """The gradient at w + rho z / ||z||, z ~ N(0, 1): how much of SAM's gain needs the gradient?

    Cost: 1 propagation a step. Memory: 0 copies of the parameters kept, 1 at the peak. Loop: any
    form; in the two-line form, `optimizer.ascend()` comes before `backward()`, since it moves
    before the first pass.

    Args:
        base: a built torch optimizer, or a list of several.
        rho: radius, at least 0. Default 0.05; a random direction is worth much less than SAM's, so
            that good values lie far above it.
        seed: of the noise, at least 0. Default 0. All ranks must use the same.
        adaptive: whether the noise follows |w| + eta, as in ASAM. Default False.
        eta: at least 0. Default 0.01.
        model, rng: see `SharpnessAware`.

    Raises:
        TypeError, ValueError: an argument outside its range, with the range and the remedy.

    Reference: "Revisiting Random Weight Perturbation for Efficiently Improving Generalization", Li,
    Tao, Yan, Wu, Lei, Fang, He, Huang, 2024, arXiv 2404.00357, in its plainest form: no mix with
    the gradient at w, and one fixed length. Theirs gives each filter normal noise in proportion to
    the filter's own length, not normalised, by a factor that rises over the run.
    """

    def __init__(
        self,
        base: Base,
        *,
        rho: float = 0.05,
        seed: int = 0,
        adaptive: bool = False,
        eta: float = 0.01,
        model: Model = None,
        rng: Rng = "restore",
    ) -> None:
        method = Ascent(Random(seed), radius(rho, adaptive, eta))
        super().__init__(base, method, model=model, rng=rng)
