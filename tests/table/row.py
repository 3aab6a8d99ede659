"""A row of the table: an optimizer, its naive twin, and what it costs and needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

import sssam
from tests.naive import loop
from tests.problems import Problem

STEPS = 100
Build = Callable[[torch.optim.Optimizer, nn.Module], sssam.SharpnessAware]
ALL_FORMS = ("closure", "two lines", "passes")


@dataclass(frozen=True)
class Row:
    """An optimizer, its naive twin, what it costs, and what it needs of the loop.

    Args:
        build: the optimizer, from a base and a model.
        naive: the twin, for a problem.
        propagations: a step; None where the gradients decide.
        forms: of the loop, that can serve it as the tests write them.
        passes: the most passes of a step.
        needs_momentum: of the base.
        norm: the normalisation layers that the model must have.
        resumes: whether a resumed run is the uncut one.
    """

    build: Build
    naive: Callable[[Problem], loop.Naive]
    propagations: float | None
    forms: tuple[str, ...] = ALL_FORMS
    passes: int = 2
    needs_momentum: bool = False
    norm: bool | str = False
    resumes: bool = True

    @property
    def two_lines(self) -> bool:
        """Whether the two-line form begins at w, with the whole batch."""
        return "two lines" in self.forms

    def problem(self, **more: Any) -> Problem:
        """A problem that suits it."""
        return Problem(**{"norm": self.norm, **more})
