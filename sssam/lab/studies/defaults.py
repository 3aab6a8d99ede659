"""What a comparison shows unless one says otherwise: controls, and a few of SAM's family."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sssam.lab.specs import Method, Run, Task
from sssam.lab.specs.invalid import nearest
from sssam.lab.studies.design import Tunable
from sssam.lab.studies.variants import VARIANT

#: Seeds of a comparison.
SEEDS = 12

#: The controls by name: the base at other lengths, each annealed over its own; averages of its
#: weights; and early stopping.
CONTROLS: Mapping[str, Mapping[str, Any]] = {
    "1/4": {"label": "base 1/4 length", "length": 0.25},
    "1/2": {"label": "base 1/2 length", "length": 0.5},
    "1.06": {"label": "base 1.06x length", "length": 1.0625},
    "1.5": {"label": "base 1.5x length", "length": 1.5},
    "2": {"label": "base 2x length", "length": 2},
    "ema": {"label": "base EMA", "average": "ema"},
    "swa": {"label": "base SWA", "average": "swa"},
    "early stopping": {"label": "base early stopping"},
}

#: The part of a run's epochs without a better validation score after which it is stopped.
PATIENCE = 0.25


def controls(task: Task, names: Sequence[str] | None = None) -> tuple[Method, ...]:
    """The controls of these names on a task, all of them for None.

    Of those that train for equally many epochs the last is left, and none that trains for the
    base's own number.

    Raises:
        ValueError: no such control, with the nearest.
    """
    made = [_control(task, name) for name in (CONTROLS if names is None else names)]
    plain = [Run(task=task, method=each, seed=0) for each in made if each.is_plain]
    by_epochs = {run.epochs: run.method for run in plain}
    by_epochs.pop(task.epochs, None)
    return tuple(each for each in made if not each.is_plain or each in by_epochs.values())


def _control(task: Task, name: str) -> Method:
    if name not in CONTROLS:
        raise ValueError(nearest("control", name, CONTROLS))
    control = Method(kind="base", **CONTROLS[name])
    if name != "early stopping":
        return control
    return control.model_copy(update={"patience": max(1, round(PATIENCE * task.epochs))})


def _form(label: str, schedule: str, **more: Any) -> Mapping[str, Any]:
    return {"kind": "sssam", "label": label, "schedule": schedule, **more}


#: SAM, and SS-SAM at 1.5 passes a step and at 1.06: README's, and one of 1.1 of the seconds.
VARIANTS: tuple[Mapping[str, Any], ...] = (
    {"kind": "sam"},
    _form("SS-SAM constant", "constant(0.5)"),
    _form("SS-SAM late half", "late(0.5)"),
    _form("late half 1/8 ascent, EMA", "late(0.5)", ascent_fraction=1 / 8, average="ema"),
    _form("SS-SAM late sixteenth", "late(0.0625)"),
)


#: What a variant's table says of its rho: "tune", values to choose among, or nothing.
Rho = Literal["tune"] | list[float] | None


def variants(task: Task, rho: Rho = None) -> tuple[Tunable, ...]:
    """The variants on a task, each with that rho, or its class's."""
    return tuple(VARIANT.validate_python({**v, "rho": rho}).tunable(task) for v in VARIANTS)
