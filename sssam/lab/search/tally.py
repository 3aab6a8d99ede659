"""What became of a search's trials: those that ended, and those whose process died."""

from collections.abc import Callable
from typing import NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

#: How often a trial whose process dies is tried before it counts as failed. Being stopped is free.
TRIES = 3


class Tally(NamedTuple):
    """Trials of a search: ended (failed ones among them), failed, lost with their process, alive.

    A lost trial is tried anew, and is not counted beside its successor. `near` are alive on this
    machine.
    """

    ended: int
    failed: int
    lost: int
    alive: int
    near: int


def revive(study: optuna.Study, is_lost: Callable[[FrozenTrial], bool]) -> None:
    """Marks trials whose process died as failed, and puts each in the queue again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if is_lost(trial):
            study.tell(trial.number, state=TrialState.FAIL)
    every = study.get_trials(deepcopy=False)
    again = {trial.user_attrs.get("retry of") for trial in every}
    for trial in every:
        if is_interrupted(trial) and trial.number not in again:
            tries = trial.user_attrs.get("tries", 1) + _killed(trial)
            attributes = {"retry of": trial.number, "tries": tries}
            study.enqueue_trial(trial.params, user_attrs=attributes)


def is_interrupted(trial: FrozenTrial) -> bool:
    """Whether a trial ended with its process, and is to be tried anew."""
    given_up = trial.user_attrs.get("tries", 1) >= TRIES and _killed(trial)
    return trial.state == TrialState.FAIL and "error" not in trial.user_attrs and not given_up


def is_taken_over(study: optuna.Study, number: int) -> bool:
    """Whether a trial was judged lost, so that its successor counts in its place."""
    every = study.get_trials(deepcopy=False)
    return any(trial.user_attrs.get("retry of") == number for trial in every)


def _killed(trial: FrozenTrial) -> bool:
    """Whether the process of an interrupted trial died over it: it was begun, and not stopped."""
    return "worker" in trial.user_attrs and "stopped" not in trial.user_attrs


def count(study: optuna.Study, is_near: Callable[[FrozenTrial], bool]) -> Tally:
    """What became of a search's trials."""
    every = study.get_trials(deepcopy=False)
    lost = sum(map(is_interrupted, every))
    failed = sum(trial.state == TrialState.FAIL for trial in every) - lost
    done = sum(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in every)
    running = [trial for trial in every if trial.state == TrialState.RUNNING]
    return Tally(done + failed, failed, lost, len(running), sum(map(is_near, running)))
