"""Direction: from which signal is the perturbation made?"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, Protocol

from torch import Tensor

from sssam.core.checks import share
from sssam.core.passes import Signal, Step
from sssam.core.vectors import Vector

_DTYPE, _SHAPE = attrgetter("dtype"), attrgetter("shape")
#: A base optimizer with these keeps its momentum in a space of its own (Alice, GaLore).
PROJECTED = frozenset({"U", "projector"})


class Direction(Protocol):
    """A signal, made from the gradient at w or without one."""

    @property
    def fraction(self) -> float:
        """The part of the batch whose gradient at w it is made from; 0 for none."""
        ...

    def signal(self, step: Step, gradient: Vector) -> Signal:
        """The vector to perturb along, with what is kept of it.

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
        """The gradient at w itself."""
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
        states = [*map(step.base_state, step.params)]
        if known := self._alike(step.params, states):
            return Signal(known, sign=-1.0)
        momentum: Vector = {}
        for i, (p, state) in enumerate(zip(step.params, states, strict=True)):
            buffer = next((b for name in self.buffers if is_like(b := state.get(name), p)), None)
            if buffer is not None and _is_open(state):
                momentum[i] = buffer if buffer.dtype == p.dtype else buffer.to(p.dtype)
            elif state:  # for some parameters alone, these would take the whole radius
                self._refuse(state, p)
        return Signal(momentum, sign=-1.0)

    def _alike(self, params: list[Tensor], states: list[dict[str, Any]]) -> Vector:
        """v where all is as usual, which is found for all parameters at once; else nothing."""
        name = next((name for name in self.buffers if states and name in states[0]), "")
        parts = [state.get(name) for state in states]
        if not {*map(type, parts)} <= {Tensor} or not all(map(PROJECTED.isdisjoint, states)):
            return {}
        kinds = [*map(_DTYPE, parts)]
        alike = kinds == [*map(_DTYPE, params)] and all(k.is_floating_point for k in {*kinds})
        if not alike or [*map(_SHAPE, parts)] != [*map(_SHAPE, params)]:
            return {}
        return {i: part for i, part in enumerate(parts) if part is not None}

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
