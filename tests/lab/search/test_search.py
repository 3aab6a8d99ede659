"""Searches: asked and trained in memory, and gone on with from the records alone."""

import threading
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest
from searches import STEPS, Records, design, invented
from tiny import TASK

from sssam.lab.engines import Engine, WorkerLostError
from sssam.lab.runs import dispatch, worker
from sssam.lab.runs import store as records
from sssam.lab.runs.worker import Settings
from sssam.lab.search import Results, search
from sssam.lab.specs import Method, Record, Run
from sssam.lab.training import evaluate
from sssam.lab.training.train import train

VALIDATION = Settings(test=False)


def trainer(directory: Path, **how: object):
    """What trains a search's runs into a directory, as the command does."""

    def trained(runs):
        return dispatch.run_missing(runs, directory, VALIDATION, **how).by_id

    return trained


def test_a_search_computes_and_stores_nothing_of_the_test_set(tmp_path, monkeypatch) -> None:
    sizes: list[int] = []
    judge = evaluate.judge

    def spied(model: object, examples: object, *functions: object) -> object:
        sizes.append(len(examples))
        return judge(model, examples, *functions)

    monkeypatch.setattr(evaluate, "judge", spied)
    found = search([design()], 2, trainer(tmp_path))
    assert set(sizes) == {96, 32}  # of training and validation; the rest is the test set
    stored = records.read_all(tmp_path).by_id.values()
    assert len(stored) == 3  # the lesser of the two trials has no second seed
    for record in stored:
        assert record.validation_accuracy is not None
        assert (record.test_accuracy, record.test_size, record.test_hash) == (None, 0, "")
        assert record.correct == "0x0"
    train(found.searches[0].design.run(Method(label="base", kind="base"), 0))
    assert sizes[-1] == 1797 // 5  # a run of a comparison does measure it


def test_each_trial_costs_the_budget_in_truth(tmp_path) -> None:
    one = design(seeds=(2000,), fractions=(1.0, 0.5))
    found = search([one], 4, trainer(tmp_path)).searches[0]
    stored = records.read_all(tmp_path).by_id
    for candidate in found.candidates:
        assert candidate.end == "complete"
        record = stored[one.run(candidate.method, 2000).id]
        assert record.expected_propagations == pytest.approx(1.25, abs=1e-9)
        assert record.propagations == pytest.approx(1.25, abs=1.001 / STEPS)
        assert candidate.scores == (record.validation_accuracy,)


def test_the_value_is_the_mean_over_seeds_and_the_best_is_the_highest() -> None:
    found = search([design()], 12, Records()).searches[0]
    complete = [c for c in found.candidates if c.end == "complete"]
    assert [len(c.scores) for c in complete] == [2] * 6
    best = found.best()
    assert best.mean == max(c.mean for c in complete)
    assert best.mean == pytest.approx(sum(best.scores) / 2)


def test_the_lesser_half_of_a_generation_is_given_up_after_a_seed() -> None:
    kept = Records()
    found = search([design(generation=8)], 20, kept).searches[0]
    for start, end in ((0, 8), (8, 16), (16, 20)):
        generation = found.candidates[start:end]
        complete = [c for c in generation if c.end == "complete"]
        pruned = [c for c in generation if c.end == "pruned"]
        assert len(complete) == len(pruned) == (end - start) // 2
        assert min(c.scores[0] for c in complete) >= max(c.scores[0] for c in pruned)
        assert {len(c.scores) for c in pruned} == {1}
    assert [len(call) for call in kept.calls] == [8, 4, 8, 4, 4, 2]


def test_one_seed_leaves_nothing_to_give_up() -> None:
    found = search([design(seeds=(2000,))], 3, Records()).searches[0]
    assert [c.end for c in found.candidates] == ["complete"] * 3


