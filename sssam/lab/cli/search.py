"""`sssam search`."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from sssam.lab.cli.options import Flag
from sssam.lab.cli.refusals import refusing, stoppable

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from sssam.lab.search.design import Design, Sampler
    from sssam.lab.search.findings import Findings
    from sssam.lab.search.storage import Place
    from sssam.lab.specs import Task


def search(
    task: str = "noisy-digits",
    *,
    budgets: str = "1.1,1.25,1.5",
    trials: int = 30,
    seeds: int = 3,
    rho: str = "0.02,2",
    fractions: str = "1",
    knots: int = 5,
    prune: Literal["seeds", "epochs", "never"] = "seeds",
    draws: Literal["systematic", "bernoulli"] = "systematic",
    baseline: Annotated[bool, Parameter(negative="--no-baseline")] = True,
    sampler_seed: int = 0,
    storage: str | None = None,
    jobs: int | None = None,
    out: Path | None = None,
    confirming: Annotated[int | None, Parameter(name="--confirm")] = None,
    epochs: int | None = None,
    data: Path | None = None,
    quiet: Flag = False,
) -> int:
    """Search for schedules, each with its rho, that bring most at a budget of propagations.

    Every trial costs exactly its budget, and is judged on validation data alone. The same command
    goes on where it was stopped, and several at one storage share the work. The exit code is 1 if
    trials or runs failed.

    Args:
        task: What is trained, as in sssam compare.
        budgets: Propagations a step, above 1 and at most 2 (SAM), separated by commas; each is a
            search of its own.
        trials: Of each search, at least 1; the same command with more goes on.
        seeds: Validation seeds of a trial, counted from 2000; at least 1.
        rho: Range of the radius, LOW,HIGH.
        fractions: Parts of a batch that the ascent pass may take, in (0, 1], separated by commas.
        knots: Pieces of the free forms, 2 to 20.
        prune: When a trial below the median of those before it is given up: after a seed, after
            epochs of the later half of a run, or never.
        draws: How the steps are drawn: systematic ones cost the budget to one step in each run.
        baseline: Also search at random, with as many trials; --no-baseline leaves that out.
        sampler_seed: Of the samplers; with --jobs 1 equal seeds give equal trials.
        storage: Journal file, or URL of a database as Optuna takes it, for many machines; default
            search.journal in the directory.
        jobs: Processes on this machine; default one for each core.
        out: Directory of the storage and of what is found; default sssam-results/TASK-search.
        confirming: Compare what was found with the base optimizer and SAM, on this many fresh seeds
            and on the test set, in the folder confirm; 10 or more tell something.
        epochs: Length of the training, at least 1; default the task's own.
        data: Where the task's data lie, for a task that does not bring its own.
        quiet: No progress and no table.
    """
    from sssam.lab.cli import arguments
    from sssam.lab.search import findings
    from sssam.lab.search.design import FIRST_SEED
    from sssam.lab.search.storage import Place

    with refusing():
        chosen = arguments.task(task, epochs, data)
        count = arguments.seeds(seeds, "validation seeds")
        shared = {
            "seeds": tuple(range(FIRST_SEED, FIRST_SEED + count)),
            "rho": tuple(numbers("--rho", rho)),
            "fractions": tuple(numbers("--fractions", fractions)),
            "knots": knots,
            "prune": prune,
            "draws": draws,
            "seed": sampler_seed,
        }
        designs = _designs(chosen, numbers("--budgets", budgets), baseline, shared)
        arguments.at_least_one("--trials", trials, "trials of each search")
        if confirming is not None:
            arguments.seeds(confirming, "fresh seeds", "--confirm")
        folder = arguments.results(chosen.name, out, "-search")
        place = Place(str(folder / "search.journal") if storage is None else storage)
        processes = arguments.processes(jobs)
    _search(designs, place, trials, processes, None if quiet else tell)
    found = findings.read(designs, place)
    code = _shown(found, folder, quiet)
    if confirming is not None:
        code = max(code, _confirmed(found, confirming, folder / "confirm", jobs, quiet))
    return code


def numbers(name: str, text: str) -> list[float]:
    """The numbers between commas, each once.

    Raises:
        ValueError: there is none, one stands twice, or something is no number.
    """
    try:
        found = [float(piece) for piece in text.split(",")]
    except ValueError:
        found = []
    if not found or len(set(found)) < len(found) or not all(map(math.isfinite, found)):
        raise ValueError(f"{name} is {text!r}, must be numbers separated by commas, each once")
    return found


def _designs(
    task: "Task", budgets: Sequence[float], baseline: bool, shared: dict[str, object]
) -> "list[Design]":
    """A search for each budget, and one at random beside it."""
    samplers: tuple[Sampler, ...] = ("tpe", "random") if baseline else ("tpe",)
    return [_design(task, budget, each, shared) for budget in budgets for each in samplers]


def _design(task: "Task", budget: float, sampler: "Sampler", shared: dict[str, object]) -> "Design":
    from pydantic import ValidationError

    from sssam.lab.search.design import Design
    from sssam.lab.specs.invalid import complaint

    values = {"task": task, "budget": budget, "sampler": sampler, **shared}
    try:
        return Design.model_validate(values)
    except ValidationError as error:
        raise ValueError(complaint(error, Design.model_fields)) from error


def _search(
    designs: "list[Design]",
    place: "Place",
    trials: int,
    jobs: int,
    on_trial: "Callable[[Design, FrozenTrial, int, int], object] | None",
) -> None:
    from sssam.lab.search import drive

    kept = f"ended trials are kept in {place.where}; the same command goes on from there"
    with refusing():
        for design in designs:
            drive.require(design, place)
    with stoppable(kept):
        drive.search(designs, place, trials, jobs, on_trial)


def tell(design: "Design", trial: "FrozenTrial", ended: int, total: int) -> None:
    """One line on a trial that ended."""
    from rich.text import Text

    from sssam.lab.cli import terminal

    _, errors = terminal.consoles()
    left = trial.user_attrs
    scores, method = left.get("scores", []), left.get("method", {})
    mean = f"{100 * sum(scores) / len(scores):.2f}% on {len(scores)}" if scores else "no seed done"
    what = f"{method.get('label', 'no method')}, rho {method.get('rho', 0):g}"
    line = f"{design.budget:g} {design.sampler}: {ended} of {total}, {what}: {mean}"
    if lost := left.get("outcomes", []).count("diverged"):
        line += f", {lost} diverged"
    if trial.state.name != "COMPLETE":
        line += f", {'failed' if trial.state.name == 'FAIL' else trial.state.name.lower()}"
    errors.print(Text(line), soft_wrap=True)


def _shown(found: "Findings", folder: Path, quiet: bool) -> int:
    """Writes and prints what was found; 1 if trials failed."""
    from rich.text import Text

    from sssam.lab.cli import terminal
    from sssam.lab.report import files
    from sssam.lab.search import chart, told
    from sssam.runtime.files import write_whole

    output, errors = terminal.consoles()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "search.json", found.model_dump_json().encode() + b"\n")
    lines = told.sentences(found)
    if not quiet:
        output.print(told.table(found))
    for line in lines:
        output.print(Text(line), soft_wrap=True)
    if found.front():
        path = files.save(chart.front(found), folder / "front.svg")
        output.print(Text(f"\nThe front: {path}; all trials: {folder / 'search.json'}"))
    failed = [(s.design, c) for s in found.searches for c in s.candidates if c.end == "failed"]
    for design, candidate in failed:
        last = (candidate.error or "unknown").strip().splitlines()[-1]
        name = f"{design.budget:g} {design.sampler}, trial {candidate.number}"
        errors.print(Text(f"failed: {name}: {last}"), soft_wrap=True)
    return 1 if failed else 0


def _confirmed(found: "Findings", seeds: int, folder: Path, jobs: int | None, quiet: bool) -> int:
    """Compares what was found, as `sssam compare` would."""
    from rich.text import Text

    from sssam.lab.cli import arguments, results, studies, terminal
    from sssam.lab.search import confirm, told
    from sssam.lab.studies import conduct

    output, errors = terminal.consoles()
    with refusing():
        meant = studies.Meant(confirm.study(found, seeds), arguments.directory(folder))
        trainer = studies.trainer(meant, None, jobs, quiet)
    decided, held = studies.conducted(meant, trainer)
    results.shown(meant, decided, held, quiet, results.repeat(str(folder)))
    for each in decided:
        compared = conduct.compared(meant.study, each, held.values())
        for line in told.fresh(compared, found.budgets):
            output.print(Text(line), soft_wrap=True)
    return results.failures(meant.study, decided, held, errors)
