"""One or several built torch optimizers, seen as one."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from itertools import chain, count
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from sssam.core.passes import distinct
from sssam.core.vectors import local
from sssam.runtime import joint
from sssam.runtime.examine import examined, require_own_radii
from sssam.runtime.layout import same

State = dict[str, Any]
_NEEDS_GRADIENT, _GRADIENT = attrgetter("requires_grad"), attrgetter("grad")


class Bases:
    """The base optimizers: their groups, state and steps in one place, nothing copied.

    Args:
        base: a built torch optimizer, or several with no parameter in common (the usual pair of
            Muon for matrices and AdamW for the rest).
        wrapper: the class of sharpness-aware optimizers, which can't be a base.

    Attributes:
        distinct_groups: those with a parameter that needs gradients, as `trainable` last saw them.

    Raises:
        TypeError: what `examined` refuses.
        ValueError: an empty list, or a parameter that two of them own.
    """

    def __init__(self, base: Optimizer | Iterable[Optimizer], wrapper: type) -> None:
        several = isinstance(base, list | tuple)
        self.all = [examined(b, wrapper) for b in (base if several else [base])]  # type: ignore[union-attr]
        if not self.all:
            raise ValueError(
                "base must be an optimizer or a list of at least one, not an empty list"
            )
        self._check_disjoint()
        self._groups: list[dict[str, Any]] = []
        self._params: list[Tensor] = []
        self._numbers: list[int] = []
        self._trainable: tuple[list[Tensor], list[dict[str, Any]]] = ([], [])
        self.distinct_groups: list[dict[str, Any]] = []

    def _check_disjoint(self) -> None:
        owners: dict[int, str] = {}
        for base in self.all:
            name = type(base).__name__
            mine = {id(p) for group in base.param_groups for p in group["params"]}
            shared = mine & owners.keys()
            if shared:
                other = owners[shared.pop()]
                raise ValueError(f"base: {other} and {name} own the same parameter; split them")
            owners.update(dict.fromkeys(mine, name))

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The one optimizer's own list; with several, a new list of all their groups."""
        if len(self.all) == 1:
            return self.all[0].param_groups
        return [group for base in self.all for group in base.param_groups]

    @property
    def state(self) -> MutableMapping[Any, Any]:
        """The one optimizer's own state; with several, a view on all of them."""
        if len(self.all) == 1:
            return self.all[0].state
        return joint.JointState(self.all)

    @property
    def params(self) -> list[Tensor]:
        """All parameters, in the order of the groups."""
        return [p for group in self.param_groups for p in group["params"]]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to the first one.

        Raises:
            ValueError: another base owns a parameter of it; nothing was added.
        """
        self.all[0].add_param_group(param_group)
        try:
            self._check_disjoint()
        except ValueError:
            self.all[0].param_groups.pop()
            raise

    def state_of(self, p: Tensor) -> dict[str, Any]:
        """The base's state of a parameter, empty if it has none; reading creates nothing."""
        for base in self.all:
            state: dict[str, Any] | None = base.state.get(p)
            if state is not None:
                return state
        return {}

    def trainable(self) -> tuple[list[Tensor], list[dict[str, Any]]]:
        """The parameters that need gradients, and the group of each.

        The very same lists until a group, a parameter or what needs gradients changes.
        """
        groups = [*self.param_groups]
        lists = [group["params"] for group in groups]
        params = [*chain.from_iterable(lists)]
        numbers = [*map(len, lists), *map(_NEEDS_GRADIENT, params)]
        if numbers == self._numbers and same(params, self._params) and same(groups, self._groups):
            return self._trainable
        self._groups, self._params, self._numbers = groups, params, numbers
        # Once each: torch warns of a parameter that a group names twice, and goes on.
        owners = {p: group for group in groups for p in group["params"] if p.requires_grad}
        self._trainable = list(owners), list(owners.values())
        self.distinct_groups = distinct(self._trainable[1])
        return self._trainable

    def first_gradient(self) -> Tensor | None:
        """The gradient of the first parameter that has one."""
        return next((g for g in self.gradients() if g is not None), None)

    def gradients(self) -> Iterator[Tensor | None]:
        """The gradient of each parameter, in the order of the groups."""
        lists = [group["params"] for group in self.param_groups]
        return map(_GRADIENT, chain.from_iterable(lists))

    def any_gradient(self) -> bool:
        """Whether some parameter has a gradient."""
        return self.first_gradient() is not None

    def initialises(self) -> bool:
        """Whether a step now would be no training's: torch.distributed.checkpoint's, to make state.

        It has found none, and has set each learning rate and each gradient to 0.
        """
        if any(base.state for base in self.all):
            return False
        if not all(_has_no_rate(group) for group in self.param_groups):
            return False
        return not any(p.grad is None or _not_zero(p.grad) for p in self.trainable()[0])

    def anticipate(self, groups: list[dict[str, Any]]) -> Callable[[], None]:
        """Let a base whose groups change as it trains (a relay) take the shape of a checkpoint.

        Returns:
            What takes that back.
        """
        relays: list[Any] = [base for base in self.all if hasattr(base, "anticipate")]
        # Theirs alone: ZeroRedundancyOptimizer has no state dict before one is gathered.
        before = [relay.state_dict()["param_groups"] for relay in relays]
        for relay in relays:
            relay.anticipate(groups)

        def take_back() -> None:
            for relay, own in zip(relays, before, strict=True):
                relay.anticipate(own)

        return take_back

    def require_own_radii(self) -> None:
        """An error for an entry "rho" that was put into a group and that nobody reads."""
        for base in self.all:
            require_own_radii(base)

    def step(self) -> None:
        """One update of each."""
        for base in self.all:
            base.step()

    def zero_grad(self, set_to_none: bool) -> None:
        """Clear the gradients of each."""
        for base in self.all:
            base.zero_grad(set_to_none)

    def shapes(self) -> str:
        """A digest of all parameters' shapes: it tells one model's checkpoint from another's."""
        text = str([[tuple(p.shape) for p in group["params"]] for group in self.param_groups])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def state_dict(self) -> State:
        """Torch's own format; several optimizers' parameters are numbered through."""
        state: dict[Any, Any] = {}
        groups: list[dict[str, Any]] = []
        others: list[dict[str, Any]] = []
        for base in self.all:
            one, first = base.state_dict(), sum(len(group["params"]) for group in groups)
            if not one.keys() >= PLAIN:  # a wrapper with a format of its own: kept as it is
                one = {**one, "state": {}, "param_groups": _numbered(base)}
            others.append(_others(one))
            state |= {_shift(key, first): value for key, value in one["state"].items()}
            groups += [
                {**group, "params": [i + first for i in group["params"]]}
                for group in one["param_groups"]
            ]
        saved = {"state": state, "param_groups": groups}
        return {**saved, OTHERS: others} if any(others) else saved

    def require_groups(self, groups: list[dict[str, Any]]) -> None:
        """An error unless these groups of a checkpoint are as many, and as large, as the own."""
        expected = len(self.param_groups)
        if len(groups) != expected:
            raise ValueError(
                f"the checkpoint has {len(groups)} param groups, this optimizer {expected}; "
                "it is another model's, or groups were added after it was saved"
            )
        for i, (theirs, mine) in enumerate(zip(groups, self.param_groups, strict=True)):
            if len(theirs["params"]) != len(mine["params"]):
                raise ValueError(
                    f"param group {i} has {len(theirs['params'])} parameters in the checkpoint, "
                    f"{len(mine['params'])} in this optimizer; it is another model's"
                )

    def load_state_dict(self, state_dict: State) -> None:
        """Give each optimizer its part of a state dict of all."""
        groups = list(state_dict["param_groups"])
        self.require_groups(groups)
        others = state_dict.get(OTHERS) or [_others(state_dict)] * len(self.all)
        for base, more in zip(self.all, others, strict=True):
            mine, groups = groups[: len(base.param_groups)], groups[len(base.param_groups) :]
            # Ids are numbers, or names under torch.distributed.checkpoint: torch matches by order.
            ids = {i for group in mine for i in group["params"]}
            state = {
                key: value
                for key, value in state_dict["state"].items()
                if key in ids or len(self.all) == 1
            }
            plain = {"state": state, "param_groups": mine}
            base.load_state_dict({**more, **(plain if _is_plain(base, more) else {})})


#: What torch's own state dicts have.
PLAIN = {"state", "param_groups"}
#: What others have beside that, one dict a base.
OTHERS = "sssam.others"


def _others(state_dict: State) -> dict[str, Any]:
    return {key: value for key, value in state_dict.items() if key not in PLAIN}


def _is_plain(base: Optimizer, more: dict[str, Any]) -> bool:
    # Without more keys it is a torch optimizer's, which need not have a state dict yet (ZeRO).
    return not more or base.state_dict().keys() >= PLAIN


def _numbered(base: Optimizer) -> list[dict[str, Any]]:
    """The groups as a state dict has them: the parameters by number."""
    numbers, groups = count(), base.param_groups
    return [{**group, "params": [next(numbers) for _ in group["params"]]} for group in groups]


def _has_no_rate(group: dict[str, Any]) -> bool:
    lr = group.get("lr")
    return lr is not None and float(lr) == 0


def _not_zero(gradient: Tensor) -> bool:
    return gradient.layout is not torch.strided or bool(local(gradient).any())


def _shift(key: Any, by: int) -> Any:
    return key + by if isinstance(key, int) else key
