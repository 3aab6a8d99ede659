"""`python -m tests.runtime.signalled HOW FORM`: a training signalled again and again, and resumed.

Each life is a forked process. Its parent sends a signal at a seeded time, until all steps are done;
then it compares the weights with those of a run that nobody disturbed.
"""

import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from typing import Any

import torch

import sssam
from sssam.schedules import constant
from tests.problems import BASES, Problem, by_closure, by_passes, by_two_lines, same

STEPS = 120
FORMS = {"closure": by_closure, "two lines": by_two_lines, "passes": by_passes}


class Training:
    """A model, its optimizer, and their checkpoint."""

    def __init__(self, path: str, how: str) -> None:
        torch.manual_seed(0)
        # What a given-up step has drawn and counted is not taken back: a handler that saves in
        # the midst of a step serves models without dropout and running statistics.
        whole_steps = how == "flag"
        self.problem = Problem(norm=whole_steps, dropout=0.2 if whole_steps else 0.0)
        self.path = path
        self.optimizer = sssam.SSSAM(
            BASES["adamw"](self.problem.params),
            schedule=constant(0.5),
            total_steps=STEPS,
            mix=0.8,
            model=self.problem.model,
        )

    def save(self) -> None:
        sssam.save(
            self.path,
            model=self.problem.model,
            optimizer=self.optimizer,
            generator=torch.get_rng_state(),
        )

    def resume(self) -> None:
        if os.path.exists(self.path):
            saved = sssam.load(self.path)
            self.problem.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            torch.set_rng_state(saved["generator"])

    def step(self, form: str) -> None:
        FORMS[form](self.problem, self.optimizer, 1, self.optimizer.steps)


def live(training: Training, how: str, form: str) -> None:
    """One life: from the last checkpoint to the end, or to the signal."""
    asked = False

    def set_a_flag(*_: object) -> None:
        nonlocal asked
        asked = True

    def save_at_once(*_: object) -> None:
        nonlocal asked
        try:
            training.save()
        except RuntimeError:  # amid the base's update: after it, then
            asked = True
            return
        os._exit(0)

    training.resume()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    signal.signal(signal.SIGTERM, save_at_once if how == "at once" else set_a_flag)
    try:
        while training.optimizer.steps < STEPS:
            training.step(form)
            if asked:
                break
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        torch.set_grad_enabled(True)
        try:
            training.save()
        except UserWarning:  # amid the base's update: what was saved before is sound
            os._exit(1)
        os._exit(0)
    training.save()


def harry(training: Training, how: str, form: str, calm: float) -> int:
    """Lives until all steps are done, which take `calm` seconds undisturbed; their number."""
    plan, lives = random.Random(f"{how} {form}"), 0
    while True:
        lives += 1
        child = os.fork()
        if not child:
            try:
                live(training, how, form)
                os._exit(0)
            except KeyboardInterrupt:  # while it loaded, or saved at the end: what is saved stays
                os._exit(1)
            except BaseException:
                traceback.print_exc()
                os._exit(2)
        seconds = 0.01 + plan.uniform(0.1, 0.4) * calm
        time.sleep(seconds * (1 + lives / 20))  # so that a machine that gets slower ends, too
        os.kill(child, signal.SIGINT if how == "interrupt" else signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) in (0, 1, -signal.SIGTERM), status
        if os.path.exists(training.path):
            state = sssam.load(training.path)["optimizer"]
            if state["param_groups"][0]["sssam.steps"] >= STEPS:
                return lives


def main(how: str, form: str) -> None:
    """Compare a run that was signalled with one that was not."""
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ResourceWarning)  # of a file that was being opened
    with tempfile.TemporaryDirectory() as folder:
        calm = Training(f"{folder}/calm.pt", how)
        FORMS[form](calm.problem, calm.optimizer, 1)  # what is slow the first time
        begun = time.monotonic()
        FORMS[form](calm.problem, calm.optimizer, STEPS - 1, 1)
        seconds = time.monotonic() - begun
        end = torch.get_rng_state()
        harried = Training(f"{folder}/harried.pt", how)
        lives = harry(harried, how, form, seconds)
        harried.resume()
    counters: list[Any] = [(t.optimizer.steps, t.optimizer.ascents) for t in (calm, harried)]
    assert same(calm.problem.params, harried.problem.params), "the weights differ"
    assert same(list(calm.problem.model.buffers()), list(harried.problem.model.buffers()))
    assert how != "flag" or torch.equal(end, torch.get_rng_state()), "the generators differ"
    assert counters[0] == counters[1], counters
    print(lives)


if __name__ == "__main__":
    main(*sys.argv[1:])
