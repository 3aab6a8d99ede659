"""What a comparison shows unless one says otherwise: controls, and a few of SAM's family."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sssam.lab.specs import Method, Run, Task
from sssam.lab.specs.names import nearest
from sssam.lab.studies import settings
from sssam.lab.studies.design import Tunable
from sssam.lab.training import methods
from sssam.schedules import Schedule, constant, late

#: Seeds of a comparison.
SEEDS = 12

#: The controls by name: the base at other lengths, each annealed over its own; averages of its
#: weights; and early stopping.
CONTROLS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "1/4": {"label": "base 1/4 length", "length": 0.25},
        "1/2": {"label": "base 1/2 length", "length": 0.5},
        "1.06": {"label": "base 1.06x length", "length": 1.0625},
        "1.5": {"label": "base 1.5x length", "length": 1.5},
        "2": {"label": "base 2x length", "length": 2},
        "ema": {"label": "base EMA", "average": "ema"},
        "swa": {"label": "base SWA", "average": "swa"},
        "early stopping": {"label": "base early stopping"},
    }
)

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
    by_epochs = {_epochs(task, each): each for each in made if _is_plain(each)}
    by_epochs.pop(task.epochs, None)
    return tuple(each for each in made if not _is_plain(each) or each in by_epochs.values())


def _control(task: Task, name: str) -> Method:
    if name not in CONTROLS:
        raise ValueError(nearest("control", name, CONTROLS))
    control = Method(kind="base", **CONTROLS[name])
    if name != "early stopping":
        return control
    return control.model_copy(update={"patience": max(1, round(PATIENCE * task.epochs))})


def _is_plain(control: Method) -> bool:
    return control.average == "none" and control.patience is None


def _epochs(task: Task, control: Method) -> int:
    return Run(task=task, method=control, seed=0).epochs


def variants() -> list[Method]:
    """SAM, and forms of SS-SAM at 1.5 and at 1.06 passes a step, each at its class's rho."""
    methods_ = [
        Method(label="SAM", kind="sam"),
        _scheduled("SS-SAM constant", constant(0.5)),
        _scheduled("SS-SAM late half", late(0.5)),
        _scheduled("late half 1/8 ascent", late(0.5), ascent_fraction=1 / 8),
    ]
    return [each.model_copy(update={"rho": methods.default_rho(each.kind)}) for each in methods_]


def tuned_variants() -> tuple[Tunable, ...]:
    """The same, each with the rho that is to be tuned."""
    return tuple(
        Tunable(method=each, axes={"rho": settings.radii(each.kind)}) for each in variants()
    )


def _scheduled(label: str, schedule: Schedule, **options: bool | int | float | str) -> Method:
    return Method(label=label, kind="sssam", schedule=schedule.to_dict(), options=options)
