"""Who tries what: several processes at one search, any of which may die."""

import platform
import re
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import optuna
from filelock import FileLock
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from sssam.lab.runs import checks, claims
from sssam.lab.search import processes
from sssam.lab.search.design import Design
from sssam.lab.search.objective import Objective, pruner
from sssam.lab.search.storage import Place, study
from sssam.lab.search.tally import Tally, count, is_taken_over, revive
from sssam.lab.specs import Method
from sssam.lab.specs.seeds import derived
from sssam.lab.specs.tuning import Value as Option
from sssam.schedules import constant

#: Seconds until a process that has nothing to do looks again at what others do.
_PAUSE = 0.5

#: Told of each trial that ended: its search, the trial, and how many ended of how many.
OnTrial = Callable[[Design, FrozenTrial, int, int], object]


def search(
    designs: Sequence[Design],
    place: Place,
    trials: int,
    jobs: int = 1,
    on_trial: OnTrial | None = None,
) -> None:
    """Goes on with each search until `trials` of its trials have ended.

    The same call goes on where it was stopped, and several may be at one storage. With one process
    and none beside it, equal designs give equal trials, stopped or not.

    Args:
        designs: the searches, one after the other.
        place: where they are kept.
        trials: of each, at least 1.
        jobs: processes of this machine, at least 1; 1 is this process.
        on_trial: told of each trial that ended, in the process that tried it; with several jobs, a
            function of a module.

    Raises:
        ValueError: a storage that is none, or holds other searches of these names.
        ConnectionError: the storage can't be reached.
        ChildProcessError: the processes died before the searches were done.
        KeyboardInterrupt: at Ctrl-C, and SIGTERM where that raises it, with the processes ended;
            the trials that they were at don't count as tried.
    """
    for name, value in (("trials", trials), ("jobs", jobs)):
        if value < 1:
            raise ValueError(f"{name} is {value}, must be at least 1")
    storage = place.open()
    left = [d for d in designs if count(study(d, storage), lambda _: True).ended < trials]
    if jobs == 1 or not left:
        _work(left, place, trials, on_trial)
        return
    codes = processes.run(jobs, _work, left, place, trials, on_trial)
    if all(codes):
        raise ChildProcessError(f"the processes of the search ended with {codes}: search again")


def require(design: Design, place: Place) -> None:
    """Finds the task's data, and builds a method of the budget over its model, before any trial.

    Raises:
        ValueError, FileNotFoundError: as `sssam.lab.runs.checks.check`; or a storage that is
            none, or holds another search of this name.
        ConnectionError: the storage can't be reached.
    """
    study(design, place.open())
    fraction = design.usable[0]
    schedule = constant(design.mean(fraction)).to_dict()
    options: dict[str, Option] = {"ascent_fraction": fraction, "draws": design.draws}
    method = Method(
        label="any", kind="sssam", rho=design.rho[1], schedule=schedule, options=options
    )
    checks.check(design.task, [method])


def _work(designs: Sequence[Design], place: Place, trials: int, on_trial: OnTrial | None) -> None:
    for design in designs:
        worker = Worker(design, place, trials, on_trial)
        while worker.step():
            pass


class Worker:
    """One process at one search.

    What is asked for is decided under a lock of this machine, and a trial under way holds a claim,
    which the system drops when the process ends, however it ends.
    """

    def __init__(
        self, design: Design, place: Place, trials: int, on_trial: OnTrial | None = None
    ) -> None:
        self.design, self.place, self.trials, self.on_trial = design, place, trials, on_trial
        self.study = study(design, place.open())
        self.study.pruner = pruner(design)
        self.objective = Objective(design, design.total_steps())
        self.key = re.sub(r"\W+", "-", design.name)
        (place.folder / claims.FOLDER).mkdir(parents=True, exist_ok=True)
        self.turn = FileLock(place.folder / claims.FOLDER / f"{self.key}.turn.lock")

    def step(self) -> bool:
        """Tries one trial, or waits for those of others; False where there is nothing left."""
        with self.turn:
            revive(self.study, self._is_lost)
            tally = count(self.study, self._is_near)
            if tally.ended + tally.alive < self.trials:
                self._try(tally)
                return True
        if tally.ended >= self.trials or not tally.near:
            return False
        time.sleep(_PAUSE)
        return True

    def _try(self, tally: Tally) -> None:
        self.study.sampler = sampler(self.design, tally.ended + tally.alive)
        number: int | None = None
        with ExitStack() as claimed:  # until the storage knows how the trial ended

            def judged(trial: optuna.Trial) -> float:
                nonlocal number
                number = trial.number
                name, folder = self._claim(trial.number), self.place.folder
                claimed.enter_context(claims.claim(name, folder))
                claimed.callback(claims.settle, name, folder)
                trial.set_user_attr("worker", platform.node())
                self.turn.release()
                return self._judged(trial)

            try:
                self.study.optimize(judged, n_trials=1, catch=(Exception,), callbacks=[self._tell])
            except (ValueError, UpdateFinishedTrialError):
                if number is None or not is_taken_over(self.study, number):
                    raise

    def _judged(self, trial: optuna.Trial) -> float:
        try:
            return self.objective(trial)
        except KeyboardInterrupt:
            trial.set_user_attr("stopped", True)
            raise

    def _tell(self, study: optuna.Study, trial: FrozenTrial) -> None:
        if self.on_trial is not None:
            ended = count(study, self._is_near).ended
            self.on_trial(self.design, trial, ended, self.trials)

    def _claim(self, number: int) -> str:
        return f"{self.key}-{number}"

    def _is_near(self, trial: FrozenTrial) -> bool:
        return trial.user_attrs.get("worker") == platform.node()

    def _is_lost(self, trial: FrozenTrial) -> bool:
        """Whether the process that tried a running trial is dead; other machines' are let be."""
        if "worker" not in trial.user_attrs:  # it died between asking and claiming
            return self.place.is_journal
        return self._is_near(trial) and claims.free(self._claim(trial.number), self.place.folder)


def sampler(design: Design, before: int) -> BaseSampler:
    """The sampler of the trial that has so many before it.

    Its seed is a function of that, so that a search that was stopped draws what it would have
    drawn, and no two processes draw the same.
    """
    seed = derived("search", design.seed, design.name, before) % 2**32
    return RandomSampler(seed=seed) if design.sampler == "random" else TPESampler(seed=seed)
