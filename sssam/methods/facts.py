"""What is known of a method before it trains: read off its generator, run on toy gradients.

Two steps are run, the first of a training and a later one, on two small tensors. A later step is
run again with the result of one pass changed: what then differs rests on that pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from sssam.core.passes import NOTHING, Pass, Passes, Result, Step, Update
from sssam.core.vectors import Vector

#: Where a step's first pass runs: at w, at w + e, at w whatever the others do, or it depends on t.
Opening = Literal["at w", "moved", "any", "mixed"]


class Spread(NamedTuple):
    """A number of propagations: at the first step of a training, and at each later one."""

    first: float
    later: float

    def mean(self, total_steps: int | None) -> float:
        """Over so many steps; over very many where that is not known."""
        if total_steps is None or self.first == self.later:
            return self.later
        return self.later + (self.first - self.later) / total_steps


@dataclass(frozen=True)
class Facts:
    """What the forms of the loop, the plans and the checkpoints need to know of a method.

    Args:
        opening: where the first pass of a step runs.
        ascent_fraction: the part of the batch that the ascent pass uses; 1 where there is none.
        moves: whether a step leaves w.
        plain: whether its step is the base optimizer's own, to the bit.
        most_passes: the passes of a step, at most.
        shares_first: whether its pass at w, if any, is one over the whole batch, which others can
            run for it.
        needs_losses: whether it needs the losses of single samples.
        keeps_batch: whether it runs passes on the batch of the step before.
        keeps: the names of the vectors that are kept from step to step, each as large as w.
        lacks: those that it reads, and does not keep itself.
        transient: the most vectors that it holds beside those while a pass runs: SAM's one is w.
        cost: propagations a step.
        critical: those of a later step that follow one another, were each independent pass run on a
            device of its own.
        binds_ranks: why ranks can't keep the ascent pass to themselves; empty if they can.
        decides_late: whether only the gradient at w decides if a step leaves w.
    """

    opening: Opening
    ascent_fraction: float
    moves: bool
    plain: bool
    most_passes: int
    shares_first: bool
    needs_losses: bool
    keeps_batch: bool
    keeps: frozenset[str]
    lacks: frozenset[str]
    transient: int
    cost: Spread
    critical: float
    binds_ranks: str
    decides_late: bool = False

    @property
    def needs_batch(self) -> bool:
        """Whether only the loop over passes can serve it, which has the batch in hand."""
        return self.needs_losses or self.keeps_batch


class _Method(Protocol):
    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """The method at work on one step."""
        ...


def read(method: _Method) -> Facts:
    """The facts of a method that always runs the same passes."""
    first = _run(method, _Toy(0))
    later = _run(method, _Toy(1))
    changed = [_run(method, _Toy(1), i) for i in range(len(later.passes))]
    both = [*first.passes, *later.passes]
    plain = _is_plain(later)
    moves = any(each.moves for each in later.passes)
    kept = first.update.kept.keys() | later.update.kept.keys()
    asked = [each.pass_ for each in later.passes]
    ascents = [p.fraction for p in asked if p.phase == "ascent" and p.samples is None]
    return Facts(
        opening="any" if plain else "moved" if later.passes[0].moves else "at w",
        ascent_fraction=min(ascents, default=1.0),
        moves=moves,
        plain=plain,
        most_passes=max(len(first.passes), len(later.passes)),
        shares_first=all(each.is_bare for each in both if not each.left),
        needs_losses=any(each.pass_.losses for each in both),
        keeps_batch=any(each.pass_.earlier for each in both),
        keeps=frozenset(kept | later.recalled),
        lacks=frozenset(later.recalled - kept),
        transient=max(each.vectors + each.left for each in later.passes),
        cost=Spread(_cost(first.passes), _cost(later.passes)),
        critical=_longest(later, changed),
        binds_ranks=_binding(later, changed),
    )


def together(on: Facts, off: Facts) -> Facts:
    """The facts of a method that is one of two at each step; its costs are the greater ones."""
    openings = {on.opening, off.opening} - {"any"}
    opening: Opening = "mixed" if len(openings) > 1 else openings.pop() if openings else "any"
    keeps = on.keeps | off.keeps
    return Facts(
        opening=opening,
        ascent_fraction=min(on.ascent_fraction, off.ascent_fraction),
        moves=on.moves or off.moves,
        plain=on.plain and off.plain,
        most_passes=max(on.most_passes, off.most_passes),
        shares_first=on.shares_first and off.shares_first,
        needs_losses=on.needs_losses or off.needs_losses,
        keeps_batch=on.keeps_batch or off.keeps_batch,
        keeps=keeps,
        lacks=(on.lacks | off.lacks) - ((on.keeps - on.lacks) | (off.keeps - off.lacks)),
        transient=max(on.transient, off.transient),
        cost=max(on.cost, off.cost),
        critical=max(on.critical, off.critical),
        binds_ranks=on.binds_ranks or off.binds_ranks,
        decides_late=on.decides_late or off.decides_late,
    )


# The toy ------------------------------------------------------------------------------------------

_SIZES, _SAMPLES = (3, 2), 8


def _numbers(seed: float, n: int) -> Tensor:
    return torch.arange(1.0, n + 1.0, dtype=torch.float64, device="cpu").mul_(seed).sin_()


def _vector(seed: float) -> Vector:
    return {i: _numbers(seed + i, n) for i, n in enumerate(_SIZES)}


class _Toy(Step):
    """A step over two small tensors, which every role takes for all that it looks for."""

    def __init__(self, t: int) -> None:
        params = list(_vector(0.3).values())
        groups: list[dict[str, Any]] = [{"lr": 0.1}] * len(params)
        super().__init__(
            t, params, groups, {}, NOTHING, lambda p: {}, has_earlier=t > 0, is_dry=True
        )
        object.__setattr__(self, "recalled", {})

    def recall(self, name: str) -> Vector:
        """Nothing at the first step; later some vector, always the same under a name."""
        if not self.t:
            return {}
        known: dict[str, Vector] = self.__dict__["recalled"]
        return {**known.setdefault(name, _vector(0.7 + len(known)))}

    def positions(self, parameters: object) -> set[int]:
        """All."""
        return {*range(len(self.params))}


@dataclass
class _Run:
    """One step of a method on the toy."""

    passes: list["_Seen"]
    update: Update
    last: Result
    recalled: frozenset[str]


@dataclass
class _Seen:
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
        return self.pass_.whole and self.pass_.backward and not self.pass_.losses


def _run(method: _Method, toy: _Toy, changed: int | None = None) -> _Run:
    """Run a step; the result of the pass `changed` is another one than elsewhere."""
    passes: list[_Seen] = []
    generator, left, result = method.passes(toy), False, Result({})
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
        return _Run(passes, end.value, result, frozenset(toy.__dict__["recalled"]))


def _see(wanted: Pass, left: bool) -> _Seen:
    if wanted.move is None:
        return _Seen(wanted, None, left)
    e = {**wanted.move.e}
    wanted.move.e.clear()
    return _Seen(replace(wanted, move=None), e, True)


def _held(generator: Passes, toy: _Toy) -> int:
    """How many vectors a waiting generator, and those that it waits for, hold beyond the memory."""
    own = {t.data_ptr() for known in toy.__dict__["recalled"].values() for t in known.values()}
    own |= {p.data_ptr() for p in toy.params}
    found: set[int] = set()
    frame: Any = generator
    while frame is not None:
        for value in frame.gi_frame.f_locals.values():
            found |= {t.data_ptr() for t in _tensors(value) if t.shape == (_SIZES[0],)}
        frame = frame.gi_yieldfrom
    return len(found - own)


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _tensors(each)
    elif hasattr(value, "values"):
        for each in value.values():
            yield from _tensors(each)


# What is read off it ------------------------------------------------------------------------------


def _is_plain(run: _Run) -> bool:
    """Whether one bare pass at w is all, and its gradient goes to the base optimizer untouched."""
    if len(run.passes) != 1 or run.passes[0].left or not run.passes[0].is_bare:
        return False
    given = run.update.gradient
    return all(given.get(i) is part for i, part in run.last.gradient.items()) and not (
        run.update.start
        or run.update.after
        or run.update.stretch
        or run.update.kept
        or run.update.numbers
    )


def _cost(passes: list[_Seen]) -> float:
    forwards = sum(each.pass_.fraction for each in passes)
    backwards = sum(each.pass_.fraction for each in passes if each.pass_.backward)
    return (forwards + 2 * backwards) / 3


def _longest(run: _Run, changed: list[_Run]) -> float:
    """The cost of the dearest chain of passes each of which needs the one before."""
    chains: list[float] = []
    for j, each in enumerate(run.passes):
        before = (chains[i] for i in range(j) if _differ(each, changed[i].passes[j]))
        chains.append(_cost([each]) + max(before, default=0.0))
    return max(chains)


def _differ(one: _Seen, other: _Seen) -> bool:
    """Whether a pass is another one; if e is empty nothing tells, and it may be."""
    if one.e is not None and (not one.e or _apart(one.e, other.e or {})):
        return True
    a, b = one.pass_.samples, other.pass_.samples
    return a is not None and b is not None and not torch.equal(a, b)


def _apart(one: Mapping[int, Tensor], other: Mapping[int, Tensor]) -> bool:
    return one.keys() != other.keys() or any(not torch.equal(one[i], other[i]) for i in one)


def _binding(run: _Run, changed: list[_Run]) -> str:
    for i, each in enumerate(run.passes):
        if each.pass_.phase != "ascent":
            continue
        was, now = run.update, changed[i].update
        if any(_apart(*each) for each in zip(was[:4], now[:4], strict=True)):
            return "update uses the gradient of its first pass: the ranks' weights would part"
        if any(_apart(x, now.kept[name]) for name, x in was.kept.items()):
            return "memory is made of its first pass: a checkpoint would hold one rank's alone"
    return ""
