"""Searches of the tiny task, and records that are made without training."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import optuna
from tiny import TASK

from sssam.lab import specs
from sssam.lab.search import drive, findings
from sssam.lab.search.design import Design
from sssam.lab.search.findings import Findings
from sssam.lab.search.storage import Place, study
from sssam.lab.specs import Record, Run

STEPS = 9  # of the tiny task


def design(**values: object) -> Design:
    return Design.model_validate({"task": TASK, "budget": 1.25, "seeds": (2000, 2001), **values})


class Drawn:
    """Draws as a sampler might, the ends of ranges often."""

    def __init__(self, seed: int, family: str | None = None) -> None:
        self.random, self.family = random.Random(seed), family

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self.random.choice([low, high, self.random.uniform(low, high)])

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str:
        return self.family if self.family in choices else self.random.choice(choices)


def invented(run: Run, *, test: bool, on_epoch: Callable[[object], object] | None = None) -> Record:
    """A record without training: the nearer rho is to 0.2, the better; more on later seeds."""
    assert not test
    schedule = run.method.scheduling_function()
    cost = 1 + run.method.ascent_fraction * schedule.mean_probability(STEPS)
    accuracy = 0.9 / (1 + abs(run.method.rho - 0.2)) + (run.seed - 2000) / 1000
    curve = [
        specs.Point(
            step=3 * epoch,
            propagations=1.0,
            train_loss=1.0,
            validation_accuracy=accuracy * epoch / 3,
            learning_rate=0.1,
        )
        for epoch in (1, 2, 3)
    ]
    for epoch, point in enumerate(curve, 1):
        if on_epoch is not None:
            on_epoch(SimpleNamespace(epoch=epoch, point=point))
    return Record(
        run=run,
        outcome="finished",
        steps=STEPS,
        validation_accuracy=accuracy,
        expected_propagations=cost,
        propagations=cost,
        curve=tuple(curve),
    )


def place(folder: Path) -> Place:
    return Place(str(folder / "search.journal"))


def searched(folder: Path, trials: int, *designs: Design) -> Findings:
    drive.search(designs, place(folder), trials)
    return findings.read(designs, place(folder))


def held(one: Design, where: Place) -> optuna.Study:
    return study(one, where.open())
