"""Draws: whether step t is sharpness-aware, as a pure function of (seed, t).

No global random state is read or moved, so every rank agrees without a message, a resumed run
continues the same sequence, and data order and dropout do not depend on the method.
"""

import hashlib
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Literal, get_args

from sssam.core.checks import count
from sssam.schedules.algebra import Schedule

Kind = Literal["bernoulli", "systematic"]

OFFSET_COUNTER = 2**64 - 1
"""The counter that gives the offset of systematic draws; no run is so long as to use it."""

SIMPLE = 10_000
"""The largest denominator that systematic draws read into a probability."""

GRID = 1000
"""The points at which a schedule is looked at beforehand where the steps are not known."""

SYSTEMATIC = (
    "draws='systematic' counts by all the steps before, and so needs total_steps; where progress "
    "is set or read off a clock, use draws='bernoulli'"
)
UNKNOWN = (
    "progress is not known: set optimizer.progress = u, in [0, 1], before each step, or build the "
    "optimizer with total_steps=epochs * len(loader) or progress=sssam.Deadline(seconds)"
)

_PAIR = struct.Struct("<QQ")


def uniform(seed: int, counter: int) -> float:
    """A number in [0, 1) that depends on (seed, counter) alone.

    The top 53 bits of BLAKE2b-64, personalised "sssam.trial", over both as little-endian 64-bit
    integers. Equal on every machine and in every version: the tests pin its values.

    Args:
        seed: integer in [0, 2**64).
        counter: integer in [0, 2**64), such as a step.

    >>> uniform(seed=0, counter=0) == uniform(0, 0) != uniform(0, 1)
    True
    """
    try:
        message = _PAIR.pack(seed, counter)
    except struct.error:
        raise ValueError(
            f"seed and counter must be integers in [0, 2**64), not {seed!r} and {counter!r}"
        ) from None
    digest = hashlib.blake2b(message, digest_size=8, person=b"sssam.trial").digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53


@lru_cache(maxsize=4096)
def rational(p: float) -> Fraction:
    """The simplest fraction that rounds to p, so that 1/3 is a third; p itself if none is simple.

    >>> rational(1 / 3), rational(0.1)
    (Fraction(1, 3), Fraction(1, 10))
    """
    # a fraction n/d that rounds to p is a convergent of p's continued fraction if d is small, and
    # then the last one with a small d; Fraction.limit_denominator finds it too, three times slower
    a, b = p.as_integer_ratio()
    (before_n, before_d), (n, d) = (0, 1), (1, 0)
    while b:
        whole, rest = divmod(a, b)
        if whole * d + before_d > SIMPLE:
            break
        (before_n, before_d), (n, d) = (n, d), (whole * n + before_n, whole * d + before_d)
        a, b = b, rest
    return Fraction(n, d) if n / d == p else Fraction(p)


@dataclass(frozen=True)
class Draws:
    """Whether each step of a run is sharpness-aware.

    bernoulli: acts at t iff U(seed, t) < p(t), with independent uniforms U.
    systematic: acts at t iff floor(S(t + 1) + o) > floor(S(t) + o), with S(t) = sum_{i<t} p(i) in
    exact rational arithmetic and one offset o = U(seed, 2**64 - 1). Over seeds each step still
    acts with probability p(t), but the count is within one of the expected one at every prefix,
    and `constant(1/k)` acts at every k-th step exactly.

    Args:
        schedule: the probability of each step.
        total_steps: steps of the run, T >= 1; later steps go on with the schedule's end. None, the
            default, where each step's progress is given.
        seed: integer in [0, 2**64); default 0.
        kind: "bernoulli", the default, or "systematic".

    Raises:
        ValueError: an argument is out of range, or the schedule gives no probability at some step.

    Sources: SS-SAM (Zhao, Zhang and Hu, 2022, arXiv:2203.09962) for the Bernoulli draws; making
    them by counter is ours. Madow, "On the theory of systematic sampling, II", 1949, for the
    systematic ones, which the paper does not have.

    >>> from sssam.schedules import constant
    >>> draws = Draws(constant(1 / 4), total_steps=12, kind="systematic")
    >>> draws.acting_steps()
    [1, 5, 9]
    >>> draws(5), draws(6)
    (True, False)
    """

    schedule: Schedule
    total_steps: int | None = None
    seed: int = 0
    kind: Kind = "bernoulli"
    # the last (t, S(t) + o, S(t + 1) + o): derivable, kept so that the next costs one addition
    _last: list[tuple[int, Fraction, Fraction]] = field(
        init=False, repr=False, compare=False, default_factory=list
    )

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule):
            raise TypeError(
                f"schedule must be a Schedule, not {self.schedule!r}; make one of "
                "sssam.schedules, such as linear(0, 1), constant(p) for a number, or custom(f) for "
                "a function"
            )
        if self.total_steps is not None:
            count("total_steps", self.total_steps, 1)
        if count("seed", self.seed, 0) >= 2**64:
            raise ValueError(f"seed must be below 2**64, not {self.seed}; take it modulo 2**64")
        if self.kind not in get_args(Kind):
            raise ValueError(f"draws must be 'bernoulli' or 'systematic', not {self.kind!r}")
        if self.total_steps is None and self.kind == "systematic":
            raise ValueError(SYSTEMATIC)
        self.schedule.validate(self.total_steps or GRID)
        self._last.append(self._start())

    def probability(self, t: int, u: float | None = None) -> float:
        """The probability that step t acts: p(u) where its progress u is given, else p(t / T).

        Raises:
            ValueError: neither u nor `total_steps` is known.
        """
        if u is not None:
            return self.schedule(u)
        if self.total_steps is None:
            raise ValueError(UNKNOWN)
        return self.schedule.at(t, self.total_steps)

    def __call__(self, t: int, u: float | None = None) -> bool:
        """Whether step t acts, a function of (seed, t) and of its progress u, where that is given.

        Sequential calls cost O(1) each, also when draws are systematic.

        Raises:
            ValueError: systematic draws at a given progress, or no progress and no `total_steps`.
        """
        if u is not None and self.kind == "systematic":
            raise ValueError(SYSTEMATIC)
        p = self.probability(t, u)
        if p <= 0.0 or p >= 1.0:
            return p >= 1.0
        if self.kind == "bernoulli":
            return uniform(self.seed, t) < p
        before, after = self._sums(t)
        return floor(after) > floor(before)

    def acting_steps(self, stop: int | None = None) -> list[int]:
        """The steps below `stop` that act, in order; default the whole run."""
        end = self.total_steps if stop is None else stop
        if end is None:
            raise ValueError(UNKNOWN)
        return [t for t in range(end) if self(t)]

    def _sums(self, t: int) -> tuple[Fraction, Fraction]:
        """S(t) + o and S(t + 1) + o, from the last ones unless they lie beyond t."""
        last, before, after = self._last[0]
        if last > t:
            last, before, after = self._start()
        for i in range(last + 1, t + 1):
            before, after = after, after + rational(self.probability(i))
        self._last[0] = (t, before, after)
        return before, after

    def _start(self) -> tuple[int, Fraction, Fraction]:
        offset = Fraction(uniform(self.seed, OFFSET_COUNTER))
        return -1, offset, offset

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.schedule, self.total_steps, self.seed, self.kind)
