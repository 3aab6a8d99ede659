"""Schedule search: exact budgets, validation data alone, and processes that may die."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState
from synthetic import record
from tiny import TASK

from sssam.lab import specs
from sssam.lab.analysis.compare import compare
from sssam.lab.cli import main
from sssam.lab.pages import report
from sssam.lab.search import chart, confirm, drive, findings, objective, space, tally, told
from sssam.lab.search.design import Design
from sssam.lab.search.findings import Findings
from sssam.lab.search.storage import Place, mend, study
from sssam.lab.specs import Method, Record, Run
from sssam.lab.studies.design import TUNING_SEEDS
from sssam.lab.training import evaluate
from sssam.lab.training.train import train
from sssam.schedules import linear

STEPS = 9  # of the tiny task


def design(**values: object) -> Design:
    return Design.model_validate({"task": TASK, "budget": 1.25, "seeds": (2000, 2001), **values})


class Drawn:
    """Draws as a sampler might, the ends of ranges often."""

    def __init__(self, seed: int, family: str | None = None) -> None:
        self.random, self.family = random.Random(seed), family

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self.random.choice([low, high, self.random.uniform(low, high)])

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str:
        return self.family if self.family in choices else self.random.choice(choices)


def invented(run: Run, *, test: bool, on_epoch: Callable[[object], object] | None = None) -> Record:
    """A record without training: the nearer rho is to 0.2, the better; more on later seeds."""
    assert not test
    schedule = run.method.scheduling_function()
    cost = 1 + run.method.ascent_fraction * schedule.mean_probability(STEPS)
    accuracy = 0.9 / (1 + abs(run.method.rho - 0.2)) + (run.seed - 2000) / 1000
    curve = [
        specs.Point(
            step=3 * epoch,
            propagations=1.0,
            train_loss=1.0,
            validation_accuracy=accuracy * epoch / 3,
            learning_rate=0.1,
        )
        for epoch in (1, 2, 3)
    ]
    for epoch, point in enumerate(curve, 1):
        if on_epoch is not None:
            on_epoch(SimpleNamespace(epoch=epoch, point=point))
    return Record(
        run=run,
        outcome="finished",
        steps=STEPS,
        validation_accuracy=accuracy,
        expected_propagations=cost,
        propagations=cost,
        curve=tuple(curve),
    )


@pytest.fixture
def _untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective, "train", invented)


def place(folder: Path) -> Place:
    return Place(str(folder / "search.journal"))


def searched(folder: Path, trials: int, *designs: Design) -> Findings:
    drive.search(designs, place(folder), trials)
    return findings.read(designs, place(folder))


def held(one: Design, where: Place) -> optuna.Study:
    return study(one, where.open())


# --- the space


@pytest.mark.parametrize("family", space.FAMILIES)
@pytest.mark.parametrize("budget", [1.001, 1.1, 1.5, 1.9, 2.0])
def test_every_draw_costs_exactly_the_budget(family: str, budget: float) -> None:
    for total_steps in (2, 7, 640):
        for fractions in ((1.0,), (1.0, 0.5, 0.125)):
            one = design(budget=budget, fractions=fractions)
            for seed in range(8):
                method = space.propose(Drawn(seed, family), one, total_steps)
                schedule = method.scheduling_function()
                schedule.validate(total_steps)
                mean = schedule.mean_probability(total_steps)
                assert abs(1 + method.ascent_fraction * mean - budget) < 1e-12


def test_the_free_forms_keep_their_form() -> None:
    one = design(budget=1.3, knots=6)
    heights = [space.propose(Drawn(s, "pieces"), one, 640).schedule["values"] for s in range(9)]
    assert any(max(values) > 0.9 for values in heights)  # peaks are within reach
    assert any(max(values) < 0.5 for values in heights)
    for seed in range(9):
        rising = space.propose(Drawn(seed, "rising"), one, 640).schedule["values"]
        falling = space.propose(Drawn(seed, "falling"), one, 640).schedule["values"]
        assert len(rising) == 6
        assert all(a <= b + 1e-12 for a, b in pairwise(rising))
        assert all(a >= b - 1e-12 for a, b in pairwise(falling))
        steps = space.propose(Drawn(seed, "block"), one, 640).scheduling_function()
        full = [t for t, p in enumerate(steps.probabilities(640)) if p > 0.5]
        assert len(full) == 192
        assert full[-1] - full[0] == 191


def test_filled_has_the_mean_and_keeps_the_order() -> None:
    values = space.filled([0.0, 3.0, -1.0, 1.0], 0.6)
    assert sum(values) / 4 == pytest.approx(0.6, abs=1e-12)
    assert values[1] == 1.0
    assert values[2] < values[0] < values[3] <= 1.0
    assert space.filled([0.0, 5.0], 1.0) == [1.0, 1.0]


@pytest.mark.parametrize(
    ("values", "told_"),
    [
        ({"budget": 1.0}, "greater than 1"),
        ({"budget": 2.1}, "less than or equal to 2"),
        ({"seeds": ()}, "at least 1 item"),
        ({"seeds": (0,)}, "greater than or equal to 2000"),
        ({"fractions": (0.0,)}, r"must be in \(0, 1\], not 0"),
        ({"budget": 1.5, "fractions": (0.25,)}, "can cost, 1.25: name a lower budget or a larger"),
        ({"rho": (0.2, 0.1)}, "must be a range that rises"),
        ({"knots": 1}, "greater than or equal to 2"),
    ],
)
def test_what_can_not_be_searched_is_refused(values: dict[str, object], told_: str) -> None:
    with pytest.raises(ValueError, match=told_):
        design(**values)


def test_seeds_are_none_of_tunings_or_comparisons() -> None:
    with pytest.raises(ValueError, match="2000"):
        design(seeds=TUNING_SEEDS)


# --- the test set


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


# --- trials


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


# --- the storage


@pytest.mark.usefixtures("_untrained")
def test_another_search_of_the_same_name_is_refused(tmp_path: Path) -> None:
    searched(tmp_path, 1, design())
    with pytest.raises(ValueError, match="another rho, knots: search as before, or name another"):
        searched(tmp_path, 1, design(rho=(0.1, 1.0), knots=3))


@pytest.mark.usefixtures("_untrained")
def test_moved_data_and_another_margin_make_no_other_search(tmp_path: Path) -> None:
    whole = searched(tmp_path / "one", 2, design())
    searched(tmp_path / "two", 1, design())
    moved = TASK.model_copy(
        update={"margin": 2.0, "data": TASK.data.model_copy(update={"path": "/elsewhere"})}
    )
    gone_on = searched(tmp_path / "two", 2, design(task=moved)).searches[0]
    assert gone_on.candidates == whole.searches[0].candidates
    longer = TASK.model_copy(update={"epochs": 4})
    with pytest.raises(ValueError, match="with another task: "):
        searched(tmp_path / "two", 2, design(task=longer))


def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "search.journal"
    path.write_text("a diary\nof two lines\n")
    with pytest.raises(ValueError, match="no journal of a search"):
        searched(tmp_path, 1, design())
    assert path.read_text() == "a diary\nof two lines\n"


@pytest.mark.usefixtures("_untrained")
def test_a_torn_last_line_is_kept_aside_and_the_search_goes_on(tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole", 3, design())
    searched(tmp_path / "torn", 2, design())
    path = tmp_path / "torn" / "search.journal"
    with path.open("ab") as file:
        file.write(b'{"op_code":4,"wor')
    assert searched(tmp_path / "torn", 3, design()) == whole
    assert (path.parent / "aside" / "search.journal.torn").read_bytes() == b'{"op_code":4,"wor'
    before = path.read_bytes()
    mend(path)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("_untrained")
def test_a_database_gives_the_same_trials_as_a_journal(tmp_path: Path) -> None:
    where = Place(f"sqlite:///{tmp_path}/search.db")
    drive.search([design()], where, 3)
    assert findings.read([design()], where) == searched(tmp_path, 3, design())


@pytest.mark.parametrize(
    ("url", "error", "told_"),
    [
        ("sqlite:////no/such/folder/x.db", ConnectionError, "can't be"),
        ("nonsense://x", ValueError, "nonsense"),
    ],
)
def test_a_database_that_is_none_is_told_of(url: str, error: type[Exception], told_: str) -> None:
    with pytest.raises(error, match=told_):
        Place(url).open()


# --- what is told of it


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Findings:
    monkeypatch.setattr(objective, "train", invented)
    designs = [
        design(budget=budget, sampler=sampler, prune="never")
        for budget in (1.5, 1.25)
        for sampler in ("tpe", "random")
    ]
    return searched(tmp_path, 13, *designs)


def test_the_front_rises_and_holds_the_best_of_each_budget(found: Findings) -> None:
    front = found.front()
    bests = {
        budget: max(found.at(budget, s).best().mean for s in ("tpe", "random"))
        for budget in found.budgets
    }
    assert found.budgets == [1.25, 1.5]
    assert front[0] == (1.25, front[0][1])
    assert front[0][1].mean == bests[1.25]
    assert len(front) == 1 + (bests[1.5] > bests[1.25])


def test_the_sentences_give_n_and_spread(found: Findings) -> None:
    first, second, verdict, *foresight = told.sentences(found)
    assert first.startswith("At 1.25 propagations the best of 13 TPE trials (")
    assert "on 2 validation seeds, that of 13 random trials (" in first
    assert "n = 2)" in first
    assert "(n = 3) and" in first  # trials after the start-up
    assert second.startswith("At 1.5 ")
    assert verdict.startswith("Over 2 budgets, one search each, TPE ")
    assert "s = " in verdict
    assert foresight == []  # three epochs have no quarters
    alone = found.model_copy(update={"searches": found.searches[:2]})
    assert "One pair of searches can't tell" in told.sentences(alone)[1]


def test_a_difference_is_claimed_only_where_the_interval_excludes_zero() -> None:
    assert "did not beat" in told._verdict([-1.0, -1.1, -0.9])
    assert "is not shown to beat" in told._verdict([0.3, -0.1])
    assert "TPE beat random" in told._verdict([1.0, 1.1, 0.9])


def test_table_and_figure_show_every_search(found: Findings) -> None:
    table = told.table(found)
    assert table.row_count == 4
    drawn = json.dumps(chart.front(found).to_dict())
    budget, best = found.front()[-1]
    assert f"{100 * best.mean:.2f}% at {budget:g}." in chart.front(found).to_dict()["description"]
    assert drawn.count('"family"') >= 4 * 13
    nothing = found.model_copy(
        update={"searches": (found.searches[0].model_copy(update={"candidates": ()}),)}
    )
    with pytest.raises(ValueError, match="no trial is complete"):
        chart.front(nothing)
    with pytest.raises(ValueError, match="nothing to confirm"):
        confirm.study(nothing, 2)


def test_what_is_confirmed_and_on_which_seeds(found: Findings) -> None:
    study_ = confirm.study(found, 12)
    rows = [row.method for row in study_.parts[0].rows]
    assert [row.label for row in rows[:2]] == ["base", "SAM"]
    words = [row.label.split()[0] for row in rows[2:]]
    assert words[0] == "found"
    assert words[1] in ("named", "free")
    assert set(study_.seeds).isdisjoint(found.searches[0].design.seeds)
    best = found.at(1.25, "tpe").best().method
    assert rows[2].model_copy(update={"label": best.label}) == best
    named = rows[2].label.split("(")[1][:-1] in space.NAMED
    assert (words[1] == "free") == named
    assert "among trials of sssam search: 13 at 1.5 by tpe" in study_.parts[0].note


def test_rows_of_which_no_run_finished_are_not_compared(found: Findings) -> None:
    study_ = confirm.study(found, 3)
    methods = [row.method for row in study_.parts[0].rows]
    made = [
        record(m, s, 10.0, 0.1, study_.parts[0].task).model_copy(update={"outcome": "diverged"})
        for m in methods
        for s in range(3)
    ]
    compared = compare(study_.parts[0].task, methods, range(3), made)
    assert "all diverged, so nothing is claimed" in compared.headline
    lines = told.fresh(compared, found.budgets)
    assert lines
    assert all("finished, so nothing is claimed of what was found" in line for line in lines)


# --- the command


@pytest.mark.parametrize(
    ("words", "told_"),
    [
        (["--budgets", "1.1;2"], "--budgets is '1.1;2', must be numbers separated by commas"),
        (["--budgets", "1.1,1.1"], "each once"),
        (["--budgets", "1"], "budget must be above 1 and at most 2, not 1.0"),
        (["--fractions", "0.25", "--budgets", "1.5"], "name a lower budget or a larger fraction"),
        (["--rho", "0.2,0.1"], "rho must be a range"),
        (["--trials", "0"], "--trials must be at least 1, not 0"),
        (["--confirm", "0"], "--confirm must be at least 1, not 0"),
        (["--jobs", "0"], "--jobs must be at least 1, not 0"),
        (["--prune", "often"], "often"),
        (["--storage", "nonsense://x"], "nonsense"),
    ],
)
def test_bad_input_is_refused_before_training(
    words: list[str], told_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "noisy-digits", "--out", str(tmp_path), *words]) == 2
    assert told_ in capsys.readouterr().err


def test_the_command_searches_goes_on_and_confirms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = lambda _, folder, **__: SimpleNamespace(page=folder / "comparison.html")  # noqa: E731
    monkeypatch.setattr(report, "write", page)
    words = ["search", "noisy-digits", "--epochs", "1", "--budgets", "1.25", "--seeds", "1"]
    words += ["--jobs", "1", "--out", str(tmp_path), "--trials"]
    assert main([*words, "1"]) == 0
    first = capsys.readouterr()
    assert first.err.splitlines()[0].startswith("1.25 tpe: 1 of 1, ")
    assert main([*words, "2", "--confirm", "2"]) == 0
    output = capsys.readouterr()
    assert output.err.splitlines()[0].startswith("1.25 tpe: 2 of 2, ")
    assert "At 1.25 propagations the best of 2 TPE trials" in output.out
    fresh = [line for line in output.out.splitlines() if line.startswith("On fresh seeds")]
    assert len(fresh) == 1
    assert "at 1.25: found 1.25 (" in fresh[0]
    assert "n = 2)" in fresh[0]
    assert f"The page: {tmp_path / 'confirm' / 'comparison.html'}" in output.out
    kept = Findings.model_validate_json((tmp_path / "search.json").read_bytes())
    assert [len(one.candidates) for one in kept.searches] == [2, 2]
    assert (tmp_path / "front.svg").read_text().startswith("<svg")
    records = [
        Record.model_validate_json(path.read_bytes())
        for path in (tmp_path / "confirm" / "records").glob("*.json")
    ]
    assert {record.run.seed for record in records} == {0, 1}
    assert all(record.test_accuracy is not None for record in records)


def test_a_task_that_raises_fails_its_trials_and_the_exit_code_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raising(run: Run, **_: object) -> Record:
        raise ArithmeticError("the user's own")

    monkeypatch.setattr(objective, "train", raising)
    words = ["search", "noisy-digits", "--epochs", "1", "--budgets", "1.25", "--no-baseline"]
    assert main([*words, "--jobs", "1", "--trials", "2", "--out", str(tmp_path)]) == 1
    output = capsys.readouterr().err
    assert "1.25 tpe: 2 of 2" in output
    assert "failed: 1.25 tpe, trial 1: ArithmeticError: the user's own" in output
