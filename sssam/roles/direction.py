"""Direction: from which signal is the perturbation made?"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from torch import Tensor

from sssam.core.checks import share
from sssam.core.passes import Signal, Step
from sssam.core.vectors import Vector

#: A base optimizer with these keeps its momentum in a space of its own (Alice, GaLore).
PROJECTED = frozenset({"U", "projector"})


class Direction(Protocol):
    """A signal, made from the gradient at w or without one."""

    @property
    def fraction(self) -> float:
        """The part of the batch whose gradient at w it is made from; 0 for none."""
        ...

    def signal(self, step: Step, gradient: Vector) -> Signal:
        """The signal.

        Args:
            step: the step.
            gradient: at w, of that part of the batch, without sparse parts; empty for none.
        """
        ...


@dataclass(frozen=True)
class Fresh:
    """The gradient at w of this step's batch (SAM), or of the part `fraction` of it."""

    fraction: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", share("ascent_fraction", self.fraction))

    def signal(self, step: Step, gradient: Vector) -> Signal:
        """The gradient itself."""
        return Signal(gradient, owned=True)


@dataclass(frozen=True)
class Momentum:
    """The base optimizer's momentum with a minus sign, for no pass at all (Momentum-SAM).

    `buffers` are the names under which torch's optimizers keep it; before the first update there
    is none, and nothing moves.
    """

    fraction: ClassVar[float] = 0.0
    buffers: tuple[str, ...] = ("momentum_buffer", "exp_avg", "state1", "momentum", "m")

    def signal(self, step: Step, gradient: Vector) -> Signal:
        """-v, v as the last step left it."""
        found: Vector = {}
        for i, p in enumerate(step.params):
            state = step.base_state(p)
            buffer = next((b for name in self.buffers if is_like(b := state.get(name), p)), None)
            if buffer is not None and _is_open(state):
                found[i] = buffer if buffer.dtype == p.dtype else buffer.to(p.dtype)
            elif state:  # for some parameters alone, these would take the whole radius
                self._refuse(state, p)
        return Signal(found, sign=-1.0)

    def _refuse(self, state: dict[str, Any], p: Tensor) -> None:
        names = [str(name) for name, value in state.items() if value is not None]
        if names:
            raise RuntimeError(
                NO_MOMENTUM.format(
                    state=", ".join(sorted(names)),
                    shape=tuple(p.shape),
                    buffers=", ".join(self.buffers),
                )
            )


NO_MOMENTUM = (
    "the base optimizer keeps {state} of a parameter of shape {shape}, and none of {buffers} in "
    "that shape, in floating point and unprojected: where its momentum lives is not known, and it "
    "would not move. Use SAM, or a base that keeps its momentum so (torch.optim.SGD, AdamW)"
)


def _is_open(state: dict[str, Any]) -> bool:
    """Whether a base's momentum lies in the space of the weights."""
    return all(state.get(name) is None for name in PROJECTED)


def is_like(buffer: Any, p: Tensor) -> bool:
    """Whether something in a base optimizer's state is a tensor of numbers, one a weight."""
    return isinstance(buffer, Tensor) and buffer.shape == p.shape and buffer.is_floating_point()
