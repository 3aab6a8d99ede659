"""How often a comparison claims what is not there: simulated studies in which no variant is better.

In every situation no variant is more accurate than the best control that costs no more, so each
established claim is false, and so is each variant that the headline names. The share of studies
with one must be at most 5%:

    python -m benchmarks.false_claims 2000 > benchmarks/false_claims.json

Accuracies are simulated, by test example where the shared test set matters; what is judged is the
laboratory's own code, from arrays to the headline.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sssam.lab import stats
from sssam.lab.comparison.claims import claimed
from sssam.lab.comparison.contrasts import contrasted
from sssam.lab.comparison.details import Outcomes
from sssam.lab.comparison.results import Results
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import DataSpec, Method, ModelSpec, Task, Tuning

TASK = Task(name="simulated", data=DataSpec(name="digits"), model=ModelSpec(name="mlp"))
BASE = 80.0  # percent
SEED, RUN = 1.0, 0.5  # standard deviations over seeds, in points: common to a seed, of each run


@dataclass(frozen=True)
class Arm:
    """One variant's truth: its mean accuracy in percent, its cost, and how its runs end.

    `diverges` are the seeds at which it ends at chance; of its worst runs `missing` are not there.
    """

    label: str
    mean: float
    cost: float
    kind: str = "msam"
    length: float = 1
    diverges: tuple[int, ...] = ()
    missing: int = 0


@dataclass(frozen=True)
class Study:
    """What is simulated; `validation` is the error of a validation accuracy, in points.

    `examples` is the size of a test set that all seeds share, 0 for one of each seed's own; `luck`
    is then how far a variant's rate of being right differs from example to example.
    """

    arms: tuple[Arm, ...]
    seeds: int = 12
    validation: float = 0.7
    examples: int = 0
    luck: float = 0.2


def base(mean: float = BASE, **ends: Any) -> Arm:
    """The base at its own length."""
    return Arm("base", mean, 1.0, "base", **ends)


def controls(*means: float) -> tuple[Arm, ...]:
    """The base at other lengths, all below the price of the variants."""
    lengths = 0.25 + 0.75 * np.arange(len(means)) / max(1, len(means))
    return tuple(
        Arm(f"base {length:g}x", mean, float(length), "base", float(length))
        for length, mean in zip(lengths, means, strict=True)
    )


def variants(number: int, mean: float = BASE, **ends: Any) -> tuple[Arm, ...]:
    """Variants at 1.06 passes."""
    return tuple(Arm(f"variant {i}", mean, 1.06, **ends) for i in range(number))


SAM = Arm("SAM", BASE, 2.0, "sam")
LARGE = Arm("SAM", BASE + 5, 2.0, "sam")
SITUATIONS: Mapping[str, Study] = {
    "plain": Study((base(), *controls(76, 77), SAM, *variants(4))),
    "shared test set": Study((base(), *controls(76, 77), SAM, *variants(4)), examples=500),
    "diverging base": Study(
        (base(diverges=(1, 4, 6, 9)), *controls(78, 79), SAM, *variants(4)),
    ),
    "diverging variants": Study(
        (base(), *controls(78, 79), SAM, *variants(4, 80, diverges=(2, 7))),
    ),
    "missing runs": Study(
        # Their worst seeds are gone: were the rest compared, they would win.
        (base(), *controls(76, 77), SAM, *variants(2), *variants(4, missing=3)[2:]),
    ),
    "SAM with a small gain": Study(
        # A control at SAM's price gains as much, and none at the variants'.
        (
            base(),
            *controls(76, 77),
            Arm("base 2x", BASE + 0.5, 2.0, "base", 2),
            Arm("SAM", BASE + 0.5, 2.0, "sam"),
            *variants(6),
        ),
    ),
    "many variants": Study((base(), *controls(76, 77), SAM, *variants(30))),
    "controls alike": Study((base(), *controls(*[80.0] * 6), SAM, *variants(6)), validation=2.0),
    "controls unlike": Study(
        # Validation data so few that the best of the controls is often not the one they choose.
        (base(), *controls(79.2, 79.5, 79.7, 79.8, 79.4), SAM, *variants(6)),
        validation=2.0,
    ),
    "at the margin of SAM": Study(
        (base(), *controls(76, 77), Arm("base 2x", 85.0, 2.0, "base", 2), LARGE, *variants(12, 84)),
    ),
    "five seeds": Study((base(), *controls(76, 77), SAM, *variants(6)), seeds=5),
}


def simulated(study: Study, rng: np.random.Generator) -> Comparison:
    """One study, judged."""
    common = rng.normal(0, SEED, study.seeds)
    rates = _rates(study, rng)
    made = [_arm(arm, study, common, rates.get(arm.label), rng) for arm in study.arms]
    tuned = Tuning(label="base", values={}, grids={}, trials=25, seeds=(100,))
    comparison = Comparison(
        task=TASK,
        seeds=tuple(range(study.seeds)),
        variants=tuple(variant for variant, _ in made),
        tuning=(tuned,),
    )
    arrays = {variant.label: results for variant, results in made}
    return claimed(contrasted(comparison, arrays), arrays)


def _rates(study: Study, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float64]]:
    """Each arm's chance of being right by example, about its mean over all examples."""
    if not study.examples:
        return {}
    return {
        arm.label: np.clip(arm.mean / 100 + rng.uniform(-1, 1, study.examples) * study.luck, 0, 1)
        for arm in study.arms
    }


