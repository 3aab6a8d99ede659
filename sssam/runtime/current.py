"""The step at hand: how far it has come, what its calls have noted; a new one gives it up."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from torch.utils.hooks import RemovableHandle

from sssam.runtime.gradients import Left

if TYPE_CHECKING:
    from sssam.runtime.step import StepInProgress

#: How far a step has come: not begun; `will_ascend` was read; its passes are run, all at w; it
#: stands at w + e; its gradient is the base's; a closure or `passes` runs it; the base updates.
Stage = Literal["idle", "asked", "at w", "at w + e", "ready", "running", "updating"]


@dataclass(slots=True)
class Current:
    """The step at hand, from the first call that is about it until its update, or until it is lost.

    Attributes:
        stage: how far it has come.
        step: its passes, once the first of them is wanted.
        noted: the gradients that stood before the pass that is awaited, by parameter.
        scaled: whether the loop has given a `GradScaler`.
        offered: whether the scaler has been offered the update, which it may skip.
        refusal: the hook by which a further backward pass is an error, where all have been run.
    """

    stage: Stage = "idle"
    step: "StepInProgress | None" = None
    noted: dict[int, Left] = field(default_factory=dict)
    scaled: bool = False
    offered: bool = False
    refusal: RemovableHandle | None = None

    def end(self) -> None:
        """Take off what it has hooked."""
        if self.refusal is not None:
            self.refusal.remove()
