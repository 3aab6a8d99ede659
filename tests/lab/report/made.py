"""A comparison as a study in the frame of a tuned base and its controls would leave it."""

from collections.abc import Mapping
from types import MappingProxyType

from synthetic import ENVIRONMENT, METHODS, TASK, records

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Method, Record, Run, Score, Task, Timing, Tuning

BASE, SAM, LATE, CHEAP = METHODS[0], METHODS[2], METHODS[9], METHODS[10]
LENGTHS = (0.25, 0.5, 1.05, 1.5, 2)
CONTROLS = (
    *(Method(label=f"base {n:g}x", kind="base", length=n) for n in LENGTHS),
    Method(label="base EMA", kind="base", average="ema"),
    Method(label="base SWA", kind="base", average="swa"),
)
CHOSEN = (BASE, *CONTROLS, *METHODS[2:])
REACHED = (92.4, 90.4, 91.6, 92.5, 92.8, 92.7, 92.9, 92.6)
ACCURACY = {
    **{m.label: a for m, a in zip((BASE, *CONTROLS), REACHED, strict=True)},
    **{m.label: 93.2 + i / 10 for i, m in enumerate(METHODS[2:])},
    CHEAP.label: 92.0,
}
NOTHING: Mapping[str, float] = MappingProxyType({})


def made(
    accuracy: Mapping[str, float] = NOTHING,
    task: Task = TASK,
    base: bool = True,
    over: float = 1.02,
) -> Comparison:
    """All figures have data, and the late half with a cheap ascent is clearly above the controls.

    Args:
        accuracy: stands in for that of some variants, by label.
        task: what it is of.
        base: whether the base was tuned.
        over: seconds of a variant's step over its passes.
    """
    seeds = range(12)
    found = records(CHOSEN, seeds, {**ACCURACY, **accuracy}, 0.3, task)
    tuning = (*([tuned(BASE.label)] if base else []), tuned(SAM.label))
    timings = {
        Run(task=task, method=m, seed=0).variant: timing(_passes(m, found) * over)
        for m in CHOSEN
        if m.kind != "base" or m.average != "none"
    }
    return compare(task, CHOSEN, seeds, found, tuning=tuning, timings=timings)


def tuned(label: str) -> Tuning:
    """Of rho for a variant, of the weight decay for the base."""
    name = "weight_decay" if label == BASE.label else "rho"
    grid = (0.1, 0.2, 0.4)
    scores = tuple(Score(values={name: v}, mean=0.9 + v / 10, spread=0.01) for v in grid)
    return Tuning(
        label=label,
        values={name: 0.2},
        grids={name: grid},
        trials=3,
        seeds=(1000, 1001),
        scores=scores,
    )


def timing(ratio: float) -> Timing:
    """Seconds of a step over the base's."""
    return Timing(
        ratio=ratio,
        low=ratio - 0.01,
        high=ratio + 0.01,
        quartiles=(ratio - 0.005, ratio + 0.005),
        blocks=20,
        steps=30,
        seconds=0.01 * ratio,
        base_seconds=0.01,
        environment=ENVIRONMENT,
    )


def _passes(method: Method, found: list[Record]) -> float:
    return next(r.propagations or 1.0 for r in found if r.run.method.label == method.label)
