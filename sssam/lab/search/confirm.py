"""From what was found to a study that confirms it: fresh seeds, and the test set once a run."""

from sssam.lab.search.results import Results
from sssam.lab.specs import Method
from sssam.lab.studies import settings
from sssam.lab.studies.design import Part, Study, Tunable


def study(results: Results, seeds: int) -> Study:
    """The base, SAM, whose rho is tuned, and for each budget the best method that was found.

    It has so many seeds, counted from 0, which no search uses.

    Raises:
        ValueError: no trial of any search is complete.
    """
    found = [(each.best(), each.design.budget) for each in results.searches]
    methods = [
        best.method.model_copy(update={"label": f"found {budget:g} ({best.family})"})
        for best, budget in found
        if best is not None
    ]
    if not methods:
        raise ValueError("no trial is complete, so there is nothing to confirm: search on")
    task = results.searches[0].design.task
    sam = Tunable(method=Method(label="SAM", kind="sam"), axes={"rho": settings.radii("sam")})
    variants = (sam, *(Tunable(method=method) for method in methods))
    part = Part(task=task, variants=variants, note=_note(results))
    return Study(name=f"{task.name}-search", parts=(part,), seeds=tuple(range(seeds)))


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
