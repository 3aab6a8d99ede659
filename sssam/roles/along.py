"""A direction turned to what another optimizer would make of it: its sign, Muon's, Adam's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from sssam.core.passes import Signal, Step
from sssam.core.vectors import Vector, spread, whole
from sssam.roles.direction import Direction, is_like

Rule = Literal["gradient", "sign", "muon", "preconditioned"]
#: Names under which torch's optimizers keep a running or summed square of the gradient.
SQUARES = ("exp_avg_sq", "square_avg", "sum")


@dataclass(frozen=True)
class Along:
    """The update that another optimizer would make of a direction d, instead of d.

    "sign": sign(d), Adam's first update and Lion's. "muon": each matrix orthogonalised as
    `torch.optim.Muon` does first of all, scaled to Adam's root mean square of 0.2, and 0.2 sign(d)
    elsewhere: the usual pair. "preconditioned": d / (sqrt(v) + eps), v the base optimizer's own
    running square, as its last update left it; before that d squared, which gives the sign.

    Args:
        direction: d.
        rule: one of these.
    """

    direction: Direction
    rule: Rule

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            names = ", ".join(get_args(Rule))
            raise ValueError(f"along must be one of {names}, not {self.rule!r}")

    @property
    def fraction(self) -> float:
        """The part of the batch that the direction takes."""
        return self.direction.fraction

    @torch.no_grad()
    def signal(self, step: Step, gradient: Vector) -> Signal:
        """The direction's signal d, turned by the rule."""
        signal = self.direction.signal(step, gradient)  # each rule of -d is minus that of d
        turned = {i: RULES[self.rule](part, step, i) for i, part in signal.vector.items()}
        return signal._replace(vector=turned, owned=True)


def along(direction: Direction, rule: Rule) -> Direction:
    """The direction, turned where the rule is another than "gradient"."""
    return direction if rule == "gradient" else Along(direction, rule)


def _sign(d: Tensor, step: Step, i: int) -> Tensor:
    return d.sign()


def _muon(d: Tensor, step: Step, i: int) -> Tensor:
    if d.ndim != 2:
        return d.sign().mul_(0.2)
    matrix = torch.zeros_like(whole(d)).requires_grad_()
    matrix.grad = whole(d)
    rule: Any = torch.optim.Muon
    rule([matrix], lr=1.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw").step()
    return spread(matrix.detach().neg_(), d)


def _preconditioned(d: Tensor, step: Step, i: int) -> Tensor:
    state = step.base_state(step.params[i])
    squares = [state[name] for name in SQUARES if is_like(state.get(name), step.params[i])]
    if state and not squares:
        raise RuntimeError(NO_SQUARE.format(state=", ".join(sorted(map(str, state)))))
    v = squares[0].to(d.dtype) if squares else d.square()
    return d / v.sqrt().add_(step.groups[i].get("eps", 1e-8))


RULES: Mapping[str, Callable[[Tensor, Step, int], Any]] = {
    "sign": _sign,
    "muon": _muon,
    "preconditioned": _preconditioned,
}
NO_SQUARE = (
    "along='preconditioned' divides by the root of the base optimizer's own running square of the "
    "gradient, and it keeps {state}: none of exp_avg_sq, square_avg and sum in the shape of its "
    "parameter; use along='sign', or a base such as AdamW"
)
