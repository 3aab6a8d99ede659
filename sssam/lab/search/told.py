"""What was found, in words and as a table: with how many trials and seeds, and their spread."""

import statistics
from collections.abc import Sequence

from rich.table import Table
from scipy import stats as scipy_stats

from sssam.lab import stats
from sssam.lab.comparison.contrasts import differences
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.text import counted, listed, signed
from sssam.lab.search.findings import Candidate, Findings, Found
from sssam.lab.stats import Interval

#: Trials that TPE draws at random before it learns: those of both samplers are left out.
STARTUP = 10


def table(findings: Findings) -> Table:
    """The best of each search, a line each; a star marks the Pareto front."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    shown.caption, shown.caption_justify = "* on the Pareto front over budgets", "left"
    for name in ("budget", "sampler", "validation", "s, points", "trials", "rho", "schedule"):
        shown.add_column(name, overflow="fold")
    front = [candidate for _, candidate in findings.front()]
    for found in findings.searches:
        best = found.best()
        star = "*" if best is not None and any(best is each for each in front) else ""
        cells = ["none"] + [""] * 3 if best is None else _cells(best)
        shown.add_row(
            f"{found.design.budget:g}{star}",
            found.design.sampler,
            *cells[:2],
            _ends(found),
            *cells[2:],
        )
    return shown


def _cells(best: Candidate) -> list[str]:
    method = best.method
    scheduled = "" if method is None else repr(method.scheduling_function())
    whole = method is None or method.ascent_fraction == 1
    part = "" if method is None or whole else f", ascents on {method.ascent_fraction:g} of a batch"
    spread = f"{100 * statistics.stdev(best.scores):.2f}" if len(best.scores) > 1 else ""
    return [
        _reached(best),
        spread,
        "" if method is None else f"{method.rho:g}",
        scheduled + part,
    ]


def _reached(candidate: Candidate) -> str:
    """The mean accuracy, and what it is not when runs diverged: that of a method that works."""
    lost = f" ({counted(candidate.diverged, 'run')} diverged)" if candidate.diverged else ""
    return f"{100 * candidate.mean:.2f}%{lost}"


def _ends(found: Found) -> str:
    numbers = {end: found.number(end) for end in ("complete", "pruned", "failed")}
    told = ", ".join(f"{number} {end}" for end, number in numbers.items() if number) or "none"
    diverged = sum(candidate.diverged > 0 for candidate in found.candidates)
    return f"{told}; {diverged} diverged" if diverged else told


def sentences(findings: Findings) -> list[str]:
    """Whether TPE beat random search, and what an early look at a run would have told."""
    told, apart = [], []
    for budget in findings.budgets:
        found, random = findings.at(budget, "tpe"), findings.at(budget, "random")
        if found and random and (best := found.best()) and (other := random.best()):
            difference = stats.paired(_points(best), _points(other))
            apart.append(difference.mean)
            told.append(_versus(found, random, best, other, difference))
    if apart:
        told.append(_verdict(apart))
    told.extend(text for found in findings.searches if (text := _foresight(found)))
    if diverging := _diverged(findings):
        told.append(diverging)
    return told


def _diverged(findings: Findings) -> str:
    """In how many trials runs diverged: they count with what they reached, as all others."""
    by_search = [
        f"{lost} of {len(found.candidates)} at {found.design.budget:g} ({found.design.sampler})"
        for found in findings.searches
        if (lost := sum(candidate.diverged > 0 for candidate in found.candidates))
    ]
    if not by_search:
        return ""
    return (
        f"Runs diverged, or ended at or below chance, in trials: {', '.join(by_search)}. They "
        "count with the accuracy that they reached."
    )


def fresh(comparison: Comparison, budgets: Sequence[float]) -> list[str]:
    """TPE's best against that of random search on a comparison's seeds and test set."""
    told = []
    for budget in budgets:
        mine, theirs = (_row(comparison, f"{word} {budget:g} (") for word in ("found", "random"))
        lost = [row.label for row in (mine, theirs) if row and _came_to_nothing(row)]
        if lost:
            told.append(
                f"On fresh seeds, at {budget:g}: no run of {listed(lost)} finished, so nothing is "
                "claimed of what was found there."
            )
        elif mine and theirs and (apart := differences(mine, theirs)):
            difference = stats.interval(apart)
            told.append(
                f"On fresh seeds and the test set, at {budget:g}: {mine.label} less {theirs.label} "
                f"is {signed(difference.mean)} points, paired{_ends_of(difference)}."
            )
    return told


def _came_to_nothing(row: Variant) -> bool:
    """Whether all runs of a row diverged or failed."""
    return not row.runs.finished and row.runs.diverged + row.runs.failed > 0


def _row(comparison: Comparison, start: str) -> Variant | None:
    return next((row for row in comparison.variants if row.label.startswith(start)), None)


def _points(candidate: Candidate) -> list[float]:
    return [100 * score for score in candidate.scores]


def _versus(
    found: Found, random: Found, best: Candidate, other: Candidate, difference: Interval
) -> str:
    seeds = len(best.scores)
    return (
        f"At {found.design.budget:g} propagations the best of {len(found.candidates)} TPE trials "
        f"({best.family}) reached {_reached(best)} on {seeds} validation seeds, that of "
        f"{len(random.candidates)} random trials ({other.family}) {_reached(other)}: "
        f"{signed(difference.mean)} points, paired{_ends_of(difference)}."
        f"{_learned(found, random)}"
    )


def _ends_of(difference: Interval) -> str:
    if difference.low is None or difference.high is None:
        return ""
    return f" (95% {signed(difference.low)} to {signed(difference.high)}, n = {difference.n})"


def _learned(found: Found, random: Found) -> str:
    """Where the samplers looked: by the first seed, which pruned trials have too."""
    looked = [
        [100 * c.scores[0] for c in each.candidates[STARTUP:] if c.scores]
        for each in (found, random)
    ]
    if min(map(len, looked)) < 2:
        return ""
    mine, theirs = looked
    chance = scipy_stats.mannwhitneyu(mine, theirs).pvalue
    return (
        f" From trial {STARTUP + 1} on, the median on the first seed was "
        f"{statistics.median(mine):.1f}% for TPE (n = {len(mine)}) and "
        f"{statistics.median(theirs):.1f}% for random (n = {len(theirs)}); Mann-Whitney p "
        f"{chance:.2g}, as if trials were independent."
    )


def _verdict(apart: list[float]) -> str:
    """Over budgets: the one place where searches are repeated."""
    over = stats.interval(apart)
    n = len(apart)
    if n < 2 or over.low is None or over.high is None:
        return "One pair of searches can't tell whether TPE beats random search."
    word = (
        "beat" if over.above_zero else "did not beat" if over.below_zero else "is not shown to beat"
    )
    return (
        f"Over {n} budgets, one search each, TPE {word} random search of as many trials: "
        f"{signed(over.mean)} points between the bests, s = {statistics.stdev(apart):.2f}, "
        f"95% {signed(over.low)} to {signed(over.high)}. Both bests were chosen for being so: "
        "fresh seeds tell more (--confirm)."
    )


def _foresight(found: Found) -> str:
    """How well accuracy on the way ranks trials as their end does, on the first seed."""
    epochs = found.design.epochs
    whole = [c.curve for c in found.candidates if len(c.curve) == epochs]
    if epochs < 4 or len(whole) < STARTUP:
        return ""
    at = [epochs // 4, epochs // 2, 3 * epochs // 4]
    ends = [curve[-1] for curve in whole]
    ranks = [_correlation([curve[epoch - 1] for curve in whole], ends) for epoch in at]
    marks = ", ".join(f"{rank:.2f}" for rank in ranks)
    return (
        f"At {found.design.budget:g} ({found.design.sampler}), accuracy after a quarter, a half "
        f"and three quarters of a run ranks {len(whole)} trials as its end does with Spearman's "
        f"{marks}."
    )


def _correlation(one: list[float], other: list[float]) -> float:
    if len(set(one)) < 2 or len(set(other)) < 2:  # equal values have no ranks
        return 0.0
    return float(scipy_stats.spearmanr(one, other).statistic)
