"""Metrics over some of the tensors: the others stay at w, and do not count in the norm."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import Tensor, nn

from sssam.core.checks import share
from sssam.core.passes import Perturbation, Step
from sssam.core.vectors import Vector
from sssam.roles.metric import Metric
from sssam.roles.noise import check_seed
from sssam.schedules.draws import uniform

#: Counters from here on are for masks, 2**20 of them a step.
MASK_COUNTER = 2**62
NORMALIZATION = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


def normalization_parameters(model: nn.Module) -> tuple[Tensor, ...]:
    """The scales and shifts of a model's batch, layer, group, instance and RMS norms."""
    layers = (module for module in model.modules() if isinstance(module, NORMALIZATION))
    return tuple(p for layer in layers for p in layer.parameters(recurse=False))


@dataclass(frozen=True)
class Only:
    """A metric over chosen parameters.

    Args:
        metric: measures what is left of the direction.
        parameters: the ones that move.
        label: what they are, for `repr`.
    """

    metric: Metric
    parameters: Iterable[Tensor] = field(repr=False, compare=False)
    label: str = "parameters"

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))
        if not self.parameters:
            raise ValueError(f"there are no {self.label}, so that nothing would ever move")

    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        """e, zero outside the chosen parameters."""
        chosen = step.positions(self.parameters)
        part = {i: d for i, d in direction.items() if i in chosen}
        return self.metric.perturbation(part, step, strength, overwrite=overwrite)


@dataclass(frozen=True)
class Stochastic:
    """A metric over whole tensors drawn anew at each step, its radius divided by beta (ESAM).

    Args:
        metric: measures what is left of the direction.
        beta: the probability that a tensor moves, in (0, 1]; 1 moves all.
        seed: of the draws, a pure function of (seed, step, position of the tensor).
    """

    metric: Metric
    beta: float
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", share("beta", self.beta))
        check_seed(self.seed)

    def moves(self, t: int, i: int) -> bool:
        """Whether the i-th tensor moves at step t."""
        return uniform(self.seed, MASK_COUNTER + t * 2**20 + i) < self.beta

    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        """e / beta, zero in the tensors that stay."""
        part = {i: d for i, d in direction.items() if self.moves(step.t, i)}
        return self.metric.perturbation(part, step, strength / self.beta, overwrite=overwrite)
