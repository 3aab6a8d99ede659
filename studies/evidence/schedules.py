"""Study A of ../PLAN.md, the paper's schedules: its claims, from the records that are kept.

    python studies/evidence/schedules.py

Each line is a difference in relative reduction of the error, in percent of the base's errors, with
a 95% interval: on each task, and the mean over the tasks with equal weights, with the one-sided
p-value of its being above 0, or of (A1) not being below SAM by the margin. Nothing is adjusted.
"""

from collections.abc import Mapping

from fine_tuning import HERE, Reached, reached, shown

from sssam.lab import stats
from sssam.lab.comparison.results import contrast
from sssam.lab.stats import Interval

STUDIES = ("schedules-glosses", "schedules-verbs")
#: Of the base's errors, in percent: by how much a schedule may be below SAM and still reach it.
MARGIN = 0.5
#: The schedules of A1.
REACHING = ("constant 1.5", "late half", "linear rising", "cosine rising")
OTHERS = ("early half", "constant 1.25", "late quarter", "late half 1/8")
ARMS = ("SAM", *REACHING, *OTHERS)
CONTROLS = ("base", "base EMA", "base 1.5x length, EMA", "base 2x length, EMA")
Weights = Mapping[str, float]


def _less(one: str, other: str) -> Weights:
    return {f"{one}, EMA": 1.0, other: -1.0}


def claims() -> dict[str, tuple[Weights, float]]:
    """What is asked: the weight of each variant, and what the sum is to be above."""
    reaching = {f"A1 {arm} - SAM": (_less(arm, "SAM, EMA"), -MARGIN) for arm in REACHING}
    late = {
        "A2 late half - early half": (_less("late half", "early half, EMA"), 0.0),
        "A3 late half - constant 1.5": (_less("late half", "constant 1.5, EMA"), 0.0),
        "A3 late quarter - constant 1.25": (_less("late quarter", "constant 1.25, EMA"), 0.0),
    }
    others = {
        f"{arm} - {control}": (_less(arm, control), 0.0) for arm in ARMS for control in CONTROLS
    }
    return {**reaching, **late, **others}


def difference(study: Reached, weights: Weights) -> Interval:
    """The weighted sum over the variants, in percent of the base's errors."""
    whole = contrast([(weight, study[label]) for label, weight in weights.items()])
    return whole.scaled(100 / (100 - study["base"].accuracy.mean()))


def main() -> None:
    """Prints the table, of the studies whose records are kept."""
    kept = [name for name in STUDIES if (HERE / name / "records.jsonl.gz").exists()]
    studies = [reached(HERE / name) for name in kept]
    print("claim", *kept, "mean", "p", sep=" | ")
    for name, (weights, least) in claims().items():
        parts = [difference(study, weights) for study in studies]
        mean = stats.pooled(parts)
        print(name, *map(shown, parts), shown(mean), f"{mean.above(least):.4f}", sep=" | ")


if __name__ == "__main__":
    main()
