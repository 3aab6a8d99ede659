"""Trials: validation data alone, exact budgets, and processes that may die."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState
from searches import STEPS, design, held, invented, place, searched
from tiny import TASK

from sssam.lab.search import findings, objective, space, tally
from sssam.lab.specs import Method, Record, Run
from sssam.lab.training import evaluate
from sssam.lab.training.train import train
from sssam.schedules import linear


def test_a_search_computes_and_stores_nothing_of_the_test_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    judge = evaluate.judge

    def spied(model: object, examples: object, *functions: object) -> object:
        sizes.append(len(examples))
        return judge(model, examples, *functions)

    monkeypatch.setattr(evaluate, "judge", spied)
    found = searched(tmp_path, 2, design())
    test_size = 1797 - 96 - 32  # all digits but those to train and to validate on
    assert set(sizes) == {96, 32}
    kept = place(tmp_path).where
    for text in (Path(kept).read_text(), found.model_dump_json()):
        for word in ("test_accuracy", "test_hash", "test_size", "correct", str(test_size)):
            assert word not in text
    train(found.searches[0].design.run(Method(label="base", kind="base"), 0))
    assert sizes[-1] == test_size  # a run of a comparison does measure it


def test_a_run_without_its_test_is_else_the_same() -> None:
    run = Run(task=TASK, method=Method(label="base", kind="base"), seed=3)
    with_test, without = train(run), train(run, test=False)
    assert with_test.test_accuracy is not None
    assert without.test_accuracy is None
    assert (without.correct, without.test_size, without.test_hash) == ("0x0", 0, "")
    assert without.curve == with_test.curve
    assert without.sample_hash == with_test.sample_hash


def test_each_trial_costs_the_budget_in_truth(tmp_path: Path) -> None:
    found = searched(tmp_path, 4, design(seeds=(2000,), fractions=(1.0, 0.5), sampler="random"))
    for candidate in found.searches[0].candidates:
        assert candidate.end == "complete"
        schedule = candidate.method.scheduling_function()
        cost = candidate.method.ascent_fraction * schedule.mean_probability(STEPS)
        assert cost == pytest.approx(0.25, abs=1e-12)
        assert candidate.spent[0] == pytest.approx(1.25, abs=1.001 / STEPS)
        assert len(candidate.curve) == TASK.epochs
        assert candidate.curve[-1] == pytest.approx(candidate.scores[0], abs=1e-6)


def test_a_run_that_costs_something_else_is_an_error() -> None:
    method = Method(label="linear", kind="sssam", schedule=linear(0, 1).to_dict())
    record = invented(Run(task=TASK, method=method, seed=2000), test=False)
    with pytest.raises(objective.CostError, match=r"at 1.25 propagations is expected to cost 1.4"):
        objective.require_cost(record, design(), STEPS)
    cost = record.expected_propagations
    drawn_more = record.model_copy(update={"propagations": cost + 2 / STEPS})
    objective.require_cost(drawn_more, design(budget=cost, draws="bernoulli"), STEPS)
    with pytest.raises(objective.CostError, match=r"cost 1\.6"):
        objective.require_cost(drawn_more, design(budget=cost), STEPS)


@pytest.mark.usefixtures("_untrained")
def test_the_value_is_the_mean_over_seeds_and_the_best_is_the_highest(tmp_path: Path) -> None:
    found = searched(tmp_path, 12, design(prune="never")).searches[0]
    assert [c.number for c in found.candidates] == list(range(12))
    best = found.best()
    assert best.mean == max(c.mean for c in found.candidates)
    assert best.mean == pytest.approx(sum(best.scores) / 2)
    assert held(found.design, place(tmp_path)).best_value == pytest.approx(best.mean)


@pytest.mark.usefixtures("_untrained")
@pytest.mark.parametrize(("prune", "seeds_of_pruned"), [("seeds", {1}), ("epochs", {0, 1})])
def test_the_lesser_half_is_given_up(tmp_path: Path, prune: str, seeds_of_pruned: set[int]) -> None:
    found = searched(tmp_path, 20, design(prune=prune, sampler="random")).searches[0]
    pruned = [c for c in found.candidates if c.end == "pruned"]
    assert 4 <= len(pruned) < 16
    assert all(c.number >= objective.UNPRUNED for c in pruned)
    assert {len(c.scores) for c in pruned} <= seeds_of_pruned
    whole = [c for c in found.candidates if c.end == "complete"]
    assert max(c.method.rho for c in whole[objective.UNPRUNED :]) < 2.0


@pytest.mark.usefixtures("_untrained")
def test_a_stopped_search_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = searched(tmp_path / "whole", 14, design(), design(sampler="random"))
    calls = iter(range(1000))

    def stopped(run: Run, **options: object) -> Record:
        if next(calls) in (3, 11, 12, 13, 22):  # the same trial may be stopped again and again
            raise KeyboardInterrupt
        return invented(run, **options)

    monkeypatch.setattr(objective, "train", stopped)
    stops = 0
    while True:
        try:
            cut = searched(tmp_path / "cut", 14, design(), design(sampler="random"))
            break
        except KeyboardInterrupt:
            stops += 1
    assert stops == 5
    assert sum(found.again for found in cut.searches) == 5
    unnumbered = [
        [[c.model_copy(update={"number": 0}) for c in found.candidates] for found in each.searches]
        for each in (whole, cut)
    ]
    assert unnumbered[0] == unnumbered[1]


@pytest.mark.usefixtures("_untrained")
def test_more_trials_go_on_where_fewer_ended(tmp_path: Path) -> None:
    searched(tmp_path / "cut", 3, design())
    assert searched(tmp_path / "cut", 11, design()) == searched(tmp_path / "one", 11, design())
    other = searched(tmp_path / "other", 11, design(seed=1))
    assert other.searches[0].candidates != searched(tmp_path / "one", 11, design())


def test_a_trial_that_raises_is_kept_and_the_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(100))

    def raising(run: Run, **options: object) -> Record:
        if next(calls) == 2:
            raise ArithmeticError("the user's own")
        return invented(run, **options)

    monkeypatch.setattr(objective, "train", raising)
    found = searched(tmp_path, 4, design()).searches[0]
    assert [c.end for c in found.candidates] == ["complete", "failed", "complete", "complete"]
    assert found.candidates[1].error.endswith("ArithmeticError: the user's own\n")
    assert found.again == 0


def test_a_trial_whose_process_dies_each_time_is_given_up(tmp_path: Path) -> None:
    one = held(design(), place(tmp_path))
    for attempt in range(tally.TRIES):
        trial = one.ask()
        space.propose(trial, design(), STEPS)
        assert trial.user_attrs.get("tries", 1) == attempt + 1
        trial.set_user_attr("worker", "anywhere")
        tally.revive(one, lambda _: True)
    tally.revive(one, lambda _: True)
    counted = tally.count(one, lambda _: True)
    assert counted == tally.Tally(ended=1, failed=1, lost=2, alive=0, near=0)
    assert len({json.dumps(trial.params) for trial in one.trials}) == 1
    last = findings.read([design()], place(tmp_path)).searches[0].candidates[0]
    assert last.error == "its process died each time that it was tried"


SHARING = """
import sys, time
from pathlib import Path
from sssam.lab.search import drive, objective
from sssam.lab.search.design import Design
from sssam.lab.search.storage import Place

