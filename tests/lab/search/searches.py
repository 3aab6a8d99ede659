"""Searches of the tiny task, and records that are made without training."""

import random
from collections.abc import Mapping, Sequence

from tiny import TASK

from sssam.lab.search import Design
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


def invented(run: Run, **_: object) -> Record:
    """A record without training: the nearer rho is to 0.2, the better; more on later seeds."""
    accuracy = 0.9 / (1 + abs(run.method.rho - 0.2)) + (run.seed - 2000) / 1000
    return Record(run=run, outcome="finished", steps=STEPS, validation_accuracy=accuracy)


class Records:
    """Gives invented records; of each call it keeps the runs, and of each run it makes one record.

    `stops` are the numbers of the runs, counted from 0, at which it is interrupted, once each.
    """

    def __init__(self, stops: Sequence[int] = ()) -> None:
        self.made: dict[str, Record] = {}
        self.calls: list[list[Run]] = []
        self.stops, self.trained = set(stops), 0

    def __call__(self, runs: Sequence[Run]) -> Mapping[str, Record]:
        self.calls.append(list(runs))
        for run in reversed(runs):
            if run.id not in self.made:
                if self.trained in self.stops:
                    self.stops.remove(self.trained)
                    raise KeyboardInterrupt
                self.made[run.id] = self.record(run)
                self.trained += 1
        return self.made

    def record(self, run: Run) -> Record:
        return invented(run)