def test_a_stopped_search_goes_on_as_if_it_had_not_been_and_trains_nothing_twice() -> None:
    designs = [design(generation=4), design(generation=4, budget=1.5)]
    calm, cut = Records(), Records(stops=(0, 3, 11, 12, 13, 22))
    whole, stops = search(designs, 14, calm), 0
    while True:
        try:
            found = search(designs, 14, cut)
            break
        except KeyboardInterrupt:
            stops += 1
    assert stops == 6
    assert found == whole
    assert cut.trained == calm.trained == len(calm.made)


def test_all_designs_are_searched_at_once() -> None:
    kept = Records()
    search([design(), design(budget=1.5)], 8, kept)
    assert [len(call) for call in kept.calls] == [16, 8]


def test_more_trials_go_on_where_fewer_ended() -> None:
    few, many = search([design()], 8, Records()), search([design()], 19, Records())
    assert many.searches[0].candidates[:8] == few.searches[0].candidates
    uneven = search([design()], 11, Records()).searches[0].candidates
    drawn = [c.method for c in many.searches[0].candidates]
    assert drawn[:11] == [c.method for c in uneven]
    other = search([design(seed=1)], 8, Records())
    assert other.searches[0].candidates != few.searches[0].candidates


def test_the_sampler_learns_from_one_generation_to_the_next() -> None:
    """Rho is all that counts here, and is best at 0.2."""
    first, last = 0.0, 0.0
    for seed in range(3):
        found = search([design(seeds=(2000,), seed=seed)], 64, Records()).searches[0].candidates
        far = [abs(c.method.rho - 0.2) for c in found]
        first, last = first + sum(far[:16]), last + sum(far[-16:])
    assert last < 0.6 * first


class Failing(Records):
    def record(self, run: Run) -> Record:
        if self.trained == 2:
            return Record(run=run, outcome="failed", error="Traceback\nArithmeticError: mine\n")
        return invented(run)


def test_a_trial_that_fails_says_why_and_the_search_goes_on() -> None:
    found = search([design(seeds=(2000,))], 10, Failing()).searches[0]
    (failed,) = [c for c in found.candidates if c.end == "failed"]
    assert failed.error == "Traceback\nArithmeticError: mine\n"
    assert failed is not found.best()


class Doubted(Engine):
    """Says of each worker that it was lost, though each comes to its end and writes its record."""

    def submit(self, work, *arguments) -> Future:
        work(*arguments)
        lost = Future()
        lost.set_exception(WorkerLostError())
        return lost


def test_workers_that_end_after_they_were_judged_lost_change_nothing(tmp_path, monkeypatch) -> None:
    """Workers write records; what tells the sampler is this process alone, once a trial."""
    monkeypatch.setattr(worker, "train", invented)
    designs = [design(generation=4), design(budget=1.5)]
    found = search(designs, 9, trainer(tmp_path, engine=Doubted(jobs=3)))
    assert found == search(designs, 9, Records())
    assert not list((tmp_path / ".claims").iterdir())


def test_two_searches_at_one_directory_share_the_runs(tmp_path, monkeypatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(worker, "train", lambda run, **_: begun.append(run.id) or invented(run))
    found: list[Results] = []
    one = design(generation=4)
    searches = [
        threading.Thread(target=lambda: found.append(search([one], 9, trainer(tmp_path))))
        for _ in range(2)
    ]
    for each in searches:
        each.start()
    for each in searches:
        each.join(60)
    assert found == [search([one], 9, Records())] * 2
    assert len(begun) == len(set(begun))


def test_moved_data_and_another_margin_are_the_same_runs() -> None:
    kept = Records()
    whole = search([design()], 4, kept)
    data = TASK.data.model_copy(update={"path": "/elsewhere"})
    moved = TASK.model_copy(update={"margin": 2.0, "data": data})
    again = search([design(task=moved)], 4, kept)
    assert again.searches[0].candidates == whole.searches[0].candidates
    assert kept.trained == 6


@pytest.mark.slow
def test_processes_give_what_one_process_gives(tmp_path) -> None:
    designs = [design(generation=4)]
    one, two = (partial(trainer, tmp_path / name) for name in ("one", "two"))
    assert search(designs, 6, one()) == search(designs, 6, two(engine="local:2"))