role, begun = sys.argv[3], Path(sys.argv[4])

def hang(run, **options):
    begun.touch()
    time.sleep(600)

if role == "victim":
    objective.train = hang
while role == "survivor" and not begun.exists():
    time.sleep(0.1)
drive.search([Design.model_validate_json(sys.argv[1])], Place(sys.argv[2]), 4)
"""


def test_two_processes_share_a_search_and_one_that_is_killed_loses_no_trial(
    tmp_path: Path,
) -> None:
    one, where, begun = design(seeds=(2000,)), place(tmp_path), tmp_path / "begun"
    words = [sys.executable, "-c", SHARING, one.model_dump_json(), where.where]
    looked = lambda: tally.count(held(one, where), lambda _: True)  # noqa: E731
    victim, survivor = (
        subprocess.Popen([*words, role, str(begun)]) for role in ("victim", "survivor")
    )
    try:
        _wait_for(lambda: begun.exists() and looked().ended == 3, survivor)
        assert looked() == tally.Tally(ended=3, failed=0, lost=0, alive=1, near=1)
        os.kill(victim.pid, signal.SIGKILL)
        assert survivor.wait(timeout=120) == 0
    finally:
        for process in (victim, survivor):
            process.kill()
            process.wait()
    assert looked() == tally.Tally(ended=4, failed=0, lost=1, alive=0, near=0)
    trials = held(one, where).trials
    again = [trial for trial in trials if "retry of" in trial.user_attrs]
    lost = trials[again[0].user_attrs["retry of"]]
    assert lost.state == TrialState.FAIL
    assert again[0].params == lost.params
    found = findings.read([one], where).searches[0]
    assert [c.end for c in found.candidates] == ["complete"] * 4
    assert found.again == 1


def _wait_for(done: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while not done():
        assert process.poll() is None, "the process ended early"
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


@pytest.mark.parametrize("raising", [False, True])
def test_a_trial_that_ends_while_it_is_judged_lost_leaves_its_place_to_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raising: bool
) -> None:
    one, runs = design(prune="never"), list[Run]()

    def judged_lost(run: Run, **options: object) -> Record:
        runs.append(run)
        if len(runs) == 1:
            tally.revive(held(one, place(tmp_path)), lambda _: True)
            if raising:
                raise ArithmeticError("the user's own")
        return invented(run, **options)

    monkeypatch.setattr(objective, "train", judged_lost)
    found = searched(tmp_path, 3, one).searches[0]
    assert [c.end for c in found.candidates] == ["complete"] * 3
    assert found.again == 1
    assert found.candidates[0].method == runs[0].method
