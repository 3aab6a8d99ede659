"""A task in a file of one's own: what it may do, and how its mistakes are told."""

import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import BASE, SAM, same_but_times

from sssam.lab import tasks
from sssam.lab.runs import checks, study
from sssam.lab.specs import Method, Run
from sssam.lab.tasks import problems, taskfile
from sssam.lab.tasks.examples import ProblemError
from sssam.lab.training import train

EXAMPLE = Path(__file__).parents[3] / "examples" / "my_task.py"

HEAD = """
import torch
from torch.nn import Linear
from sssam.lab import Problem

x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
y = (x[:, 0] > 0).long()
"""
WHOLE = "train=(x[:32], y[:32]), validation=(x[32:40], y[32:40]), test=(x[40:], y[40:])"
SETTINGS = 'SETTINGS = {"epochs": 2, "batch_size": 16}\n'
GOOD = f"""{HEAD}{SETTINGS}
def task(seed):
    return Problem(Linear(2, 2), {WHOLE})
"""


@pytest.fixture
def written(tmp_path):
    """Writes a file and gives its path."""

    def write(text: str, name: str = "mine.py") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_the_example_is_compared_and_sam_and_base_differ(tmp_path):
    task = tasks.find(str(EXAMPLE)).model_copy(update={"epochs": 2})
    assert (task.name, task.batch_size, task.metric) == ("my_task", 32, "accuracy")
    runs = [Run(task=task, method=method, seed=0) for method in (BASE, SAM)]
    held = study.run_missing(runs, tmp_path).by_id
    base, sam = (held[run.id] for run in runs)
    assert base.initial_hash == sam.initial_hash
    assert base.sample_hash == sam.sample_hash
    assert base.correct != "0x0"
    assert sam.propagations == 2 * base.propagations
    assert min(base.test_accuracy, sam.test_accuracy) > 0.8
    assert study.missing(runs, tmp_path) == []


def test_equal_seeds_give_equal_problems_and_no_generator_is_moved(written):
    path = written(
        HEAD
        + f"""import random, numpy
def task(seed):
    global x
    x = x + random.random() + numpy.random.rand()
    x = x[torch.randperm(60)]
    return Problem(Linear(2, 2), {WHOLE})
"""
    )
    code = taskfile.code(path)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    one, same, other = (taskfile.problem(code, seed) for seed in (0, 0, 1))
    assert torch.equal(one.model.weight, same.model.weight)
    assert not torch.equal(one.model.weight, other.model.weight)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]


def test_a_file_that_moved_is_the_same_run_and_one_that_changed_another(written):
    one, moved = tasks.find(written(GOOD)), tasks.find(written(GOOD, "other.py"))
    changed = tasks.find(written(GOOD + "# a remark\n"))
    ids = [Run(task=task, method=BASE, seed=0).id for task in (one, moved, changed)]
    assert ids[0] == ids[1] != ids[2]
    assert [task.name for task in (one, moved)] == ["mine", "other"]


def test_data_that_changed_are_another_run(written, tmp_path):
    path = written(GOOD.replace("torch.randn(", "torch.load('x.pt') * torch.randn("))
    path = written(Path(path).read_text().replace("'x.pt'", repr(str(tmp_path / "x.pt"))))
    found = []
    for factor in (1.0, 2.0):
        torch.save(torch.tensor(factor), tmp_path / "x.pt")
        problems._surveyed.cache_clear()
        for name in [name for name in sys.modules if name.startswith("sssam_task_")]:
            del sys.modules[name]
        found.append(tasks.find(path))
    assert found[0].code == found[1].code
    assert found[0].data.fingerprint != found[1].data.fingerprint


def test_files_that_it_depends_on_are_part_of_it(written):
    written("WIDTH = 2\n", "beside_mine.py")
    text = 'from beside_mine import WIDTH\nDEPENDS = ["beside_mine.py"]\n' + GOOD
    path = written(text.replace("Linear(2, 2)", "Linear(2, WIDTH)"))
    one = taskfile.code(path)
    assert taskfile.problem(one, 0).model.out_features == 2
    written("WIDTH = 3\n", "beside_mine.py")
    two = taskfile.code(path)
    assert one.sha256 != two.sha256
    assert taskfile.problem(two, 0).model.out_features == 3
    with pytest.raises(taskfile.TaskFileError, match="depends on, changed since this run was"):
        taskfile.problem(one, 0)


