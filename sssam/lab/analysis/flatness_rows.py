"""The flatness of single runs -> that of a comparison's rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from sssam.lab import stats
from sssam.lab.analysis.comparison import Comparison, RowFlatness, RowRise
from sssam.lab.analysis.headline import counted
from sssam.lab.flatness.specs import Flatness, Kept
from sssam.lab.specs import Run


def with_flatness(
    comparison: Comparison, runs: Sequence[Run], kept: Mapping[str, Kept]
) -> Comparison:
    """The comparison with its rows' flatness, and a remark on the runs that were not measured.

    Args:
        comparison: of these runs.
        runs: those of the comparison, on one task.
        kept: what was found, by run id.
    """
    by_label: dict[str, list[Flatness]] = {row.label: [] for row in comparison.rows}
    for run in sorted(runs, key=lambda run: run.seed):
        found = kept.get(run.id)
        if found is not None and found.flatness is not None:
            by_label[run.method.label].append(found.flatness)
    rows = tuple(
        row.model_copy(update={"flatness": _row(by_label[row.label])}) for row in comparison.rows
    )
    said = _remarks(comparison, [kept[run.id] for run in runs if run.id in kept])
    return comparison.model_copy(update={"rows": rows, "remarks": (*comparison.remarks, *said)})


def _row(found: Sequence[Flatness]) -> RowFlatness | None:
    if not found:
        return None
    first = found[0]
    return RowFlatness(
        n=len(found),
        samples=first.samples,
        loss=stats.interval([each.loss for each in found]),
        eigenvalue=stats.interval([each.curvature.eigenvalues[0] for each in found]),
        trace=stats.interval([each.curvature.trace for each in found]),
        rises=tuple(_rises(found)),
        seed=first.run.seed,
        curve=first.curve,
    )


def _rises(found: Sequence[Flatness]) -> list[RowRise]:
    every = sorted(
        ((rise.adaptive, rise.rho, rise.worst) for each in found for rise in each.rises),
        key=lambda rise: rise[:2],
    )
    made = []
    for (adaptive, rho), group in groupby(every, key=lambda rise: rise[:2]):
        values = [worst for *_, worst in group]
        bounded = [value for value in values if value is not None]
        worst = stats.interval(bounded) if len(bounded) == len(values) else None
        made.append(RowRise(rho=rho, adaptive=adaptive, worst=worst))
    return made


def _remarks(comparison: Comparison, kept: Sequence[Kept]) -> list[str]:
    """How many trained runs have no flatness, and why."""
    reasons = Counter(each.error for each in kept if each.error is not None)
    ended = sum(row.runs.finished + row.runs.diverged for row in comparison.rows)
    said = [
        f"The flatness of {counted(n, 'run')} could not be measured: {reason}."
        for reason, n in reasons.items()
    ]
    if unkept := ended - len(kept):
        said.append(
            f"The flatness of {counted(unkept, 'run')} is not known: they are still to be "
            "measured by `sssam compare`, or no weights of theirs are kept, as of runs that were "
            "trained before flatness was asked for; a study in another directory trains them anew."
        )
    return said
