"""From what was found to a study that confirms it: fresh seeds, and the test set once a run."""

from collections.abc import Iterator

from sssam.lab.search.findings import Candidate, Findings
from sssam.lab.search.space import FREE, NAMED
from sssam.lab.specs import Method
from sssam.lab.studies import settings
from sssam.lab.studies.design import Part, Study, Tunable


def study(findings: Findings, seeds: int) -> Study:
    """The base optimizer, SAM, whose rho is tuned, and for each budget the rows that were found.

    Those are TPE's best; the best of the named families, or of the free forms where TPE's best is a
    named one; and the best of random search. A method that is there already is left out.

    Args:
        findings: of one task.
        seeds: how many, counted from 0; no search uses these.

    Raises:
        ValueError: no trial of any search is complete, or seeds below 1.
    """
    if seeds < 1:
        raise ValueError(f"--confirm is {seeds}, must be at least 1: the number of fresh seeds")
    rows = list(_rows(findings))
    if not rows:
        raise ValueError("no trial is complete, so there is nothing to confirm: search on")
    sam = Tunable(method=Method(label="SAM", kind="sam"), axes={"rho": settings.radii("sam")})
    task = findings.searches[0].design.task
    part = Part(
        task=task,
        variants=(sam, *(Tunable(method=method) for method in rows)),
        note=_note(findings),
    )
    return Study(name=f"{task.name}-search", parts=(part,), seeds=tuple(range(seeds)))


def _rows(findings: Findings) -> Iterator[Method]:
    for budget in findings.budgets:
        seen: list[Method] = []
        for word, candidate in _chosen(findings, budget):
            if candidate is None or candidate.method is None:
                continue
            unlabelled = candidate.method.model_copy(update={"label": ""})
            if unlabelled not in seen:
                seen.append(unlabelled)
                label = f"{word} {budget:g} ({candidate.family})"
                yield candidate.method.model_copy(update={"label": label})


def _chosen(findings: Findings, budget: float) -> Iterator[tuple[str, Candidate | None]]:
    found, random = findings.at(budget, "tpe"), findings.at(budget, "random")
    if found is not None and (best := found.best()) is not None:
        yield "found", best
        if best.family in NAMED:
            yield "free", found.best(FREE)
        else:
            yield "named", found.best(NAMED)
    if random is not None:
        yield "random", random.best()


def _note(findings: Findings) -> str:
    design = findings.searches[0].design
    trials = ", ".join(
        f"{len(found.candidates)} at {found.design.budget:g} by {found.design.sampler}"
        for found in findings.searches
    )
    return (
        "Schedule and rho of the rows found, named, free and random are those with the best mean "
        f"validation accuracy over {len(design.seeds)} seeds ({design.seeds[0]} on) that the "
        f"comparison does not use, among trials of sssam search: {trials}."
    )
