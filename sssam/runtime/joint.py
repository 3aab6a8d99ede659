"""What several base optimizers show as one: their groups, their state, their defaults."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

Group = dict[str, Any]
MOMENTA = {"momentum", "betas"}


class JointState(MutableMapping[Any, Any]):
    """The states of several optimizers; an entry is read, set and deleted in its owner's."""

    def __init__(self, bases: list[Optimizer]) -> None:
        self._bases = bases

    def _of(self, p: Any) -> MutableMapping[Any, Any]:
        for base in self._bases:
            if any(p is q for group in base.param_groups for q in group["params"]):
                return base.state
        raise KeyError(f"no base optimizer owns this parameter: {getattr(p, 'shape', p)}")

    def __getitem__(self, p: Any) -> Any:
        for base in self._bases:
            if p in base.state:
                return base.state[p]
        raise KeyError(p)

    def __contains__(self, p: object) -> bool:
        return any(p in base.state for base in self._bases)

    def __setitem__(self, p: Any, value: Any) -> None:
        self._of(p)[p] = value

    def __delitem__(self, p: Any) -> None:
        del self._of(p)[p]

    def __iter__(self) -> Iterator[Any]:
        return (p for base in self._bases for p in base.state)

    def __len__(self) -> int:
        return sum(len(base.state) for base in self._bases)


class _WithBetas(MutableMapping[str, Any]):
    """A group with a `momentum` beside others with `betas`: the first beta is the momentum.

    Schedulers that cycle the momentum ask the optimizer once which of both its groups have. The
    group itself is what the base and others hold, and stays the dict that it is.
    """

    def __init__(self, group: Group) -> None:
        self.group = group

    def __getitem__(self, key: str) -> Any:
        if key == "betas" and key not in self.group:
            return (self.group["momentum"],)
        return self.group[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key == "betas" and key not in self.group:
            self.group["momentum"] = value[0]
        else:
            self.group[key] = value

    def __delitem__(self, key: str) -> None:
        del self.group[key]

    def __contains__(self, key: object) -> bool:
        return key in self.group

    def get(self, key: str, default: Any = None) -> Any:
        """The group's value under a key; a group has no betas."""
        return self.group.get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.group)

    def __len__(self) -> int:
        return len(self.group)

    def __repr__(self) -> str:
        return repr(self.group)


def groups(bases: list[Optimizer]) -> list[Any]:
    """A new list of all groups, each the base's own, in one convention of the momentum."""
    mixed = any("betas" in base.defaults for base in bases)
    return [
        _WithBetas(group) if mixed and _has_momentum_alone(base) else group
        for base in bases
        for group in base.param_groups
    ]


def _has_momentum_alone(base: Optimizer) -> bool:
    return "momentum" in base.defaults and "betas" not in base.defaults


def defaults(bases: list[Optimizer]) -> Group:
    """Every base's, those of the first ones before those of the others.

    A momentum only where each has one by either name: schedulers that cycle it ask here.
    """
    merged = {name: value for base in reversed(bases) for name, value in base.defaults.items()}
    if not all(MOMENTA & base.defaults.keys() for base in bases):
        merged = {name: value for name, value in merged.items() if name not in MOMENTA}
    return merged


def set_groups(bases: list[Optimizer], given: list[Group]) -> None:
    """Give each optimizer its part of a list of all groups."""
    if len(bases) == 1:
        bases[0].param_groups = given
        return
    expected = sum(len(base.param_groups) for base in bases)
    if len(given) != expected:
        raise ValueError(
            f"param_groups must be the {expected} groups of the {len(bases)} base optimizers, in "
            f"their order, not {len(given)}; add a group to one of them: base.add_param_group(...)"
        )
    for base in bases:
        own, given = given[: len(base.param_groups)], given[len(base.param_groups) :]
        base.param_groups = [getattr(group, "group", group) for group in own]


def set_state(bases: list[Optimizer], given: MutableMapping[Any, Any]) -> None:
    """Give each optimizer the state of its own parameters."""
    if len(bases) == 1:
        bases[0].state = given  # type: ignore[assignment]
        return
    for base in bases:
        own = {p for group in base.param_groups for p in group["params"]}
        base.state.clear()
        base.state.update({p: value for p, value in given.items() if _is_in(p, own)})


def _is_in(p: Any, own: set[Tensor]) -> bool:
    return isinstance(p, Tensor) and p in own
