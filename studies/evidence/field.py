"""Study C of ../PLAN.md, the field: its claims, from the records that are kept.

    python studies/evidence/field.py

Each line is a difference in relative reduction of the error, in percent of the base's errors, with
a 95% interval, and its p-value by Holm's method over the differences of the claim: C1 and C3
two-sided, C2 one-sided.
"""

from collections.abc import Sequence

from fine_tuning import HERE, Reached, less, reached, shown

from sssam.lab import stats
from sssam.lab.stats import Interval

STUDY, FORM, SAM = "field-verbs", "late half 1/8, EMA", "SAM, EMA"
#: The methods of one pass a step.
SURROGATES = ("S2SAM, EMA", "MSAM, EMA", "IRE, EMA", "SALA, EMA")
CONTROLS = ("base", "base EMA", "base SWA", "base 2x length, EMA")


def claims(study: Reached) -> dict[str, tuple[list[tuple[str, str]], bool]]:
    """The pairs that each claim compares, and whether its p-values are two-sided."""
    forms = [label for label in study if label not in CONTROLS]
    return {
        "C1": ([(FORM, each) for each in forms if each != FORM], True),
        "C2": ([(each, "base EMA") for each in forms], False),
        "C3": ([(each, SAM) for each in SURROGATES], True),
    }


def tested(
    study: Reached, pairs: Sequence[tuple[str, str]], two_sided: bool
) -> list[tuple[Interval, float]]:
    """The differences and their adjusted p-values."""
    found = [each for pair in pairs if (each := less(study, *pair)) is not None]
    above = [each.above(0.0) for each in found]
    p_values = [2 * min(p, 1 - p) for p in above] if two_sided else above
    adjusted = (p for p in stats.holm(p_values) if p is not None)
    return list(zip(found, adjusted, strict=True))


def main() -> None:
    """Prints the table."""
    study = reached(HERE / STUDY)
    for claim, (pairs, two_sided) in claims(study).items():
        for (one, other), (each, p) in zip(pairs, tested(study, pairs, two_sided), strict=True):
            print(f"{claim} {one} - {other}", shown(each), f"{p:.4f}", sep=" | ")


if __name__ == "__main__":
    main()
