"""What a problem of one's own may hold: losses, metrics, optimizers, datasets, nested inputs."""

import subprocess
import sys

import pytest
import torch
from own import GOOD, HEAD, SETTINGS
from tiny import BASE, SAM, same_but_times

from sssam.lab import tasks
from sssam.lab.runs import checks
from sssam.lab.specs import Method, Run
from sssam.lab.tasks import taskfile
from sssam.lab.tasks.examples import ProblemError, fingerprint
from sssam.lab.training import train


def _good(written):
    return tasks.find(written(GOOD, "good.py"))


def test_methods_that_choose_samples_are_refused_over_a_scalar_loss(written):
    scalar = "loss=torch.nn.functional.cross_entropy, test="
    task = tasks.find(written(GOOD.replace("test=", scalar)))
    checks.check(task, [BASE, SAM, Method(label="Async", kind="asyncsam", rho=0.1)])
    for kind in ("esam", "ksam"):
        with pytest.raises(ValueError, match="'mine' is a scalar: return one loss a sample"):
            checks.check(task, [Method(label=kind, kind=kind, rho=0.1)])
    each, mean = (train.train(Run(task=t, method=SAM, seed=0)) for t in (_good(written), task))
    assert (each.correct, each.test_accuracy) == (mean.correct, mean.test_accuracy)


def test_methods_are_checked_over_the_task_s_own_model(written):
    samon = Method(label="SAMON", kind="samon", rho=0.1)
    with pytest.raises(ValueError, match="normalisation layers"):
        checks.check(_good(written), [samon])
    normed = GOOD.replace(
        "Linear(2, 2)", "torch.nn.Sequential(Linear(2, 2), torch.nn.LayerNorm(2))"
    )
    checks.check(tasks.find(written(normed)), [samon])
    with pytest.raises(ValueError, match="augment is for images"):
        checks.check(_good(written).model_copy(update={"augment": "shifts"}), [BASE])


def test_an_optimizer_of_one_s_own_gets_the_learning_rate(written):
    own = GOOD.replace("test=", "optimizer=lambda p, rate: torch.optim.RMSprop(p, rate), test=")
    task = tasks.find(written(own.replace("16}", '16, "learning_rate": 0.02}')))
    assert (task.optimizer, task.learning_rate) == ("own", 0.02)
    record = train.train(Run(task=task, method=SAM, seed=0))
    assert max(point.learning_rate for point in record.curve) <= 0.02
    assert train.train(Run(task=task, method=SAM, seed=0)).correct == record.correct
    both = own.replace("16}", '16, "optimizer": "adamw"}')
    with pytest.raises(ProblemError, match="SETTINGS name an optimizer, and the Problem gives"):
        tasks.find(written(both))
    wrong = GOOD.replace("test=", "optimizer=lambda p, rate: 3, test=")
    with pytest.raises(TypeError, match=r"returned a int, must return a torch\.optim"):
        checks.check(tasks.find(written(wrong)), [BASE])


def test_a_metric_and_a_name_of_one_s_own(written):
    text = GOOD.replace("y = ", "y = 0.5 * ").replace(
        "test=",
        "loss=lambda o, t: (o[:, 0] - t).square(), "
        "metric=lambda o, t: (1 - (o[:, 0] - t).abs()).clamp(0, 1), metric_name='closeness', test=",
    )
    task = tasks.find(written(text))
    assert task.metric == "closeness"
    record = train.train(Run(task=task, method=Method(label="K", kind="ksam", rho=0.1), seed=0))
    assert record.outcome == "finished"
    assert (record.correct, record.test_size) == ("0x0", 20)
    assert 0 < record.test_accuracy < 1


STREAMED = f"""{HEAD}{SETTINGS}
class Rows(torch.utils.data.Dataset):
    def __init__(self, a, b): self.a, self.b = a, b
    def __len__(self): return self.b - self.a
    def __getitem__(self, i): return x[self.a + i], y[self.a + i]

def task(seed):
    return Problem(Linear(2, 2), Rows(0, 32), Rows(32, 40), Rows(40, 60), num_workers=WORKERS)
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_a_dataset_trains_as_its_tensors_do(written, workers):
    streamed = tasks.find(written(STREAMED.replace("WORKERS", str(workers)), "streamed.py"))
    one, other = (
        train.train(Run(task=task, method=SAM, seed=0)) for task in (streamed, _good(written))
    )
    same = {"run", "sample_hash", "environment", "seconds", "peak_memory"}
    assert one.model_dump(exclude=same) == other.model_dump(exclude=same)


def test_the_fingerprint_of_a_dataset_is_not_of_what_was_drawn_before(written):
    text = STREAMED.replace("WORKERS", "0").replace(
        "return x[self.a + i]", "return x[self.a + i] + torch.rand(())"
    )
    problem, found = taskfile.problem(taskfile.code(written(text, "drawing.py")), 0), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        found.append(fingerprint(problem.parts))
        assert torch.equal(state, torch.get_rng_state())
    assert found[0] == found[1]


def test_inputs_may_be_nested_and_outputs_have_logits(written):
    text = GOOD.replace("Linear(2, 2)", "Two()").replace(
        "\ndef task",
        """
from types import SimpleNamespace
class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Linear(2, 2)
    def forward(self, features, extra):
        return SimpleNamespace(logits=self.inner(features) + 0 * extra[0])

def task""",
    )
    for part in ("x[:32]", "x[32:40]", "x[40:]"):
        text = text.replace(f"({part}", f"({{'features': {part}, 'extra': [{part}]}}")
    task = tasks.find(written(text))
    for method in (SAM, Method(label="K", kind="ksam", rho=0.1)):
        record = train.train(Run(task=task, method=method, seed=0))
        plain = train.train(Run(task=_good(written), method=method, seed=0))
        assert record.sample_hash == plain.sample_hash
        assert record.steps == plain.steps


def test_another_process_trains_it_too_and_gives_the_same_record(written, tmp_path):
    run = Run(task=_good(written), method=SAM, seed=3)
    (tmp_path / "run.json").write_text(run.model_dump_json())
    code = (
        "import sys; from pathlib import Path; from sssam.lab.specs import Run;"
        "from sssam.lab.training.train import train;"
        "print(train(Run.model_validate_json(Path(sys.argv[1]).read_text())).model_dump_json())"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "run.json")]
    printed = subprocess.run(words, check=True, capture_output=True, text=True, timeout=300).stdout
    mine = train.train(run)
    theirs = type(mine).model_validate_json(printed)
    dropped = {"peak_memory": None}
    assert same_but_times(theirs).model_copy(update=dropped) == same_but_times(mine).model_copy(
        update=dropped
    )
