"""Direction: from which signal is the perturbation made?"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from torch import Tensor

from sssam.core.checks import share
from sssam.core.passes import Passes, Step
from sssam.core.vectors import Vector, dense, scale

NOTHING: frozenset[str] = frozenset()
#: A base optimizer with these keeps its momentum in a space of its own (Alice, GaLore).
PROJECTED = frozenset({"U", "projector"})


class Direction(Protocol):
    """A signal, made by none or one pass at w."""

    @property
    def keeps(self) -> frozenset[str]:
        """The names of the vectors that it keeps from step to step."""
        ...

    @property
    def for_later(self) -> bool:
        """Whether its pass serves the next step, so that nothing in this one waits for it."""
        ...

    @property
    def cost(self) -> float:
        """The passes at w that it asks for, in fractions of the batch."""
        ...

    def signal(self, step: Step) -> Passes:
        """Yield the pass that it needs, if any, and return the signal."""
        ...


@dataclass(frozen=True)
class Fresh:
    """The gradient at w of this step's batch (SAM), or of the part `fraction` of it."""

    fraction: float = 1.0
    keeps: ClassVar[frozenset[str]] = NOTHING
    for_later: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", share("ascent_fraction", self.fraction))

    @property
    def cost(self) -> float:
        """One pass over that fraction."""
        return self.fraction

    def signal(self, step: Step) -> Passes:
        """The gradient at w."""
        return dense((yield from step.gradient("ascent", self.fraction)))


@dataclass(frozen=True)
class Momentum:
    """The base optimizer's momentum with a minus sign, for no pass at all (Momentum-SAM).

    `buffers` are the names under which torch's optimizers keep it; before the first update there
    is none, and nothing moves.
    """

    cost: ClassVar[float] = 0.0
    keeps: ClassVar[frozenset[str]] = NOTHING
    for_later: ClassVar[bool] = False
    buffers: tuple[str, ...] = ("momentum_buffer", "exp_avg", "state1", "momentum", "m")

    def signal(self, step: Step) -> Passes:
        """-v, v as the last step left it."""
        yield from ()  # a generator, as every direction is one
        return scale(self._momentum(step), -1.0)

    def _momentum(self, step: Step) -> Vector:
        found: Vector = {}
        for i, p in enumerate(step.params):
            state = {k: v for k, v in step.base_state(p).items() if v is not None}
            buffer = next((b for name in self.buffers if _is_like(b := state.get(name), p)), None)
            if buffer is not None and not state.keys() & PROJECTED:
                found[i] = buffer.to(p.dtype)
            elif state:  # for some parameters alone, these would take the whole radius
                raise RuntimeError(
                    f"the base optimizer keeps {', '.join(sorted(map(str, state)))} of a parameter "
                    f"of shape {tuple(p.shape)}, and none of {', '.join(self.buffers)} in that "
                    "shape, in floating point and unprojected: where its momentum lives is not "
                    "known, and it would not move. Use SAM, or a base that keeps its momentum so "
                    "(torch.optim.SGD, AdamW)"
                )
        return found


def _is_like(buffer: Any, p: Tensor) -> bool:
    return isinstance(buffer, Tensor) and buffer.shape == p.shape and buffer.is_floating_point()
