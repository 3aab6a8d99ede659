"""From what was found to a study that confirms it: fresh seeds, and the test set once a run."""

from collections.abc import Iterator

from sssam.lab import tuned
from sssam.lab.search.findings import Candidate, Findings
from sssam.lab.search.space import FREE, NAMED
from sssam.lab.specs import Method, Task
from sssam.lab.studies import rows as variants
from sssam.lab.studies.design import Grid, Part, Study


def study(findings: Findings, seeds: int) -> Study:
    """The base optimizer, SAM at its tuned rho, and for each budget the rows that were found.

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
    task = findings.searches[0].design.task
    values = tuned.read(task)
    known = variants.default_rows(task, values)
    references = [row for row in known if row.label in ("base", "SAM")]
    part = Part(
        task=task,
        rows=tuple(Grid(method=method) for method in [*references, *rows]),
        note=_note(findings),
        untuned=("SAM",) if values is None else (),
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
        f"comparison does not use, among trials of sssam search: {trials}. {_of_sam(design.task)}"
    )


def _of_sam(task: Task) -> str:
    values = tuned.read(task)
    if values is None:
        return "SAM's rho is the default of its class."
    told = f"SAM's rho is the one that `{values.command}` chose"
    if values.chosen_for(task):
        return f"{told}."
    return f"{told}, which was not for this task as it is: SAM could do better with another."