def test_several_functions_and_names_that_are_taken(written):
    path = written(GOOD + GOOD.replace("def task", "def small"), "digits.py")
    assert tasks.find(path).name == "digits-file"
    small = tasks.find(f"{path}:small")
    assert (small.name, tasks.word(small)) == ("digits-small", f"{path}:small")
    assert tasks.word(tasks.find(path)) == path
    with pytest.raises(ProblemError, match="has no function 'smal', only task, small"):
        tasks.find(f"{path}:smal")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def task(seed): return 3", "returned a int, must return a sssam.lab.Problem"),
        ("def task(): pass", r"can't be called with a seed .*def task\(seed: int\) -> Problem"),
        ("def task(seed:", "line 1, is no Python"),
        ("import absent_module", r"raised while it was imported:\n.*mine.py.*\n.*absent_module"),
        (GOOD + "SETTINGS = 3", "SETTINGS in .* is 3, must be a dict"),
        (
            GOOD + 'SETTINGS["epoch"] = 2',
            "SETTINGS in .*: unknown setting 'epoch': did you mean 'ep",
        ),
        (
            GOOD + 'SETTINGS["epochs"] = 0',
            r"SETTINGS in .*mine\.py: epochs must be at least 1, not 0",
        ),
        (GOOD + 'SETTINGS["epochs"] = True', "epochs must be a whole number, not True"),
        (GOOD + 'SETTINGS["epochs"] = x', "epochs must be a whole number, not 'tensor"),
        (GOOD + "import sys\nsys.exit(3)", "raised while it was imported:.*mine.py.*SystemExit: 3"),
        (GOOD + "DEPENDS = x", "DEPENDS in .* is 'x', must be a list of file names"),
        (GOOD.replace("x[:32], y[:32]", "x[:32], y[:31]"), r"targets of train .*\(31,\).*32 sampl"),
        (GOOD.replace("x[:32], y[:32]", "x[:0], y[:0]"), "train has no samples"),
        (GOOD.replace("(x[:32], y[:32])", "x"), r"train has a Tensor, must be .* \(inputs, targ"),
        (GOOD.replace("y[:32]", "y[:32].numpy()"), "targets of train hold a ndarray"),
        (GOOD.replace("Linear(2, 2)", "3"), "model is a int, must be a torch.nn.Module"),
        (GOOD.replace("Linear(2, 2)", "torch.nn.ReLU()"), "model has no parameter"),
        (GOOD.replace("y = ", "y = 0.5 * "), "do not fit targets of shape .* give a loss"),
        (GOOD.replace("test=", "metric=lambda o, t: o[:, 0] + 9, test="), r"must be in \[0, 1\]"),
        (GOOD.replace("test=", "loss=lambda o, t: o, test="), r"loss gave \(2, 2\) for 2 samples"),
        (GOOD.replace("test=", "metric=1, test="), "metric is 1, must be a function"),
        (
            GOOD.replace("test=", "loss=lambda o, t: t, test="),
            "loss gave numbers of type torch.int",
        ),
    ],
)
def test_what_breaks_the_interface_is_refused_before_training(written, text, told):
    with pytest.raises(ValueError, match=re.compile(told, re.DOTALL)):
        tasks.find(written(text))


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent.py' does not exist"):
        tasks.find(str(tmp_path / "absent.py"))


def test_a_function_that_raises_keeps_its_traceback_and_the_study_goes_on(written, tmp_path):
    bad = GOOD.replace("    return", "    if seed != 1: raise OSError('no such disk')\n    return")
    task = tasks.find(written(bad))
    runs = [Run(task=task, method=SAM, seed=seed) for seed in (0, 1)]
    held = study.run_missing(runs, tmp_path / "records").by_id
    assert [held[run.id].outcome for run in runs] == ["failed", "finished"]
    assert "mine.py" in held[runs[0].id].error
    assert "OSError: no such disk" in held[runs[0].id].error


SGD = "torch.optim.SGD"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("    return", "    raise KeyError('oops')\n    return"), "KeyError: 'oops'"),
        (("    return", "    raise SystemExit(3)\n    return"), "SystemExit: 3"),
        (("Linear(2, 2)", "Linear(3, 2)"), "mat1 and mat2 shapes cannot be multiplied"),
        (("test=", "loss=lambda o, t: o.no_such(t), test="), "no attribute 'no_such'"),
        (("test=", "loss=lambda o, t: o.detach().sum(1), test="), "does not require grad"),
        (("test=", "metric=lambda o, t: o.no_such(t), test="), "no attribute 'no_such'"),
        (
            ("test=", f"optimizer=lambda p, r: {SGD}(p, lr=absent), test="),
            "'absent' is not defined",
        ),
    ],
    ids=["function", "exit", "model", "loss", "no gradient", "metric", "optimizer"],
)
def test_a_mistake_anywhere_in_a_task_fails_its_runs_alone(written, tmp_path, change, told):
    task = tasks.find(written(GOOD.replace(*change)))
    runs = [Run(task=each, method=BASE, seed=0) for each in (task, _good(written))]
    held = study.run_missing(runs, tmp_path / "records").by_id
    assert [held[run.id].outcome for run in runs] == ["failed", "finished"]
    assert told in held[runs[0].id].error
    assert "Traceback" in held[runs[0].id].error


def test_a_model_that_raises_at_a_later_step_fails_its_run_alone(written, tmp_path):
    text = GOOD.replace("Linear(2, 2), ", "Breaks(2, 2), ").replace(
        "\ndef task",
        """
class Breaks(Linear):
    def forward(self, x):
        self.calls = getattr(self, "calls", 0) + self.training
        if self.calls > 3: raise KeyError("lost")
        return super().forward(x)

def task""",
    )
    task = tasks.find(written(text))
    runs = [Run(task=task, method=BASE, seed=0), Run(task=_good(written), method=BASE, seed=0)]
    held = study.run_missing(runs, tmp_path / "records").by_id
    assert "KeyError: 'lost'" in held[runs[0].id].error
    assert held[runs[1].id].error is None


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
        checks.check(_good(written).model_copy(update={"augment": True}), [BASE])


def test_an_optimizer_of_one_s_own_gets_the_learning_rate(written):
    own = GOOD.replace("test=", "optimizer=lambda p, rate: torch.optim.RMSprop(p, rate), test=")
    task = tasks.find(written(own.replace("16}", '16, "learning_rate": 0.02}')))
    assert (task.optimizer, task.learning_rate) == ("own", 0.02)
    record = train.train(Run(task=task, method=SAM, seed=0))
    assert max(point.learning_rate for point in record.curve) <= 0.02
    assert train.train(Run(task=task, method=SAM, seed=0)).correct == record.correct
    both = own.replace("16}", '16, "optimizer": "adamw"}')
    with pytest.raises(ProblemError, match="SETTINGS name an optimizer, and the Problem brings"):
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
