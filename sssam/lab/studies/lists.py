"""The methods and the tasks that have a name, as cells of tables."""

import inspect

import torch
from torch import nn

from sssam.lab.report.cells import Cell, number
from sssam.lab.studies import words
from sssam.lab.tasks import TASKS
from sssam.lab.training import methods as building

#: Steps over which expected passes are taken.
_STEPS = 10_000


def methods() -> list[list[Cell]]:
    """Each kind of method with its class, its passes a step there, and what it does."""
    return [_method(kind, made) for kind, made in building.KINDS.items() if made is not None]


def _method(kind: str, made: type[object]) -> list[Cell]:
    return [
        Cell("kind", kind),
        Cell("class", made.__name__),
        number("passes", _passes(kind), "{:.3g}"),
        Cell("what it does", inspect.cleandoc(made.__doc__ or "").splitlines()[0]),
    ]


def _passes(kind: str) -> float | None:
    """Expected passes a step; None where the gradients decide, or other layers are needed."""
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    (variant,) = words.parse(TASKS["digits"], [kind])
    try:
        built = building.build(variant.start, base, total_steps=_STEPS, seed=0, model=model)
    except ValueError:  # such as Flat-LoRA's, without LoRA layers
        return None
    return building.expected_propagations(built)


def tasks() -> list[list[Cell]]:
    """Each task with its data, its training samples, its model and its length."""
    return [
        [
            Cell("task", task.name),
            Cell("data", task.data.name),
            number("samples", task.data.train, "{}"),
            number("label noise", 100 * task.data.label_noise, "{:.0f}%"),
            Cell("model", task.model.text),
            number("epochs", task.epochs, "{}"),
        ]
        for task in TASKS.values()
    ]
