"""A comparison as a study in the frame of a tuned base and its controls would leave it."""

from collections.abc import Mapping
from types import MappingProxyType

from synthetic import ENVIRONMENT, METHODS, TASK, records

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Claim, Comparison, Variant
from sssam.lab.specs import Method, Score, Task, Timing, Tuning
from sssam.lab.stats import Interval

BASE, SAM, LATE = METHODS[0], METHODS[2], METHODS[9]
LENGTHS = (0.25, 0.5, 1.05, 1.5, 2)
CONTROLS = (
    *(Method(label=f"base {n:g}x", kind="base", length=n) for n in LENGTHS),
    Method(label="base EMA", kind="base", average="ema"),
    Method(label="base SWA", kind="base", average="swa"),
)
CHOSEN = (BASE, *CONTROLS, *METHODS[2:])
REACHED = (90.4, 91.6, 92.5, 92.8, 92.7, 92.9, 92.6)
ACCURACY = {
    "base": 92.4,
    **dict(
        zip((m.label for m in CONTROLS), (90.4, 91.6, 92.5, 92.8, 92.7, 92.9, 92.6), strict=True)
    ),
    **{m.label: 93.2 + i / 10 for i, m in enumerate(METHODS[2:])},
}


def made(accuracy: Mapping[str, float] = MappingProxyType({}), task: Task = TASK) -> Comparison:
    """All figures have data, and one variant is clearly above its control at the base's price.

    `accuracy` stands in for that of some variants, by label.
    """
    seeds = range(12)
    held = records(CHOSEN, seeds, {**ACCURACY, **accuracy}, 0.3, task)
    found = compare(task, CHOSEN, seeds, held, tuning=(tuned("base"), tuned("SAM")))
    variants = tuple(_claimed(each, i) for i, each in enumerate(found.variants))
    return found.model_copy(update={"variants": variants, "best": LATE.label})


def tuned(label: str) -> Tuning:
    """Of rho for a variant, of the weight decay for the base."""
    name = "weight_decay" if label == "base" else "rho"
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


def _claimed(variant: Variant, i: int) -> Variant:
    ratio = (variant.propagations or 1.0) + 0.04
    time = Timing(
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
    if variant.is_control:
        return (
            variant
            if variant.method.average == "none"
            else variant.model_copy(update={"time": time})
        )
    claim = Claim(
        control="base EMA",
        difference=Interval(0.1 * i - 0.5, 0.1 * i - 0.8, 0.1 * i - 0.2, 12),
        controls=("base", "base EMA"),
        hardest="base EMA",
        to_hardest=Interval(0.1 * i - 0.5, 0.1 * i - 0.8, 0.1 * i - 0.2, 12),
        p_value=0.001,
        adjusted=0.01 if i > 9 else 0.2,
    )
    return variant.model_copy(update={"time": time, "claim": claim})
