"""IRE once more: the claims of ../PLAN.md on ire-glosses and ire-mnist1d, from their records.

    python studies/evidence/ire.py

Each line is a difference in relative reduction of the error, in percent of the base's errors, with
a 95% interval; of the two claims with its one-sided p-value by Holm's method.
"""

from averages import better
from fine_tuning import HERE, less, reached, shown

from sssam.lab import stats
from sssam.lab.stats import Interval

TEXT, SCRATCH, FORM = "ire-glosses", "ire-mnist1d", "IRE, EMA"


def pairs() -> dict[str, tuple[str, str, str]]:
    """What is compared, the claims first: the study, and the labels of the two variants."""
    ire = better(SCRATCH, "IRE", FORM)
    plain = better(SCRATCH, "base", "base EMA", "base SWA")
    others = ("SAM, EMA", "late half 1/8, EMA", "base 2x length, EMA")
    return {
        "I1": (TEXT, FORM, "base EMA"),
        "I2": (SCRATCH, ire, plain),
        **{f"{TEXT}, {other}": (TEXT, FORM, other) for other in others},
        f"{SCRATCH}, base 2x length": (SCRATCH, ire, "base 2x length"),
    }


def differences() -> dict[str, Interval]:
    """In percent of the base's errors."""
    studies = {name: reached(HERE / name) for name in (TEXT, SCRATCH)}
    found = {name: less(studies[study], *two) for name, (study, *two) in pairs().items()}
    return {name: each for name, each in found.items() if each is not None}


def main() -> None:
    """Prints the table."""
    found = differences()
    adjusted = stats.holm([found[claim].above(0.0) for claim in ("I1", "I2")])
    ends = [f"{p:.4f}" for p in adjusted] + [""] * (len(found) - 2)
    for (name, (_, one, other)), end in zip(pairs().items(), ends, strict=True):
        print(name, f"{one} - {other}", shown(found[name]), end, sep=" | ")


if __name__ == "__main__":
    main()
