"""Frozen parameters that a forward pass moves: key encoders, averaged from the trained weights."""

from dataclasses import dataclass
from operator import attrgetter

import torch
from torch import Tensor

from sssam.runtime.buffers import put_back
from sssam.runtime.layout import Layout
from sssam.runtime.tensors import Extents, Mark, Noted, is_plain, mark


@dataclass(slots=True, eq=False)
class _Param:
    """What is known of a frozen parameter.

    Attributes:
        seen: its mark when it was looked at last.
        before: its mark before the pass that is to be undone, and the memory that it had then.
        shares: it lies in memory of the trained parameters, which are put back by others.
        moves: passes move it.
        suspect: something moved it, in a pass or between two.
        tried: there was a pass before and after which it was looked at.
    """

    name: str
    param: Tensor
    seen: Mark
    before: tuple[Mark, Tensor | None] = ((0, 0), None)
    shares: bool = False
    moves: bool = False
    suspect: bool = False
    tried: bool = False


_NEEDS_GRADIENT = attrgetter("requires_grad")


class Frozen:
    """Finds out which frozen parameters a model's passes move, so that only these are copied.

    A large pretrained network beside a few trained weights must not be copied at each step. What
    moves shows in marks (version counters, addresses), read around passes that are not rolled back
    and between steps. Before the first extra pass, which may be the first of all, the frozen
    parameters are all copied and then compared, if they are no more than the trained ones: so
    `.data.mul_()`, which leaves no mark, is found too.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._params: dict[int, _Param] = {}
        self._known: tuple[list[Tensor], list[bool]] = ([], [])
        self._walk()

    def _find(self, foreign: list[Tensor]) -> None:
        known = foreign, [*map(_NEEDS_GRADIENT, foreign)]
        if foreign is not self._known[0] or known[1] != self._known[1]:
            self._walk()
            self._known = known

    def _walk(self) -> None:
        known, self._params = self._params, {}
        for prefix, module in self._layout.modules:
            for name, p in module._parameters.items():
                if p is not None and not p.requires_grad:
                    one = known.get(id(p)) or _Param(f"{prefix}.{name}".lstrip("."), p, mark(p))
                    self._params[id(p)] = one

    def _look(self) -> list[_Param]:
        """The frozen parameters whose marks have changed since the last look."""
        changed = []
        for each in self._params.values():
            now = mark(each.param)
            if now != each.seen:
                each.seen = now
                changed.append(each)
        return changed

    def suspect(self) -> None:
        """Suspect the parameters that a pass, or the loop, has moved since the last look."""
        for each in self._look():
            each.suspect = True

    def confirm(self) -> None:
        """Remember that a pass moves the parameters that have changed since the look before it."""
        for each in self._look():
            each.moves = True

    def note(self, foreign: list[Tensor], trained: list[Tensor], apart: Extents) -> list[Noted]:
        """Copies, before a pass, of the frozen parameters that it may move.

        Args:
            foreign: the model's parameters that are not trained; the same object as long as they
                are the same.
            trained: those that are.
            apart: where these lie.
        """
        self.suspect()
        self._find(foreign)
        if not self._params:
            return []
        for each in self._params.values():
            each.before = each.seen, each.param.data if is_plain(each.param) else None
            each.shares = each.shares if each.tried else apart.touch(each.param)
        moving = [each for each in self._params.values() if each.moves]
        unsure = self._affordable(sum(p.numel() for p in trained))
        return [Noted(each.name, each.param, apart) for each in moving] + [
            Noted(each.name, each.param, apart, exact=True) for each in unsure
        ]

    def _affordable(self, room: int) -> list[_Param]:
        """The parameters that passes may move, as far as there is room to copy them and see."""
        unsure = [e for e in self._params.values() if not e.moves and (e.suspect or not e.tried)]
        for some in (unsure, [each for each in unsure if each.suspect]):
            if sum(each.param.numel() for each in some) <= room:
                return some
        return []

    def put_back(self, copies: list[Noted]) -> None:
        """Put back what a pass has moved, and remember which parameters these were.

        Raises:
            RuntimeError: naming a parameter that could not be put back.
        """
        if self._params:
            with torch.no_grad():
                self._put_back(copies)

    def _put_back(self, copies: list[Noted]) -> None:
        failed = put_back(copies)
        differed = {id(each.tensor): each.differed for each in copies}
        lost = []
        for i, each in self._params.items():
            each.moves |= differed.get(i, False)
            if i not in differed and self._is_lost(each):
                lost.append(each.name)
                each.moves = True
            each.seen, each.before = mark(each.param), ((0, 0), None)
            each.tried, each.suspect = True, False
        if failed:
            name, error = failed[0]
            raise RuntimeError(NOT_PUT_BACK.format(name=name, error=error)) from error
        if lost:
            raise RuntimeError(LOST.format(name=lost[0]))

    @staticmethod
    def _is_lost(one: _Param) -> bool:
        (version, address), memory = one.before
        now = mark(one.param)
        if memory is not None and now[1] != address:
            one.param.data = memory
        return now[0] != version and not one.shares


NOT_PUT_BACK = (
    "the frozen parameter {name!r} of model could not be put back after an extra pass, all else "
    "was: {error}"
)
LOST = (
    "the forward pass moved the frozen parameter {name!r}, which could not be put back: the "
    "model's frozen parameters, more than the trained ones, are not copied before it is known "
    "which of them move. From now on this one is; to have the first step right too, make it a "
    "buffer (register_buffer)"
)
