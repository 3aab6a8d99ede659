"""Asks Optuna for trials, has them trained, tells it how they did: all in memory.

A search keeps nothing but the records of its runs. Its sampler is seeded and learns in the order of
the trials, so the same call asks for the same runs: those that have a record answer at once, and it
goes on with the others. What it asks does not depend on how many are trained at a time.
"""

from collections.abc import Mapping, Sequence

import optuna
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from sssam.lab.search.design import Design, propose
from sssam.lab.search.results import Candidate, Results, Searched, candidate
from sssam.lab.specs import Method, Record, Run
from sssam.lab.specs.seeds import derived
from sssam.lab.studies.tune import Train

_STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


def search(designs: Sequence[Design], trials: int, train: Train) -> Results:
    """Searches by all designs at once, a generation of each after the other.

    Equal designs give equal results, stopped or not, whatever trains them and how many at a time.
    A search of more trials begins with those of a search of fewer.

    Args:
        designs: a search each, of one task.
        trials: of each search, at least 1.
        train: gives the records of runs by id, trained on validation data alone, such as
            `sssam.lab.runs.trainer.Trainer`; what it raises goes on.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searches = [_Search(design) for design in designs]
    while any(len(each.candidates) < trials for each in searches):
        for each in searches:
            each.ask(trials)
        records = dict(train([run for each in searches for run in each.first_runs()]))
        records |= train([run for each in searches for run in each.further_runs(records)])
        for each in searches:
            each.tell(records)
    ranked = sorted(searches, key=lambda each: each.design.budget)
    found = (Searched(design=s.design, candidates=tuple(s.candidates)) for s in ranked)
    return Results(searches=tuple(found))


class _Search:
    """One search: the trials that ended, and the generation that is asked for."""

    def __init__(self, design: Design) -> None:
        self.design, self.total_steps = design, design.total_steps()
        self.study = optuna.create_study(direction="maximize", sampler=sampler(design))
        self.candidates: list[Candidate] = []
        self.asked: list[tuple[optuna.Trial, Method]] = []
        self.kept: list[Method] = []

    def ask(self, trials: int) -> None:
        """Draws the next generation, of so many trials in all."""
        number = min(self.design.generation, trials - len(self.candidates))
        asked = (self.study.ask() for _ in range(number))
        self.asked = [(each, propose(each, self.design, self.total_steps)) for each in asked]

    def first_runs(self) -> list[Run]:
        """The runs on the first seed."""
        return [self._first(method) for _, method in self.asked]

    def further_runs(self, records: Mapping[str, Record]) -> list[Run]:
        """The runs on the other seeds, of the methods that did best on the first."""
        methods = [method for _, method in self.asked]
        first = [records[self._first(method).id].validation_accuracy or 0.0 for method in methods]
        ranked = sorted(range(len(methods)), key=lambda i: -first[i])  # of equal ones the first
        self.kept = [methods[i] for i in sorted(ranked[: -(-len(ranked) // 2)])]
        return [self.design.run(m, seed) for seed in self.design.seeds[1:] for m in self.kept]

    def tell(self, records: Mapping[str, Record]) -> None:
        """Tells the sampler how the generation did, in the order in which it was drawn."""
        for trial, method in self.asked:
            pruned = method not in self.kept and len(self.design.seeds) > 1
            seeds = self.design.seeds[:1] if pruned else self.design.seeds
            made = [records[self.design.run(method, seed).id] for seed in seeds]
            judged = candidate(method, made, pruned)
            self.candidates.append(judged)
            trial.report(judged.mean, step=0)  # a pruned trial is ranked by this
            value = judged.mean if judged.end == "complete" else None
            self.study.tell(trial, value, state=_STATES[judged.end])

    def _first(self, method: Method) -> Run:
        return self.design.run(method, self.design.seeds[0])


def sampler(design: Design) -> TPESampler:
    """The sampler of a design, seeded by what it searches.

    TPE takes trials that are asked for and have no value yet as poor, so that a generation spreads.
    """
    seed = derived("search", design.seed, f"{design.task.name}, {design.budget:g}, tpe")
    return TPESampler(seed=seed % 2**32, constant_liar=True)
