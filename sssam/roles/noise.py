"""Directions with noise, a pure function of (seed, t): equal on all ranks and after a resume."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from sssam.core.checks import count, number
from sssam.core.passes import Signal, Step
from sssam.core.vectors import Vector, add, norm, spread
from sssam.roles.direction import Direction
from sssam.schedules.draws import uniform

#: Counters from here on are for noise, so that it shares nothing with a trial of the same seed.
NOISE_COUNTER = 2**63


def normal(seed: int, t: int, like: list[Tensor]) -> list[Tensor]:
    """Independent standard normal numbers in the shapes of `like`, by generators of its own.

    Of a sharded parameter each rank draws the whole and keeps its shard: the numbers are those of
    the unsharded run.
    """
    generators = {p.device: generator(seed, t, p.device) for p in like}
    return [
        spread(torch.randn(p.shape, generator=generators[p.device], **_kind(p)), p) for p in like
    ]


def generator(seed: int, t: int, device: torch.device) -> torch.Generator:
    """A generator of its own, seeded by (seed, t)."""
    start = int(uniform(seed, NOISE_COUNTER + t) * 2**53)
    return torch.Generator(device).manual_seed(start)


def _kind(p: Tensor) -> dict[str, Any]:
    return {"dtype": p.dtype, "device": p.device}


def _noise(seed: int, step: Step) -> Vector:
    return dict(enumerate(normal(seed, step.t, step.params)))


def check_seed(seed: int) -> int:
    """The seed, if it can be one."""
    if count("seed", seed, 0) >= 2**63:
        raise ValueError(f"seed must be below 2**63, not {seed}; take it modulo 2**63")
    return seed


@dataclass(frozen=True)
class Random:
    """Normal noise, for no pass: the control that asks whether the gradient matters at all.

    Args:
        seed: of the noise, an integer of at least 0.
    """

    seed: int = 0
    fraction: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        check_seed(self.seed)

    def signal(self, step: Step, gradient: Vector) -> Signal:
        """z ~ N(0, 1)."""
        return Signal(_noise(self.seed, step), owned=True)


@dataclass(frozen=True)
class Noisy:
    """A direction with noise that is `noise` times as long: d + noise ||d|| z / ||z||.

    Args:
        direction: d.
        noise: the length of the noise over that of d, at least 0.
        seed: of z ~ N(0, 1).
    """

    direction: Direction
    noise: float
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", number("noise", self.noise, 0.0, float("inf")))
        check_seed(self.seed)

    @property
    def fraction(self) -> float:
        """The part of the batch that the direction takes."""
        return self.direction.fraction

    @torch.no_grad()
    def signal(self, step: Step, gradient: Vector) -> Signal:
        """The direction's signal d, with noise added."""
        signal = self.direction.signal(step, gradient)
        d = signal.vector
        if not self.noise or not d:
            return signal
        z = _noise(self.seed, step)
        noisy = add(d, z, self.noise * norm(d) / norm(z))
        return signal._replace(vector=noisy, owned=True)
