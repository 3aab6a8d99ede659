"""What a method asks of a training loop, what it is sent, what it returns, and what it may read."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from torch import Tensor

from sssam.core.vectors import Vector, scale

Phase = Literal["plain", "ascent", "descent", "scores"]
Derivative = Literal["own", "noted", "given"]
#: No vectors, or no numbers, to be kept.
NOTHING: Mapping[str, Any] = MappingProxyType({})
NO_VECTOR: Mapping[int, Tensor] = MappingProxyType({})


class Perturbation(NamedTuple):
    """Where the weights go: to w + e, e = factor * vector.

    The factor is left for the move itself, which multiplies and adds in one operation.

    Args:
        vector: its parts; missing ones are 0. It is emptied once the weights have moved, since
            nothing needs its memory then.
        void: whether the direction was zero or not finite, so that e is 0; a tensor where the host
            does not know.
        still: whether e is 0, for that reason or since rho is 0.
        factor: a number that the host knows.
    """

    vector: Vector
    void: Tensor | bool = False
    still: Tensor | bool = False
    factor: float = 1.0

    @property
    def e(self) -> Vector:
        """The perturbation itself, in new tensors."""
        return scale(self.vector, self.factor)


class Pass(NamedTuple):
    """One pass to be run. A step begins at w, and after each backward pass the weights are there.

    Args:
        phase: "plain" (the only pass of a plain step), "ascent" (at w, for the perturbation),
            "descent" (at w + e, for the base optimizer) or "scores" (losses alone).
        fraction: the part of the batch that goes through it, in (0, 1].
        samples: the positions in the batch of the samples that go through it; None: the first
            `fraction` of them.
        move: where the weights go before it. None: they stay where they are.
        backward: whether a backward pass follows the forward one.
        losses: whether the method needs the loss of each sample.
        earlier: whether it runs on the batch of the step before.
        derivative: of the loss with respect to the model's outputs: its own, which is "noted" or
            not, or the "given" one that was noted at this step.
    """

    phase: Phase
    fraction: float = 1.0
    samples: Tensor | None = None
    move: Perturbation | None = None
    backward: bool = True
    losses: bool = False
    earlier: bool = False
    derivative: Derivative = "own"

    @property
    def whole(self) -> bool:
        """Whether every sample of this step's batch goes through it."""
        return self.fraction == 1.0 and self.samples is None and not self.earlier


class Result(NamedTuple):
    """What a pass has computed.

    Args:
        gradient: of what is minimised; empty where no backward pass was run. The method that is
            sent it may empty it or write over it.
        losses: of each sample, where the pass asked for them.
    """

    gradient: Vector
    losses: Tensor | None = None


class Signal(NamedTuple):
    """What a perturbation is made from: the direction sign * vector.

    Args:
        vector: its parts, in a dictionary of its own.
        kept: the vectors that the direction keeps, by name.
        sign: 1, or -1 where the direction is the opposite one.
        owned: whether nobody else needs the memory of the parts, so that e may be written there.
    """

    vector: Vector
    kept: Mapping[str, Vector] = NOTHING
    sign: float = 1.0
    owned: bool = False


class Update(NamedTuple):
    """What a step ends with.

    Args:
        gradient: what the base optimizer gets.
        after: is multiplied by the learning rate and taken off the weights after its update.
        start: is added to the weights before its update.
        stretch: the weights go on by this times the way that its update has moved them, element by
            element.
        kept: vectors for later steps, by name; each takes the place of the earlier one once the
            update is made, so that a step that is given up leaves nothing.
        numbers: the same for numbers.
    """

    gradient: Vector
    after: Mapping[int, Tensor] = NO_VECTOR
    start: Mapping[int, Tensor] = NO_VECTOR
    stretch: Mapping[int, Tensor] = NO_VECTOR
    kept: Mapping[str, Vector] = NOTHING
    numbers: Mapping[str, float] = NOTHING


#: A method at work.
Passes = Generator[Pass, Result, Update]


def distinct(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each of these param groups once, however often it is named."""
    return [*dict(zip(map(id, groups), groups, strict=True)).values()]


@dataclass(frozen=True)
class Step:
    """One step, as a method and its roles may read it.

    Args:
        t: the step, counted from 0.
        params: the parameters that need gradients, in the order of the param groups; at w.
        groups: the param group of each parameter.
        memory: the vectors kept at earlier steps, per parameter and name.
        numbers: the numbers kept at earlier steps.
        base_state: the base optimizer's state of a parameter.
        has_earlier: whether the batch of the step before is at hand.
        is_dry: whether nothing is trained, and only the passes that are asked for are looked at.
        distinct_groups: each param group once. Default: found among `groups`.
    """

    t: int
    params: list[Tensor]
    groups: list[dict[str, Any]]
    memory: Mapping[Tensor, Mapping[str, Tensor]]
    numbers: Mapping[str, float]
    base_state: Callable[[Tensor], dict[str, Any]]
    has_earlier: bool = False
    is_dry: bool = False
    distinct_groups: Sequence[dict[str, Any]] = ()

    def __post_init__(self) -> None:
        if not self.distinct_groups:
            object.__setattr__(self, "distinct_groups", distinct(self.groups))

    def recall(self, name: str) -> Vector:
        """The vector that an earlier step kept under that name; empty if none did."""
        kept = (self.memory.get(p, NOTHING).get(name) for p in self.params)
        return {i: part for i, part in enumerate(kept) if part is not None}

    def radii(self, default: float, key: str) -> float | dict[int, float]:
        """rho: the groups' own where they have one, else `default`; one number if all agree."""
        radii = {float(group.get(key, default)) for group in self.distinct_groups}
        if len(radii) <= 1:
            return radii.pop() if radii else default
        return {i: float(group.get(key, default)) for i, group in enumerate(self.groups)}

    def positions(self, parameters: Iterable[Tensor]) -> set[int]:
        """The positions of these parameters among the step's."""
        chosen = {id(p) for p in parameters}
        return {i for i, p in enumerate(self.params) if id(p) in chosen}
