"""Records as a study of noisy digits would leave them, made without training."""

import math
import random
from collections.abc import Mapping, Sequence

from sssam.lab.specs import DataSpec, Environment, Method, ModelSpec, Point, Record, Run, Task
from sssam.schedules import Schedule, constant, cosine, late, linear, piecewise

TASK = Task(
    name="noisy-digits",
    data=DataSpec(name="digits", train=1000, validation=397, label_noise=0.4),
    model=ModelSpec(name="mlp", widths=(256, 256)),
)
STEPS = 16


def scheduled(label: str, schedule: Schedule, **values: float) -> Method:
    chosen = {"rho": 0.4, **values}
    return Method(label=label, kind="sssam", schedule=schedule.to_dict(), **chosen)


METHODS = (
    Method(label="base", kind="base"),
    Method(label="base 2x steps", kind="base", length=2),
    Method(label="SAM", kind="sam", rho=0.4),
    scheduled("SS-SAM constant", constant(0.5)),
    scheduled("SS-SAM piecewise", piecewise([0.5], [0.2, 0.8])),
    scheduled("SS-SAM linear", linear(0.0, 1.0)),
    scheduled("SS-SAM cosine", cosine(0.0, 1.0)),
    scheduled("SS-SAM late half", late(0.5)),
    Method(label="SAM 1/8 ascent", kind="sam", rho=0.4, options={"ascent_fraction": 1 / 8}),
    scheduled("late half 1/8 ascent", late(0.5), options={"ascent_fraction": 1 / 8}),
    Method(label="SAM 1/32 ascent", kind="sam", rho=0.4, options={"ascent_fraction": 1 / 32}),
)

#: Mean test accuracies of the pilot in the project's notes, by label.
ACCURACY = {
    "base": 86.6,
    "base 2x steps": 86.1,
    "SAM": 93.4,
    "SS-SAM constant": 93.3,
    "SS-SAM piecewise": 93.35,
    "SS-SAM linear": 93.4,
    "SS-SAM cosine": 93.45,
    "SS-SAM late half": 93.4,
    "SAM 1/8 ascent": 93.5,
    "late half 1/8 ascent": 93.3,
    "SAM 1/32 ascent": 92.2,
}

ENVIRONMENT = Environment(
    time="2026-11-24T14:00:00+00:00",
    processor="a processor",
    cores=2,
    threads=1,
    device="cpu",
    platform="Linux",
    versions={"python": "3.13.1", "torch": "2.13.0"},
)


def records(
    methods: Sequence[Method] = METHODS,
    seeds: Sequence[int] = range(20),
    accuracy: Mapping[str, float] = ACCURACY,
    spread: float = 0.5,
    task: Task = TASK,
) -> list[Record]:
    return [record(m, s, accuracy.get(m.label, 90.0), spread, task) for m in methods for s in seeds]


def record(method: Method, seed: int, accuracy: float, spread: float, task: Task = TASK) -> Record:
    source = random.Random(f"{method.label}/{seed}")
    common = random.Random(seed).gauss(0, 1.0)
    steps = round(STEPS * task.epochs * method.length)
    asked = probabilities(method, steps)
    taken = [p > source.random() for p in asked]
    extra = method.ascent_fraction
    propagations = 1 + extra * sum(taken) / steps
    reached = (accuracy + common + source.gauss(0, spread)) / 100
    return Record(
        run=Run(task=task, method=method, seed=seed),
        outcome="finished",
        steps=steps,
        train_loss=0.6,
        validation_accuracy=reached,
        test_accuracy=reached,
        ascended=hex(sum(1 << t for t, yes in enumerate(taken) if yes)),
        propagations=propagations,
        expected_propagations=1 + extra * sum(asked) / steps,
        seconds=0.5 * steps / STEPS / 40 * propagations * (1 + 0.02 * source.random()),
        curve=tuple(points(taken, extra, reached, steps)),
        environment=ENVIRONMENT,
    )


def probabilities(method: Method, steps: int) -> list[float]:
    schedule = method.scheduling_function()
    if schedule is not None:
        return [schedule.at(t, steps) for t in range(steps)]
    return [0.0 if method.kind == "base" else 1.0] * steps


def points(taken: Sequence[bool], extra: float, reached: float, steps: int) -> list[Point]:
    ends = range(STEPS, steps + 1, STEPS)
    return [
        Point(
            step=end,
            propagations=end + extra * sum(taken[:end]),
            train_loss=0.4 + 2 * math.exp(-4 * end / steps) + (1 - reached),
            validation_accuracy=reached * (1 - math.exp(-6 * end / steps)),
            learning_rate=0.1,
        )
        for end in ends
    ]