def _arm(
    arm: Arm,
    study: Study,
    common: npt.NDArray[np.float64],
    rates: npt.NDArray[np.float64] | None,
    rng: np.random.Generator,
) -> tuple[Variant, Results]:
    trained = common + rng.normal(0, RUN, study.seeds)
    accuracy, right = arm.mean + trained, None
    if rates is not None:
        drawn = rng.random((study.seeds, len(rates)))
        right = (drawn < rates + trained[:, None] / 100).astype(np.float32)
        accuracy = 100 * right.mean(axis=1)
    validation = arm.mean + trained + rng.normal(0, study.validation, study.seeds)
    lost, gone = list(arm.diverges), list(np.argsort(accuracy)[: arm.missing])
    accuracy[lost], validation[lost] = 10.0, 10.0
    accuracy[gone], validation[gone] = np.nan, np.nan
    if right is not None:
        right[lost] = 0
    finished = np.ones(study.seeds, bool)
    finished[lost + gone] = False
    known = accuracy[~np.isnan(accuracy)]
    runs = Outcomes(finished=int(finished.sum()), diverged=len(lost), missing=len(gone))
    variant = Variant.model_construct(
        method=Method.model_construct(
            label=arm.label, kind=arm.kind, length=arm.length, options={}
        ),
        runs=runs,
        accuracies={},
        accuracy=stats.interval(known),
        validation=float(np.nanmean(validation)),
        cost=arm.cost,
        propagations=arm.cost / arm.length,
    )
    hashes = ("one",) * study.seeds if study.examples else tuple(map(str, range(study.seeds)))
    return variant, Results(accuracy, finished, right, hashes, ("same",) * study.seeds)


def rates(study: Study, number: int, seed: int = 0) -> dict[str, float]:
    """Of so many studies, the shares with a false claim, headline, and non-inferiority."""
    rng = np.random.default_rng(seed)
    made = [simulated(study, rng) for _ in range(number)]
    no_better = {arm.label for arm in study.arms if arm.mean <= _best_control(arm, study)}
    sam = next(arm.mean for arm in study.arms if arm.kind == "sam")
    lower = {arm.label for arm in study.arms if arm.mean <= max(sam - TASK.margin, BASE)}
    claims = [[v.label for v in c.variants if v.claim and v.claim.established] for c in made]
    near = [[v.label for v in c.variants if v.non_inferior] for c in made]
    return {
        "claims": float(np.mean([bool(no_better.intersection(each)) for each in claims])),
        "headlines": float(np.mean([c.best in no_better for c in made])),
        "non-inferior": float(np.mean([bool(lower.intersection(each)) for each in near])),
    }


def _best_control(arm: Arm, study: Study) -> float:
    return max(c.mean for c in study.arms if c.kind == "base" and c.cost <= arm.cost)


def main(number: int) -> None:
    """Prints the rates of every situation as JSON."""
    found = {name: rates(study, number) for name, study in SITUATIONS.items()}
    print(json.dumps({"studies": number, "rates": found}, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]))
