"""What a method asks of a training loop, what it knows while a step runs, and the books of both."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from sssam.core.vectors import Vector, dense, either
from sssam.core.weights import Weights

Phase = Literal["plain", "ascent", "descent", "scores"]


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass, to be run at the weights as they stand.

    Args:
        phase: "plain" (the only pass of a plain step), "ascent" (at w, for the perturbation),
            "descent" (at w + e, for the base optimizer) or "scores" (losses alone).
        fraction: the part of the batch that goes through it, in (0, 1].
        samples: the positions in the batch of the samples that go through it; None: the first
            `fraction` of them.
        backward: whether a backward pass follows the forward one.
        losses: whether the method needs the loss of each sample.
        earlier: whether it runs on the batch of the step before.
    """

    phase: Phase
    fraction: float = 1.0
    samples: Tensor | None = None
    backward: bool = True
    losses: bool = False
    earlier: bool = False

    @property
    def whole(self) -> bool:
        """Whether every sample of this step's batch goes through it."""
        return self.fraction == 1.0 and self.samples is None and not self.earlier


#: A method at work: yields passes, is sent their gradients, returns the base optimizer's gradient.
Passes = Generator[Pass, Vector, Vector]
#: A choice of samples at work: yields passes, returns positions in the batch; None for all.
Choice = Generator[Pass, Vector, Tensor | None]


@dataclass
class Books:
    """What was really run, over the whole training.

    Args:
        steps: steps of the base optimizer that were taken.
        ascents: how many of them were sharpness-aware.
        forwards, backwards: passes run, in batches: a pass on a quarter of the batch counts 0.25.
            Passes of steps that were abandoned count too.
        voided: ascents whose gradient was zero or not finite, so that e was 0; on the device of
            the parameters, so that counting never waits for it.
    """

    steps: int = 0
    ascents: int = 0
    forwards: float = 0.0
    backwards: float = 0.0
    voided: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.int64))

    def enter(self, fraction: float, backward: bool = True) -> None:
        """Count one pass over that fraction of the batch."""
        backwards = self.backwards + fraction * backward
        self.forwards, self.backwards = self.forwards + fraction, backwards  # both or none

    def void(self, void: Tensor | bool) -> None:
        """Count a perturbation that came to nothing, if that is so."""
        if isinstance(void, Tensor):
            self.voided = self.voided.to(void.device) + void
        elif void:
            self.voided += 1

    @property
    def propagations(self) -> float:
        """(forwards + 2 backwards) / 3 a step: the paper's count, 1 for the base optimizer."""
        return (self.forwards + 2 * self.backwards) / 3 / max(self.steps, 1)


@dataclass
class Step:
    """One step in progress, as a method sees it.

    Args:
        t: the step, counted from 0.
        params: the parameters that need gradients, in the order of the param groups.
        groups: the param group of each parameter.
        weights: where the parameters stand.
        books: what was run.
        memory: what the method kept at earlier steps, per parameter and name.
        base_state: the base optimizer's state of a parameter.
        left_w: whether the step has moved away from w.
        void: whether its direction was zero or not finite, so that e is 0; a tensor off the host.
        still: whether e is 0, for that reason or since rho is 0.
        losses: of each sample, as the last pass that was asked for them brought them.
        after: a vector times the learning rate, taken off the weights after the base's update.
        numbers: what the method keeps from step to step as numbers; saved in checkpoints.
        kept: what it keeps at this one, by name; in `memory` once the update is made.
        has_earlier: whether the batch of the step before is at hand.
        batch: this step's, where the next one needs it.
        samples: the positions of the samples of the pass at w; None for all.
        wants_losses: whether the loss of each sample is to come with the gradient at w.
    """

    t: int
    params: list[Tensor]
    groups: list[dict[str, Any]]
    weights: Weights
    books: Books
    memory: dict[Tensor, dict[str, Tensor]]
    base_state: Callable[[Tensor], dict[str, Any]]
    left_w: bool = False
    void: Tensor | bool = False
    still: Tensor | bool = False
    losses: Tensor | None = None
    after: Vector | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    kept: dict[str, Vector] = field(default_factory=dict)
    has_earlier: bool = False
    batch: Any = None
    samples: Tensor | None = None
    wants_losses: bool = False
    _first: Vector | None = None

    def gradient(self, phase: Phase, fraction: float = 1.0) -> Passes:
        """The gradient at w of the batch, or of a part of it; run once a step, whoever asks."""
        if self._first is None:
            self._first = yield Pass(
                phase, fraction, samples=self.samples, losses=self.wants_losses
            )
        return self._first

    def forget_first(self) -> None:
        """Free the gradient at w, of a method that does not use it again."""
        self._first = None

    @property
    def first(self) -> Vector:
        """The gradient at w, of a step that has run that pass, without sparse parts."""
        if self._first is None:
            raise RuntimeError("this method has run no pass at w in this step")
        return dense(self._first)

    def first_or(self, perturbed: Vector) -> Vector:
        """The gradient at w; the one at w + e where the former is void, for then e is 0 too."""
        return either(self.void, perturbed, self.first)

    @property
    def sample_losses(self) -> Tensor:
        """The loss of each sample, of a pass that was asked for them."""
        if self.losses is None:
            raise RuntimeError("this method was given no losses of single samples")
        return self.losses

    def radii(self, default: float, key: str) -> float | dict[int, float]:
        """rho: the groups' own where they have one, else `default`; one number if all agree."""
        radii = {i: float(group.get(key, default)) for i, group in enumerate(self.groups)}
        distinct = set(radii.values())
        return radii if len(distinct) > 1 else distinct.pop() if distinct else default

    def move(self, e: Vector) -> None:
        """Put the weights at w + e."""
        self.left_w = True
        self.weights.move(self.params, e)

    def remember(self, name: str, x: Vector) -> None:
        """Keep a vector for later steps; it is part of the optimizer's state_dict.

        It takes the place of the earlier one when the update is made: a step that is given up
        leaves nothing.
        """
        self.kept[name] = x

    def keep(self) -> None:
        """Put what this step keeps in the place of what was kept before."""
        for name, x in self.kept.items():
            for p in list(self.memory):
                self.memory[p].pop(name, None)
                if not self.memory[p]:
                    del self.memory[p]
            for i, part in x.items():
                self.memory.setdefault(self.params[i], {})[name] = part

    def recall(self, name: str) -> Vector:
        """The vector that an earlier step kept under that name; empty if none did."""
        kept = (self.memory.get(p, {}).get(name) for p in self.params)
        return {i: part for i, part in enumerate(kept) if part is not None}
