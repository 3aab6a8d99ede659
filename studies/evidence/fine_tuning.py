"""The claim on fine-tuning of ../PLAN.md, computed from the records that are kept.

    python studies/evidence/fine_tuning.py

Each line is a difference in relative reduction of the error, in percent of the base's errors: on
each task, and their mean with equal weights, with 95% intervals.
"""

import gzip
from collections.abc import Sequence
from pathlib import Path

from sssam.lab import stats
from sssam.lab.comparison.results import Results, contrast, results
from sssam.lab.specs import Record
from sssam.lab.studies import conduct

HERE = Path(__file__).parent
CLAIMED = ("fine-tune-swapped", "glosses", "sequences")
OTHERS = ("fine-tune-averages", "sequences-long")
FORMS = ("late half 1/8, EMA", "late quarter 1/4, EMA")
CONTROLS = ("base", "SAM", "SAM, EMA", "base 2x length, EMA", "base EMA", "base SWA")


def reached(folder: Path) -> dict[str, Results]:
    """What each variant of a study reached, by its label."""
    with gzip.open(folder / "records.jsonl.gz", "rt") as lines:
        stored = {record.id: record for record in map(Record.model_validate_json, lines)}
    study = conduct.load(folder)
    (part,) = study.parts
    decided = conduct.decide(study, part, conduct.reader(stored, part.task.name))
    found: dict[str, dict[int, Record]] = {}
    for run in conduct.wanted(study, decided):
        found.setdefault(run.method.label, {})[run.seed] = stored[run.id]
    return {label: results(by_seed, study.seeds) for label, by_seed in found.items()}


def less(one: str, other: str, studies: Sequence[dict[str, Results]]) -> list[stats.Interval]:
    """The difference of two variants on each study that has both, as parts of the base's errors."""
    return [
        contrast([(1, each[one]), (-1, each[other])]).scaled(
            100 / (100 - each["base"].accuracy.mean())
        )
        for each in studies
        if one in each and other in each
    ]


def main() -> None:
    """Prints the table."""
    names = [name for name in (*CLAIMED, *OTHERS) if (HERE / name / "records.jsonl.gz").exists()]
    studies = [reached(HERE / name) for name in names]
    print("less", *names, "mean of the claim's", sep=" | ")
    for form in FORMS:
        for control in CONTROLS:
            found = [(n, less(form, control, [s])) for n, s in zip(names, studies, strict=True)]
            claim = [each for name, those in found if name in CLAIMED for each in those]
            mean = f"{shown(stats.pooled(claim))}, one-sided p {stats.pooled(claim).above(0.0):.4f}"
            cells = [shown(*those) if those else "" for _, those in found]
            print(f"{form} - {control}", *cells, mean, sep=" | ")


def shown(each: stats.Interval) -> str:
    """As text."""
    return f"{each.mean:+.2f} [{each.low:+.2f}, {each.high:+.2f}]"


if __name__ == "__main__":
    main()
