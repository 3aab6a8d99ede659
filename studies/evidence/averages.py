"""The claims of ../PLAN.md on training from scratch with a moving average of the weights.

    python studies/evidence/averages.py

Each line is a difference in relative reduction of the error, in percent of the base's errors, with
a 95% interval: on each task, and the mean over the tasks with equal weights, with the one-sided
p-value of its being above 0. SAM is the better of its last weights and their EMA by validation.
"""

import json

from fine_tuning import HERE, Reached, less, mean, reached, shown

from sssam.lab.stats import Interval

STUDIES = ("satellite-averages", "fashion-few", "mnist1d-averages")
FORM = "late half 1/8, EMA"
#: What the claims compare with, "SAM" by validation; and beside them the base.
CONTROLS = ("base EMA", "SAM", "base 2x length, EMA", "base")


def better(name: str, *labels: str) -> str:
    """Which of these variants of a study was best on validation data."""
    variants = json.loads((HERE / name / "comparison.json").read_text())["variants"]
    scores = {v["method"]["label"]: v["validation"] for v in variants}
    return max(labels, key=lambda label: scores[label])


def differences(studies: dict[str, Reached]) -> dict[str, list[Interval | None]]:
    """The form less each control, by task."""
    return {
        control: [
            less(study, FORM, better(name, "SAM", "SAM, EMA") if control == "SAM" else control)
            for name, study in studies.items()
        ]
        for control in CONTROLS
    }


def main() -> None:
    """Prints the table."""
    studies = {name: reached(HERE / name) for name in STUDIES}
    print(f"{FORM}, less", *studies, "mean", sep=" | ")
    for control, parts in differences(studies).items():
        print(control, *map(shown, parts), mean(parts), sep=" | ")


if __name__ == "__main__":
    main()
