"""`sssam methods` and `sssam tasks`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sssam.lab.report.text import Cell


def methods() -> int:
    """List the methods: how each is named among variants, what it costs, and what it does.

    Passes are those of a step, at the settings of the class; 1 is the base's.
    """
    from sssam.lab.cli import terminal
    from sssam.lab.training import methods as building

    made = [_method(kind, each) for kind, each in building.KINDS.items() if each is not None]
    terminal.draw(made, wrapped="what it does")
    terminal.say("", "A variant is a kind, or a kind with settings: looksam:k=5,rho=0.1.")
    return 0


def tasks() -> int:
    """List the tasks that have a name: their data, training samples, model and length.

    Data beside digits are read from the hub once, or from the path that --data names. Where no
    number of samples is given, all are taken.
    """
    from sssam.lab.cli import terminal
    from sssam.lab.report.text import Cell, number
    from sssam.lab.tasks import TASKS

    rows = [
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
    terminal.draw(rows)
    others = "a file (sssam init writes one), a folder of images, a table, or hub:ORGANISATION/NAME"
    terminal.say("", f"A task is also {others}.")
    return 0


def _method(kind: str, made: type[object]) -> "list[Cell]":
    """A kind's class, its passes a step (unknown where gradients decide), and what it does."""
    import inspect

    import torch

    from sssam.lab.report.text import Cell, number
    from sssam.lab.studies import words
    from sssam.lab.tasks import TASKS
    from sssam.lab.training import methods as building

    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.LayerNorm(4))
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    (variant,) = words.parse(TASKS["digits"], [kind])
    try:
        built = building.build(variant.start, base, total_steps=10_000, seed=0, model=model)
        passes = building.expected_propagations(built)
    except ValueError:  # such as Flat-LoRA's, without LoRA layers
        passes = None
    return [
        Cell("kind", kind),
        Cell("class", made.__name__),
        number("passes", passes, "{:.3g}"),
        Cell("what it does", inspect.cleandoc(made.__doc__ or "").splitlines()[0]),
    ]
