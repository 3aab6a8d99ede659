"""Wine by IVON, a rival that is an optimizer of its own, from its package: `pip install ivon-opt`.

`sssam train examples/tasks/ivon_rival.py --method base --seed 3`, and the same of table.py, whose
data and network these are; the records hold both accuracies. Only as the base: IVON draws the
weights itself, and needs no second pass. Its licence (GPL) forbids to take code over from it.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import ivon
from table import SETTINGS
from table import task as by_adamw
from torch import nn

from sssam.lab import Problem

__all__ = ["SETTINGS", "task"]


class IVON(ivon.IVON):  # type: ignore[misc]
    """Stands at drawn weights from `zero_grad()` on, and at their mean from `step()` on."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.drawn: list[Any] = []  # a trainer's proxy has this very list

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients, and draw."""
        super().zero_grad(set_to_none)
        self.drawn.append(self.sampled_params(train=True))
        self.drawn[-1].__enter__()

    def step(self, closure: None = None) -> None:
        """Back to the mean, and its update."""
        self.drawn.pop().__exit__(None, None, None)
        super().step()


def task(seed: int) -> Problem:
    """As in table.py; `ess` is the number of training samples."""
    return replace(by_adamw(seed), optimizer=optimizer)


def optimizer(parameters: Iterable[nn.Parameter], learning_rate: float) -> IVON:
    """IVON's rates are larger than AdamW's."""
    return IVON(parameters, lr=50 * learning_rate, ess=80, weight_decay=1e-3)
