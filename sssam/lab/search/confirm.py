"""From what was found to a study that confirms it: fresh seeds, and the test set once a run."""

from sssam.lab.search.results import Results, Searched
from sssam.lab.specs import Method
from sssam.lab.studies import settings
from sssam.lab.studies.design import Part, Study, Tunable


def study(results: Results, seeds: int) -> Study:
    """The base, SAM, whose rho is tuned, and for each budget the best method that was found.

    Args:
        results: of one task.
        seeds: how many, counted from 0; no search uses these.

    Raises:
        ValueError: no trial of any search is complete, or seeds below 1.
    """
    if seeds < 1:
        raise ValueError(f"--confirm is {seeds}, must be at least 1: the number of fresh seeds")
    methods = [method for each in results.searches for method in _best(each)]
    if not methods:
        raise ValueError("no trial is complete, so there is nothing to confirm: search on")
    task = results.searches[0].design.task
    sam = Tunable(method=Method(label="SAM", kind="sam"), axes={"rho": settings.radii("sam")})
    found = (Tunable(method=method) for method in methods)
    part = Part(task=task, variants=(sam, *found), note=_note(results))
    return Study(name=f"{task.name}-search", parts=(part,), seeds=tuple(range(seeds)))


def _best(searched: Searched) -> list[Method]:
    best = searched.best()
    if best is None:
        return []
    label = f"found {searched.design.budget:g} ({best.family})"
    return [best.method.model_copy(update={"label": label})]


def _note(results: Results) -> str:
    design = results.searches[0].design
    trials = ", ".join(
        f"{len(each.candidates)} at {each.design.budget:g}" for each in results.searches
    )
    return (
        "Schedule and rho of the variants found are those with the best mean validation accuracy "
        f"over {len(design.seeds)} seeds ({design.seeds[0]} on) that the comparison does not use, "
        f"among trials of sssam search: {trials}."
    )
