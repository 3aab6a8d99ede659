"""The claims on fine-tuning of ../PLAN.md, computed from the records that are kept.

    python studies/evidence/fine_tuning.py

Each line is a difference in relative reduction of the error, in percent of the base's errors, with
a 95% interval: on each task; the mean over the three of the claim, with equal weights; over those
whose base is done, on which twice the training is not clearly above it; over all that have it; and
over those but sequences-long, which SAM harms. fine-tune-averages and verbs have no SWA. At the end
the means over all tasks once more, a task that was run again as the mean of its studies.
"""

import gzip
from pathlib import Path

from sssam.lab import stats
from sssam.lab.comparison.results import Results, contrast, results
from sssam.lab.specs import Record
from sssam.lab.stats import Interval
from sssam.lab.studies import conduct

HERE = Path(__file__).parent
CLAIMED = ("fine-tune-swapped", "glosses", "sequences")
STUDIES = (*CLAIMED, "fine-tune-averages", "sequences-long", "verbs")
#: The studies that ran a task again, with weights pre-trained and a recipe tuned anew.
AGAIN = {
    "fine-tune-averages": ("fine-tune-seconds",),
    "glosses": ("schedules-glosses", "ire-glosses"),
    "verbs": ("schedules-verbs", "field-verbs"),
}
FORMS = ("late half 1/8, EMA", "late quarter 1/4, EMA")
CONTROLS = (
    "base",
    "SAM",
    "SAM, EMA",
    "base 2x length",
    "base 2x length, EMA",
    "base EMA",
    "base SWA",
)
Reached = dict[str, Results]


def reached(folder: Path) -> Reached:
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


def less(study: Reached, one: str, other: str) -> Interval | None:
    """The difference of two variants in percent of the base's errors; None without one of them."""
    if one not in study or other not in study:
        return None
    difference = contrast([(1, study[one]), (-1, study[other])])
    return difference.scaled(100 / (100 - study["base"].accuracy.mean()))


def is_done(study: Reached) -> bool:
    """Whether twice the training is not clearly above the base."""
    longer = less(study, "base 2x length", "base")
    return longer is not None and not longer.above_zero


def repeated(studies: dict[str, Reached], form: str, control: str) -> list[Interval | None]:
    """For each task the difference, of one that was run again the mean of its studies."""
    every = list[Interval | None]()
    for name, study in studies.items():
        named = (study, *(reached(HERE / again) for again in AGAIN.get(name, ())))
        parts = [less(each, form, control) for each in named]
        known = [each for each in parts if each is not None]
        every.append(stats.pooled(known) if known else None)
    return every


def mean(parts: list[Interval | None]) -> str:
    """Over the tasks that have it: how many, the mean and its one-sided p-value."""
    known = [each for each in parts if each is not None]
    whole = stats.pooled(known)
    return f"{len(known)} tasks: {shown(whole)}, p {whole.above(0.0):.4f}"


def shown(each: Interval | None) -> str:
    """As text."""
    return "" if each is None else f"{each.mean:+.2f} [{each.low:+.2f}, {each.high:+.2f}]"


def main() -> None:
    """Prints the table."""
    studies = {name: reached(HERE / name) for name in STUDIES}
    print("form less control", *studies, "claim", "base done", "all", "all but one", sep=" | ")
    for form, control in [(form, control) for form in FORMS for control in CONTROLS]:
        found = {name: less(study, form, control) for name, study in studies.items()}
        claim = mean([found[name] for name in CLAIMED])
        done = mean([found[name] for name, study in studies.items() if is_done(study)])
        every = mean([*found.values()])
        rest = mean([each for name, each in found.items() if name != "sequences-long"])
        means = (claim, done, every, rest)
        print(f"{form} - {control}", *map(shown, found.values()), *means, sep=" | ")
    for control in ("base", "base EMA", "base 2x length, EMA"):
        parts = repeated(studies, FORMS[0], control)
        print(f"{FORMS[0]} - {control}, repeated", *map(shown, parts), mean(parts), sep=" | ")


if __name__ == "__main__":
    main()
