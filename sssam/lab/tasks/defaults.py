"""What a comparison shows of a task unless one says otherwise: its seeds and its rows."""

from sssam.lab.specs import Method, Task
from sssam.schedules import Schedule, constant, cosine, late, linear, piecewise

#: Seeds of a comparison, unless one says otherwise: under two minutes on two cores.
DEFAULT_SEEDS = 12


def untuned_rows(task: Task) -> list[Method]:
    """The rows of a comparison, cheapest control first, before each is given its rho.

    Propagations a step: base 1 (its control has twice the steps), SAM 2, schedules 1.5, and three
    rows with the ascent pass on part of the batch, 1.03 to 1.125.
    """
    return [
        Method(label="base", kind="base"),
        Method(label="base 2x steps", kind="base", length=2),
        Method(label="SAM", kind="sam"),
        _scheduled("SS-SAM constant", constant(0.5)),
        _scheduled("SS-SAM piecewise", piecewise([0.5], [0.2, 0.8])),
        _scheduled("SS-SAM linear", linear(0.0, 1.0)),
        _scheduled("SS-SAM cosine", cosine(0.0, 1.0)),
        _scheduled("SS-SAM late half", late(0.5)),
        Method(label="SAM 1/8 ascent", kind="sam", options={"ascent_fraction": 1 / 8}),
        _scheduled("late half 1/8 ascent", late(0.5), ascent_fraction=1 / 8),
        Method(label="SAM 1/32 ascent", kind="sam", options={"ascent_fraction": 1 / 32}),
    ]


def _scheduled(label: str, schedule: Schedule, **options: bool | int | float | str) -> Method:
    return Method(label=label, kind="sssam", schedule=schedule.to_dict(), options=options)
