"""A task in a file of one's own: what it may do, and how its mistakes are reported."""

import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from own import GOOD, HEAD, WHOLE
from tiny import BASE, SAM

from sssam.lab import tasks
from sssam.lab.cli import main
from sssam.lab.runs import dispatch
from sssam.lab.specs import Run
from sssam.lab.tasks import problems, taskfile
from sssam.lab.tasks.examples import ProblemError


def test_the_template_is_compared_and_sam_and_base_differ(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    task = tasks.find("my_task.py").model_copy(update={"epochs": 2})
    assert (task.name, task.batch_size, task.metric) == ("my_task", 32, "accuracy")
    runs = [Run(task=task, method=method, seed=0) for method in (BASE, SAM)]
    records = dispatch.run_missing(runs, tmp_path / "records").by_id
    base, sam = (records[run.id] for run in runs)
    assert base.initial_hash == sam.initial_hash
    assert base.sample_hash == sam.sample_hash
    assert base.correct != "0x0"
    assert sam.propagations == 2 * base.propagations
    assert min(base.test_accuracy, sam.test_accuracy) > 0.8
    assert dispatch.missing(runs, records) == []


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
        problems._of_file.cache_clear()
        for name in [name for name in sys.modules if name.startswith("sssam_task_")]:
            del sys.modules[name]
        found.append(tasks.find(path))
    assert found[0].code == found[1].code
    assert found[0].data.fingerprint != found[1].data.fingerprint


def test_it_imports_what_lies_beside_it_and_a_change_of_it_is_refused(written):
    written("WIDTH = 2\n", "beside_mine.py")
    text = "from beside_mine import WIDTH\n" + GOOD
    path = written(text.replace("Linear(2, 2)", "Linear(2, WIDTH)"))
    one = taskfile.code(path)
    assert taskfile.problem(one, 0).model.out_features == 2
    written(text)
    with pytest.raises(ProblemError, match=r"mine\.py changed since this run was planned"):
        taskfile.problem(one, 0)


def test_several_functions_and_names_that_are_taken(written):
    imported = "from sklearn.datasets import load_digits\n"
    path = written(imported + GOOD + GOOD.replace("def task", "def small"), "digits.py")
    assert tasks.find(path).name == "digits-file"
    small = tasks.find(f"{path}:small")
    assert small.name == "digits-small"
    with pytest.raises(ProblemError, match="'smal': did you mean 'small'\\? known are small, task"):
        tasks.find(f"{path}:smal")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def task(seed): return 3", "returned a int, must return a sssam.lab.Problem"),
        ("def task(): pass", r"raised while task\(0\) was called:\n.*TypeError: task\(\) takes 0"),
        ("def task(seed:", "raised while it was imported:\n.*line 1.*SyntaxError"),
        ("import absent_module", r"raised while it was imported:\n.*mine.py.*\n.*absent_module"),
        (GOOD + "SETTINGS = 3", "SETTINGS in .* is 3, must be a dict"),
        (
            GOOD + 'SETTINGS["epoch"] = 2',
            "SETTINGS in .*: unknown setting 'epoch': did you mean 'ep",
        ),
        (
            GOOD + 'SETTINGS["epochs"] = 0',
            r"SETTINGS in .*mine\.py: epochs must be greater than or equal to 1",
        ),
        (GOOD + 'SETTINGS["epochs"] = True', "epochs must be a valid integer, not True"),
        (GOOD + 'SETTINGS["epochs"] = x', "epochs must be a valid integer, not 'tensor"),
        (GOOD + "import sys\nsys.exit(3)", "raised while it was imported:.*mine.py.*SystemExit: 3"),
        (GOOD.replace("x[:32], y[:32]", "x[:32], y[:31]"), r"targets of train .*\(31,\).*32 sampl"),
        (GOOD.replace("x[:32], y[:32]", "x[:0], y[:0]"), "train has no samples"),
        (GOOD.replace("(x[:32], y[:32])", "x"), r"train has a Tensor, must be .* \(inputs, targ"),
        (GOOD.replace("y[:32]", "y[:32].numpy()"), "targets of train hold a ndarray"),
        (GOOD.replace("Linear(2, 2)", "3"), "model is a int, must be a torch.nn.Module"),
        (GOOD.replace("Linear(2, 2)", "torch.nn.ReLU()"), "model has no parameter"),
        (GOOD.replace("y = ", "y = 0.5 * "), "do not fit targets of shape .* give a loss"),
        (GOOD.replace("test=", "metric=lambda o, t: o[:, 0] + 9, test="), r"must be in \[0, 1\]"),
        (
            GOOD.replace("test=", "loss=lambda o, t: o, test="),
            r"loss gave \(16, 2\) for 16 samples",
        ),
        (GOOD.replace("test=", "metric=1, test="), "metric is 1, must be a function"),
        (
            GOOD.replace("test=", "loss=lambda o, t: t, test="),
            "loss gave numbers of type torch.int",
        ),
    ],
)
def test_what_breaks_the_interface_is_refused_before_training(written, text, message):
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        tasks.find(written(text))


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent.py' does not exist"):
        tasks.find(str(tmp_path / "absent.py"))


def test_a_function_that_raises_keeps_its_traceback_and_the_study_goes_on(written, tmp_path):
    bad = GOOD.replace("    return", "    if seed == 1: raise OSError('no such disk')\n    return")
    task = tasks.find(written(bad))
    runs = [Run(task=task, method=SAM, seed=seed) for seed in (0, 1)]
    records = dispatch.run_missing(runs, tmp_path / "records").by_id
    assert [records[run.id].outcome for run in runs] == ["finished", "failed"]
    assert "mine.py" in records[runs[1].id].error
    assert "OSError: no such disk" in records[runs[1].id].error


@pytest.mark.parametrize(
    ("raised", "message"),
    [("KeyError('oops')", "KeyError: 'oops'"), ("SystemExit(3)", "SystemExit: 3")],
)
def test_a_function_that_raises_at_once_is_refused_with_its_traceback(written, raised, message):
    path = written(GOOD.replace("    return", f"    raise {raised}\n    return"))
    text = rf"mine.py raised while task\(0\) was called:\n.*mine.py.*raise .*\n.*{message}"
    with pytest.raises(ProblemError, match=re.compile(text, re.DOTALL)):
        tasks.find(path)


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
    records = dispatch.run_missing(runs, tmp_path / "records").by_id
    assert "KeyError: 'lost'" in records[runs[0].id].error
    assert records[runs[1].id].error is None


def _good(written):
    return tasks.find(written(GOOD, "good.py"))
