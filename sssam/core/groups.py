"""What the param groups of any base optimizer say, by the conventions of those who write them."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sssam.core.passes import Perturbation, distinct

#: A group's own radius. Not "rho": Adadelta has one that is none, and other SAMs leave theirs.
RADIUS = "sssam_rho"
#: What the names of the entries begin with that a checkpoint adds to groups and state.
PREFIX = "sssam."


def step_length(group: dict[str, Any]) -> float | Tensor:
    """How far an update goes along a gradient of length 1, as far as the group says: lr, or lr d.

    d is the distance that Prodigy and D-Adaptation estimate, with an lr of about 1.

    Raises:
        ValueError: the group has no learning rate, or one that is no length.
    """
    lr = group.get("lr")
    if lr is None or group.get("relative_step"):
        raise ValueError(
            f"the base optimizer's param group has lr={lr!r}"
            + (", relative_step=True" if group.get("relative_step") else "")
            + ": this method makes a step of its own along a gradient, whose length it can't know. "
            "Give the base an lr (Adafactor: relative_step=False, lr=1e-3), or use SAM"
        )
    length: float | Tensor = lr * group.get("d", 1.0)
    return length


def base_step(x: Mapping[int, Tensor], groups: list[dict[str, Any]]) -> Perturbation:
    """-lr x: how far a plain update goes along x, each part by the lr of its group."""
    lengths = [step_length(group) for group in distinct([groups[i] for i in x])]
    if all(isinstance(length, float) and length == lengths[0] for length in lengths):
        return Perturbation({**x}, factor=-float(lengths[0]) if x else 1.0)
    return Perturbation({i: part * -step_length(groups[i]) for i, part in x.items()})


def require_no_foreign_radius(group: dict[str, Any], defaults: dict[str, Any]) -> None:
    """An error for an entry "rho" that no one reads: the base has none of its own.

    Raises:
        ValueError: naming the entry that is read.
    """
    if "rho" in group and "rho" not in defaults:
        raise ValueError(
            f"a param group has rho={group['rho']!r}, which nobody reads: a group's own radius is "
            f"its entry {RADIUS!r}; write that, or delete group['rho'] (another SAM's checkpoint "
            "leaves one)"
        )
