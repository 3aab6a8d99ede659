"""One trial: what it reports to the pruner, and what it keeps and tells of runs that diverged."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny import TASK

from sssam.lab import specs
from sssam.lab.cli import main
from sssam.lab.cli import search as command
from sssam.lab.search import drive, findings, objective, space, told
from sssam.lab.search.design import Design
from sssam.lab.search.findings import Candidate, Findings, Found
from sssam.lab.search.storage import Place, study
from sssam.lab.specs import Method, Record, Run

EPOCHS = 4
LONGER = TASK.model_copy(update={"epochs": EPOCHS})
METHOD = Method(label="late", kind="sssam", rho=0.3, schedule={"kind": "late", "f": 0.5})


class Reports:
    """A trial that is never pruned, and keeps what is reported."""

    def __init__(self) -> None:
        self.reported: dict[int, float] = {}

    def report(self, mean: float, step: int) -> None:
        self.reported[step] = mean

    def should_prune(self) -> bool:
        return False

    def set_user_attr(self, name: str, value: object) -> None:
        pass


def invented(run: Run, *, test: bool, on_epoch: object = None) -> Record:
    """Accuracy rises by a tenth an epoch, from 0.1 on the first seed and from 0.3 on the second."""
    start = 0.1 if run.seed == 2000 else 0.3
    curve = [
        specs.Point(
            step=epoch,
            propagations=1.0,
            train_loss=1.0,
            validation_accuracy=start + epoch / 10,
            learning_rate=0.1,
        )
        for epoch in range(1, EPOCHS + 1)
    ]
    for epoch, point in enumerate(curve, 1):
        if on_epoch is not None:
            on_epoch(SimpleNamespace(epoch=epoch, point=point))
    return Record(
        run=run,
        outcome="finished",
        steps=8,
        validation_accuracy=curve[-1].validation_accuracy,
        expected_propagations=1.5,
        propagations=1.5,
        curve=tuple(curve),
    )


def design(**values: object) -> Design:
    given = {"task": LONGER, "budget": 1.5, "seeds": (2000, 2001), **values}
    return Design.model_validate(given)


def reported(monkeypatch: pytest.MonkeyPatch, prune: str) -> dict[int, float]:
    monkeypatch.setattr(objective, "train", invented)
    monkeypatch.setattr(objective, "propose", lambda *_: METHOD)
    trial = Reports()
    assert objective.Objective(design(prune=prune), 8)(trial) == pytest.approx(0.6)
    return trial.reported


def test_after_a_seed_the_mean_so_far_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reported(monkeypatch, "seeds") == {1: pytest.approx(0.5)}


def test_epochs_are_reported_in_the_later_half_of_each_run_as_means_over_the_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = {3: 0.4, 4: 0.5}
    second = {7: (0.5 + 0.6) / 2, 8: (0.5 + 0.7) / 2}
    assert reported(monkeypatch, "epochs") == pytest.approx(first | second)


def test_an_expected_cost_that_is_off_by_a_little_is_an_error() -> None:
    record = invented(Run(task=LONGER, method=METHOD, seed=2000), test=False)
    objective.require_cost(record, design(), 8)
    near = record.model_copy(update={"expected_propagations": 1.5 + 1e-7})
    with pytest.raises(objective.CostError, match=r"is expected to cost 1\.5000001"):
        objective.require_cost(near, design(), 8)


class Lowest:
    """Draws the first of the choices and the lowest numbers, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, tuple[float, float, bool]] = {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked[name] = (low, high, log)
        return low

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str:
        return choices[0]


@pytest.mark.parametrize("draws", ["systematic", "bernoulli"])
def test_rho_is_log_uniform_over_the_range_and_steps_are_drawn_as_asked(draws: str) -> None:
    draw = Lowest()
    method = space.propose(draw, design(rho=(0.05, 0.5), draws=draws), 8)
    assert draw.asked["rho"] == (0.05, 0.5, True)
    assert (method.rho, method.options) == (0.05, {"draws": draws})


def test_a_trial_keeps_that_its_runs_diverged_and_every_account_of_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = design(task=TASK, budget=2.0, rho=(1e5, 1e6))  # SAM at every step, much too far
    place = Place(str(tmp_path / "search.journal"))
    drive.search([one], place, 2)
    found = findings.read([one], place)
    for candidate in found.searches[0].candidates:
        assert candidate.end == "complete"
        assert candidate.outcomes == ("diverged", "diverged")
    assert told.sentences(found) == [
        "Runs diverged, or ended at or below chance, in trials: 2 of 2 at 2 (tpe). They count with "
        "the accuracy that they reached."
    ]
    cells = [list(column.cells) for column in told.table(found).columns]
    assert cells[2][0].endswith("% (2 runs diverged)")
    assert cells[4] == ["2 complete; 2 diverged"]
    command.tell(one, study(one, place.open()).trials[0], 1, 2)
    assert capsys.readouterr().err.strip().endswith("on 2, 2 diverged")


def test_the_best_names_its_diverged_runs_where_samplers_are_compared() -> None:
    good = Candidate(
        number=0,
        end="complete",
        method=METHOD,
        scores=(0.9, 0.8),
        outcomes=("finished", "finished"),
    )
    bad = good.model_copy(update={"scores": (0.8, 0.1), "outcomes": ("finished", "diverged")})
    searches = [
        Found(design=design(sampler=sampler), candidates=(candidate,))
        for sampler, candidate in (("tpe", good), ("random", bad))
    ]
    versus, verdict, diverged = told.sentences(Findings(searches=tuple(searches)))
    assert "(late) reached 85.00% on 2 validation seeds" in versus
    assert "(late) 45.00% (1 run diverged): +40.0 points" in versus
    assert verdict == "One pair of searches can't tell whether TPE beats random search."
    assert "in trials: 1 of 1 at 1.5 (random)." in diverged


def test_a_search_that_was_kept_before_outcomes_were_is_read_without_them() -> None:
    old = {"number": 0, "end": "complete", "scores": [0.5], "spent": [1.5]}
    candidate = Candidate.model_validate(old)
    assert (candidate.outcomes, candidate.diverged) == ((), 0)


@pytest.mark.parametrize(("trials", "confirming"), [(1, 0), (0, 1)])
def test_failures_of_trials_and_of_what_confirms_them_both_reach_the_exit_code(
    trials: int, confirming: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_search", lambda *_: None)
    monkeypatch.setattr(command, "_shown", lambda *_: trials)
    monkeypatch.setattr(command, "_confirmed", lambda *_: confirming)
    assert main(["search", "noisy-digits", "--confirm", "2", "--out", str(tmp_path)]) == 1
