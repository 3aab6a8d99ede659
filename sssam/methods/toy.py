"""A step of a method on two small tensors: the passes it asks for, and what it holds meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from sssam.core.passes import NOTHING, Pass, Passes, Result, Step, Update
from sssam.core.vectors import Vector


class HasPasses(Protocol):
    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """The method at work on one step."""
        ...


_SIZES, _SAMPLES = (3, 2), 8


def _numbers(seed: float, n: int) -> Tensor:
    return torch.arange(1.0, n + 1.0, dtype=torch.float64, device="cpu").mul_(seed).sin_()


def _vector(seed: float) -> Vector:
    return {i: _numbers(seed + i, n) for i, n in enumerate(_SIZES)}


class Toy(Step):
    """A step over two small tensors, which every role takes for all that it looks for."""

    def __init__(self, t: int) -> None:
        params = list(_vector(0.3).values())
        groups: list[dict[str, Any]] = [{"lr": 0.1}] * len(params)
        super().__init__(
            t, params, groups, {}, NOTHING, lambda p: {}, has_earlier=t > 0, is_dry=True
        )
        object.__setattr__(self, "recalled", {})

    def recall(self, name: str) -> Vector:
        """An empty vector at the first step; later some vector, always the same under a name."""
        if not self.t:
            return {}
        known: dict[str, Vector] = self.__dict__["recalled"]
        return {**known.setdefault(name, _vector(0.7 + len(known)))}

    def positions(self, parameters: object) -> set[int]:
        """The indices of all parameters: a role finds all of what it looks for."""
        return {*range(len(self.params))}


@dataclass
class DryRun:
    """One step of a method on the toy; `untouched`: its update is the last pass's own gradient."""

    passes: list["Seen"]
    update: Update
    untouched: bool
    recalled: frozenset[str]


@dataclass
class Seen:
    """A pass that was asked for.

    Attributes:
        e: where it moved the weights to, None if it did not.
        left: whether the weights are away from w while it runs.
        vectors: how many the method holds while it runs.
    """

    pass_: Pass
    e: Vector | None
    left: bool
    vectors: int = 0

    @property
    def moves(self) -> bool:
        return self.e is not None

    @property
    def is_bare(self) -> bool:
        is_own = self.pass_.derivative == "own"
        return self.pass_.whole and self.pass_.backward and not self.pass_.losses and is_own


def dry_run(method: HasPasses, toy: Toy, changed: int | None = None) -> DryRun:
    """Run a step; the result of the pass `changed` is another one than elsewhere."""
    passes: list[Seen] = []
    generator, left, result, seed = method.passes(toy), False, Result({}), 0.0
    try:
        wanted = next(generator)
        while True:
            seen = _see(wanted, left)
            passes.append(seen)
            seen.vectors = _held(generator, toy)
            # A changed result has other signs too, for roles that look at nothing else.
            seed = 1.1 * len(passes) * (1 if changed != len(passes) - 1 else -1.2)
            result = Result(_vector(seed) if wanted.backward else {}, _numbers(seed, _SAMPLES))
            left = seen.left and not wanted.backward
            wanted = generator.send(Result({**result.gradient}, result.losses))
    except StopIteration as end:
        untouched = _is_untouched(end.value.gradient, result.gradient, seed)
        return DryRun(passes, end.value, untouched, frozenset(toy.__dict__["recalled"]))


def _is_untouched(given: Vector, sent: Vector, seed: float) -> bool:
    """Whether the very tensors that were sent are given, and nothing was written over them."""
    return all(
        given.get(i) is part and torch.equal(part, _vector(seed)[i]) for i, part in sent.items()
    )


def _see(wanted: Pass, left: bool) -> Seen:
    if wanted.move is None:
        return Seen(wanted, None, left)
    e = wanted.move.e
    wanted.move.vector.clear()
    return Seen(wanted._replace(move=None), e, True)


def _held(generator: Passes, toy: Toy) -> int:
    """How many vectors a waiting generator, and those that it waits for, hold beyond the memory."""
    own = {t.data_ptr() for known in toy.__dict__["recalled"].values() for t in known.values()}
    own |= {p.data_ptr() for p in toy.params}
    vectors: set[int] = set()
    frame: Any = generator
    while frame is not None:
        for value in frame.gi_frame.f_locals.values():
            vectors |= {t.data_ptr() for t in _tensors(value) if t.shape == (_SIZES[0],)}
        frame = frame.gi_yieldfrom
    return len(vectors - own)


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _tensors(each)
    elif hasattr(value, "values"):
        for each in value.values():
            yield from _tensors(each)
