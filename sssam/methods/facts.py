"""What is known of a method before it trains: read off its generator, run on toy gradients.

Two steps are run, the first of a training and a later one, on two small tensors. A later step is
run again with the result of one pass changed: what then differs rests on that pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sssam.methods.toy import DryRun, HasPasses, Seen, Toy, dry_run

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
        needs_outputs: whether it takes the loss's derivative with respect to the outputs.
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
    needs_outputs: bool
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


def read(method: HasPasses) -> Facts:
    """The facts of a method that always runs the same passes."""
    first = dry_run(method, Toy(0))
    later = dry_run(method, Toy(1))
    changed = [dry_run(method, Toy(1), i) for i in range(len(later.passes))]
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
        needs_outputs=any(each.pass_.derivative != "own" for each in both),
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
        needs_outputs=on.needs_outputs or off.needs_outputs,
        keeps_batch=on.keeps_batch or off.keeps_batch,
        keeps=keeps,
        lacks=(on.lacks | off.lacks) - ((on.keeps - on.lacks) | (off.keeps - off.lacks)),
        transient=max(on.transient, off.transient),
        cost=max(on.cost, off.cost),
        critical=max(on.critical, off.critical),
        binds_ranks=on.binds_ranks or off.binds_ranks,
        decides_late=on.decides_late or off.decides_late,
    )


# What is read off it ------------------------------------------------------------------------------


def _is_plain(run: DryRun) -> bool:
    """Whether one bare pass at w is all, and its gradient goes to the base optimizer untouched."""
    one = run.passes[0]
    alone = len(run.passes) == 1 and one.is_bare and not one.left
    return alone and run.untouched and not any(run.update[1:])


def _cost(passes: list[Seen]) -> float:
    forwards = sum(each.pass_.fraction for each in passes)
    backwards = sum(each.pass_.fraction for each in passes if each.pass_.backward)
    return (forwards + 2 * backwards) / 3


def _longest(run: DryRun, changed: list[DryRun]) -> float:
    """The cost of the dearest chain of passes each of which needs the one before."""
    chains: list[float] = []
    for j, each in enumerate(run.passes):
        before = (chains[i] for i in range(j) if _differ(each, changed[i].passes[j]))
        chains.append(_cost([each]) + max(before, default=0.0))
    return max(chains)


def _differ(one: Seen, other: Seen) -> bool:
    """Whether a pass is another one; if e is empty nothing tells, and it may be."""
    if one.e is not None and (not one.e or _apart(one.e, other.e or {})):
        return True
    a, b = one.pass_.samples, other.pass_.samples
    return a is not None and b is not None and not torch.equal(a, b)


def _apart(one: Mapping[int, Tensor], other: Mapping[int, Tensor]) -> bool:
    return one.keys() != other.keys() or any(not torch.equal(one[i], other[i]) for i in one)


def _binding(run: DryRun, changed: list[DryRun]) -> str:
    for i, each in enumerate(run.passes):
        if each.pass_.phase != "ascent":
            continue
        was, now = run.update, changed[i].update
        if any(_apart(*each) for each in zip(was[:4], now[:4], strict=True)):
            return "update uses the gradient of its first pass: the ranks' weights would part"
        if any(_apart(x, now.kept[name]) for name, x in was.kept.items()):
            return "memory is made of its first pass: a checkpoint would hold one rank's alone"
    return ""
