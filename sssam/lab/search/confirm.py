"""From what was found to a study that confirms it: fresh seeds, and the test set once a run."""

from collections.abc import Iterator

from sssam.lab.search.results import Candidate, Results
from sssam.lab.search.space import FREE, NAMED
from sssam.lab.specs import Method
from sssam.lab.studies import settings
from sssam.lab.studies.design import Part, Study, Tunable


def study(results: Results, seeds: int) -> Study:
    """The base, SAM, whose rho is tuned, and for each budget the methods that were found.

    Those are TPE's best; the best of the named families, or of the free forms where TPE's best is a
    named one; and the best of random search. A method that is there already is left out.

    Args:
        results: of one task.
        seeds: how many, counted from 0; no search uses these.

    Raises:
        ValueError: no trial of any search is complete, or seeds below 1.
    """
    if seeds < 1:
        raise ValueError(f"--confirm is {seeds}, must be at least 1: the number of fresh seeds")
    methods = [method for budget in results.budgets for method in _methods(results, budget)]
    if not methods:
        raise ValueError("no trial is complete, so there is nothing to confirm: search on")
    task = results.searches[0].design.task
    sam = Tunable(method=Method(label="SAM", kind="sam"), axes={"rho": settings.radii("sam")})
    found = (Tunable(method=method) for method in methods)
    part = Part(task=task, variants=(sam, *found), note=_note(results))
    return Study(name=f"{task.name}-search", parts=(part,), seeds=tuple(range(seeds)))


def _methods(results: Results, budget: float) -> list[Method]:
    """Those of a budget, each once, labelled with why it is there."""
    chosen: dict[str, Method] = {}
    for word, candidate in _chosen(results, budget):
        if candidate is not None and candidate.method not in chosen.values():
            chosen[f"{word} {budget:g} ({candidate.family})"] = candidate.method
    return [method.model_copy(update={"label": label}) for label, method in chosen.items()]


def _chosen(results: Results, budget: float) -> Iterator[tuple[str, Candidate | None]]:
    found, random = results.at(budget, "tpe"), results.at(budget, "random")
    if found is not None and (best := found.best()) is not None:
        yield "found", best
        is_named = best.family in NAMED
        yield "free" if is_named else "named", found.best(FREE if is_named else NAMED)
    if random is not None:
        yield "random", random.best()


def _note(results: Results) -> str:
    design = results.searches[0].design
    trials = ", ".join(
        f"{len(each.candidates)} at {each.design.budget:g} by {each.design.sampler}"
        for each in results.searches
    )
    return (
        "Schedule and rho of the variants found, named, free and random are those with the best "
        f"mean validation accuracy over {len(design.seeds)} seeds ({design.seeds[0]} on) that the "
        f"comparison does not use, among trials of sssam search: {trials}."
    )
