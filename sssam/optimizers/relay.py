"""A hand-off between base optimizers in the midst of a run, with the momentum converted."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, NAdam, Optimizer, RAdam

from sssam.core.checks import count
from sssam.runtime.bases import Bases, State

STEPS = "relay.steps"
MUON: Any = getattr(torch.optim, "Muon", None)  # torch 2.9 and later


class Relay(Optimizer):
    """`first` makes the first `at` updates, `then` the others; itself a base optimizer.

    At the hand-off the mean gradient that `first` holds as momentum goes on in `then`. SGD sums
    gradients, with momentum m and dampening d to (1 - d) / (1 - m) times their mean; torch's Muon
    averages them, and Adam's, NAdam's and RAdam's are averages less their start at 0. So SGD's
    buffer is multiplied by (1 - m) on the way to Muon. Adam and others as `then` start afresh:
    their second moments have no counterpart.

    `param_groups` and `state` are the runner's own: a learning-rate scheduler belongs on `first`,
    or on `then`, not on the relay.

    Args:
        first: a built torch optimizer.
        then: another, or several, that together own each parameter of `first` exactly once.
        at: updates by `first`, at least 0.

    Raises:
        TypeError: something else than built torch optimizers.
        ValueError: parameters that `then` lacks or `first` does not have.

    >>> w = torch.nn.Parameter(torch.zeros(2, 2))
    >>> relay = Relay(SGD([w], lr=0.1, momentum=0.9), torch.optim.AdamW([w]), at=100)
    >>> type(relay.runner[0]).__name__
    'SGD'

    Reference: Temperon (arXiv 2609.17575), where SAM and another optimizer take over together. Its
    package, 0.1.1, copies SGD's buffer to Muon as it is, 1 / (1 - m) times too long for an
    average; Muon's update forgets the length, but weighs the next gradients against it.
    """

    _first: Bases
    _then: Bases
    at: int
    steps: int

    def __init__(self, first: Optimizer, then: Optimizer | Iterable[Optimizer], *, at: int) -> None:
        for runner in (first, *(then if isinstance(then, list | tuple) else [then])):
            if hasattr(runner, "ascend"):
                raise TypeError(
                    f"a relay is between torch optimizers, not {type(runner).__name__}; wrap the "
                    "relay: SAM(Relay(first, then, at=...))"
                )
        runners = Bases(first, Relay), Bases(then, Relay)
        _check_cover(*runners)
        at = count("at", at, 0, remedy="give the number of updates that first makes")
        self.__setstate__({"_first": runners[0], "_then": runners[1], "at": at, "steps": 0})

    @property
    def _runner(self) -> Bases:
        return self._first if self.steps < self.at else self._then

    @property
    def runner(self) -> tuple[Optimizer, ...]:
        """The optimizers that make the coming update."""
        return tuple(self._runner.all)

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The param groups of the runner."""
        return self._runner.param_groups

    @property
    def state(self) -> MutableMapping[Any, Any]:  # type: ignore[override]
        """The state of the runner."""
        return self._runner.state

    @property
    def defaults(self) -> dict[str, Any]:  # type: ignore[override]
        """The defaults of the runner."""
        return self._runner.all[0].defaults

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update by the runner; the hand-off follows the last one of `first`.

        Args:
            closure: makes the gradients and returns the loss, which is returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if closure is None and self._runner.initialises():
            self._runner.step()  # not of a training: it is not counted
            return None
        for before in self._optimizer_step_pre_hooks.values():
            before(self, (), {})
        self._runner.step()
        self.steps += 1
        if self.steps == self.at:
            _hand_over(self._first, self._then)
        for after in self._optimizer_step_post_hooks.values():
            after(self, (), {})
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients."""
        self._runner.zero_grad(set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Not possible, since both runners would have to agree on it.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "a relay takes no further param group; add it to first and to then, and build a new one"
        )

    def state_dict(self) -> State:
        """The runner's, with the number of updates in each group."""
        saved = self._runner.state_dict()
        saved["param_groups"] = [{**group, STEPS: self.steps} for group in saved["param_groups"]]
        return saved

    def anticipate(self, groups: list[dict[str, Any]]) -> None:
        """Put the right runner on the track for a checkpoint with these groups."""
        self.steps = next((group[STEPS] for group in groups if STEPS in group), 0)

    def load_state_dict(self, state_dict: State) -> None:
        """Load what `state_dict` gave, or a checkpoint of `first` alone."""
        self.anticipate(state_dict["param_groups"])
        groups = [
            {key: value for key, value in group.items() if key != STEPS}
            for group in state_dict["param_groups"]
        ]
        self._runner.load_state_dict({**state_dict, "param_groups": groups})

    def __getstate__(self) -> dict[str, Any]:
        names = ("_first", "_then", "at", "steps")
        return {name: self.__dict__[name] for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._optimizer_step_pre_hooks = OrderedDict()
        self._optimizer_step_post_hooks = OrderedDict()

    def __repr__(self) -> str:
        return f"Relay(at={self.at}, first={self._first.all}, then={self._then.all})"


# Torch's own wrapping of step() would fire global hooks once more: they fire in the runner's step.
Relay.step.hooked = True  # type: ignore[attr-defined]


def _check_cover(first: Bases, then: Bases) -> None:
    owned = [{id(p) for group in b.param_groups for p in group["params"]} for b in (first, then)]
    missing, foreign = len(owned[0] - owned[1]), len(owned[1] - owned[0])
    if missing or foreign:
        raise ValueError(
            f"then must own each parameter of first exactly once, but {missing} of them have no "
            f"owner in then, and {foreign} of its own are not in first"
        )


def _hand_over(first: Bases, then: Bases) -> None:
    """Write each mean gradient into the state of the parameter's next owner."""
    for new in then.all:
        for group in new.param_groups:
            length = _length(new, group)
            means = [(p, _mean(first, p)) for p in group["params"]] if length else []
            for p, mean in means:
                if mean is not None:
                    new.state[p]["momentum_buffer"] = mean.detach().mul(length or 1.0)


def _length(owner: Optimizer, group: dict[str, Any]) -> float | None:
    # How many times its mean gradient an optimizer's buffer is; None where it keeps no buffer.
    if MUON is not None and isinstance(owner, MUON):
        return 1.0
    if isinstance(owner, SGD) and group["momentum"]:
        return float((1 - group["dampening"]) / (1 - group["momentum"]))
    return None


def _mean(first: Bases, p: Tensor) -> Tensor | None:
    owner = first.all[0]
    group = next(g for g in owner.param_groups if any(p is q for q in g["params"]))
    state = first.state_of(p)
    buffer: Tensor | None = state.get("momentum_buffer")
    length = _length(owner, group)
    if buffer is not None and length:
        return buffer / length
    average: Tensor | None = state.get("exp_avg")
    if average is not None and isinstance(owner, Adam | NAdam | RAdam):
        grown: float = 1 - group["betas"][0] ** float(state["step"])
        return average / grown
    return None
