"""Frozen parameters that a forward pass moves: key encoders, averaged from the trained weights."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from sssam.runtime.buffers import put_back
from sssam.runtime.tensors import Extents, Mark, Noted, mark


@dataclass(frozen=True)
class Standing:
    """Frozen parameters as they stood before a pass, those copied apart."""

    copied: list[Noted]
    others: list[tuple[Noted, Mark]]


class Frozen:
    """Finds out which frozen parameters a model's passes move, so that only these are copied.

    A large pretrained network beside a few trained weights must not be copied at each step. What
    moves shows in marks (version counters, addresses), read around passes that leave their traces
    and between steps. Before the first extra pass, which may be the first of all, the frozen
    parameters are all copied and then compared, if they are no more than the trained ones: so
    `.data.mul_()`, which leaves no mark, is found too.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._moved: set[Tensor] = set()  # by a pass
        self._suspects: set[Tensor] = set()  # by a pass or by the loop
        self._tried: set[Tensor] = set()  # there was a pass before and after which it was looked at
        self._marks: dict[Tensor, Mark] = {}
        self._names: dict[Tensor, str] = {}
        self._find()

    def _find(self) -> None:
        named = self._model.named_parameters()
        self._names = {p: name for name, p in named if not p.requires_grad}
        self.look()

    def look(self) -> set[Tensor]:
        """The parameters whose marks have changed since the last look."""
        before, self._marks = self._marks, {p: mark(p) for p in self._names}
        return {p for p, now in self._marks.items() if before.get(p, now) != now}

    def suspect(self) -> None:
        """After a time in which a pass, or the loop, may have moved some."""
        self._suspects |= self.look()

    def confirm(self) -> None:
        """After a pass before which they were looked at."""
        self._moved |= self.look()

    def note(self, trained: Iterable[Tensor], apart: Extents) -> Standing:
        """The frozen parameters before a pass; copies of those that it may move."""
        self._find()
        self._tried &= self._names.keys()
        unsure = (self._names.keys() - self._tried) | self._suspects & self._names.keys()
        unsure -= self._moved
        if sum(p.numel() for p in unsure) > sum(p.numel() for p in trained):
            unsure = set()
        copied, others = [], []
        for p, name in self._names.items():
            if p in self._moved or p in unsure:
                copied.append(Noted(name, p, apart, exact=p in unsure))
            else:
                others.append((Noted(name, p, apart, copy=False), mark(p)))
        return Standing(copied, others)

    def put_back(self, before: Standing) -> None:
        """Put back what a pass has moved, and remember what that was.

        Raises:
            RuntimeError: naming a parameter that could not be put back.
        """
        lost = [each for each, m in before.others if mark(each.tensor).version != m.version]
        failed = put_back([*before.copied, *(each for each, _ in before.others)])
        self._moved |= {each.tensor for each in before.copied if each.differed}
        self._moved |= {each.tensor for each, m in before.others if mark(each.tensor) != m}
        self._tried |= self._names.keys()
        self._suspects.clear()
        self.look()
        if failed:
            name, error = failed[0]
            raise RuntimeError(
                f"the frozen parameter {name!r} of model could not be put back after an extra "
                f"pass, all else was: {error}"
            ) from error
        if lost:
            raise RuntimeError(
                f"the forward pass moved the frozen parameter {lost[0].name!r}, which could not be "
                "put back: the model's frozen parameters, more than the trained ones, are not "
                "copied before it is known which of them move. From now on this one is; to have "
                "the first step right too, make it a buffer (register_buffer)"
            )
