"""Tasks by name, and the rows that a comparison shows for each."""

from sssam.lab import data, models, tuned
from sssam.lab.data import nearest
from sssam.lab.specs import DataSpec, Method, ModelSpec, Task
from sssam.schedules import Schedule, constant, cosine, late, linear, piecewise

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="noisy-digits",
            data=DataSpec(name="digits", train=1000, validation=200, label_noise=0.4),
            model=ModelSpec(name="mlp", widths=(256, 256)),
        ),
        Task(
            name="digits",
            data=DataSpec(name="digits", train=1000, validation=200),
            model=ModelSpec(name="mlp", widths=(256, 256)),
            margin=0.5,
        ),
        Task(
            name="fashion-mnist",
            data=DataSpec(name="fashion-mnist", train=10_000, validation=2000),
            model=ModelSpec(name="mlp", widths=(256, 256)),
            epochs=20,
            batch_size=128,
        ),
        Task(
            name="cifar10",
            data=DataSpec(name="cifar10", train=5000, validation=1000),
            model=ModelSpec(name="resnet8"),
            epochs=20,
            batch_size=128,
            learning_rate=0.2,
            augment=True,
        ),
    )
}

#: Seeds of a comparison, unless one says otherwise: under two minutes on two cores.
DEFAULT_SEEDS = 12


def find(name: str, data_path: str | None = None) -> Task:
    """The task of that name, its data read from `data_path` if that is given, and identified.

    Raises:
        ValueError: no such task (with the nearest names), or data that take no path.
        FileNotFoundError: the path does not exist.
    """
    if name not in TASKS:
        raise ValueError(nearest("task", name, TASKS))
    task = TASKS[name]
    source = task.data.model_copy(update={"path": data_path})
    check(task.model_copy(update={"data": source}))
    return task.model_copy(update={"data": data.identified(source)})


def check(task: Task) -> None:
    """Refuses a task whose data or model do not exist, before anything is read or trained.

    Raises:
        ValueError: an unknown name of data or a model, with the nearest ones.
        FileNotFoundError: a data path that does not exist.
    """
    data.check(task.data)
    models.check(task.model)


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


def default_rows(task: Task) -> list[Method]:
    """The rows of a comparison, each with the rho that `sssam.lab.tune` chose for it.

    A task that was not tuned takes the values of `noisy-digits`; `tuned.read(task.name).task` says
    whose they are.

    Raises:
        ValueError: the file of tuned values lacks a row.
    """
    values = tuned.read(task.name)
    return [
        row if row.kind == "base" else row.model_copy(update={"rho": values.rho(row.label)})
        for row in untuned_rows(task)
    ]


def _scheduled(label: str, schedule: Schedule, **options: float) -> Method:
    return Method(label=label, kind="sssam", schedule=schedule.to_dict(), options=options)
