"""A task is tried on one batch before anything is trained on it."""

import pytest
import torch
from own import GOOD
from tiny import BASE
from torch import nn

from sssam.lab import tasks
from sssam.lab.runs import checks
from sssam.lab.tasks import models, problems
from sssam.lab.tasks.examples import ProblemError
from sssam.lab.tasks.problem import accuracy, cross_entropy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("Linear(2, 2)", "Linear(3, 2)"),
            r"model Linear fails on one batch \(inputs \(16, 2\) float32\) with RuntimeError: mat1",
        ),
        (
            ("test=", "loss=lambda o, t: o.no_such(t), test="),
            r"loss fails .*outputs \(16, 2\) float32, targets \(16,\) int64.*no_such.*mine\.py, l",
        ),
        (
            ("test=", "loss=lambda o, t: o.detach().sum(1), test="),
            "the loss's backward pass fails .*does not require grad",
        ),
        (("test=", "metric=lambda o, t: o.no_such(t), test="), "metric fails .*no_such"),
        (
            ("test=", "optimizer=lambda p, r: torch.optim.SGD(p, lr=absent), test="),
            "optimizer fails on one batch with NameError: .*'absent' is not defined",
        ),
        (("Linear(2, 2)", "Linear(2, 1)"), r"loss fails .*Target . is out of bounds"),
    ],
    ids=["model", "loss", "no gradient", "metric", "optimizer", "classes"],
)
def test_a_task_of_one_s_own_that_can_t_run_a_batch_is_refused(written, change, message):
    path = written(GOOD.replace(*change))
    with pytest.raises(ProblemError, match=f"task 'mine': {message}"):
        tasks.find(path)


def test_the_batch_has_the_size_of_the_settings(written):
    small = "loss=lambda o, t: (o[:9, 0] - t[:9]).square(), "
    path = written(
        GOOD.replace("test=", f"{small}test=").replace('"batch_size": 16', '"batch_size": 9')
    )
    task = tasks.find(path)
    checks.check(task, [BASE])
    with pytest.raises(ProblemError, match=r"loss gave \(9,\) for 16 samples"):
        checks.check(task.model_copy(update={"batch_size": 16}), [BASE])


def test_a_model_by_name_is_tried_on_its_data_before_a_study(monkeypatch):
    task = tasks.find("digits")
    checks.check(task, [BASE])
    monkeypatch.setattr(
        models, "build", lambda *given, **named: nn.Sequential(nn.Flatten(), nn.Linear(63, 10))
    )
    message = r"task 'digits': model Sequential .*\(64, 1, 8, 8\) float32.* mat1 and mat2 shapes"
    with pytest.raises(ProblemError, match=message):
        checks.check(task, [BASE])


def test_a_tried_batch_leaves_model_buffers_and_generators_as_they_were():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Linear(3, 2))
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    before = torch.get_rng_state()
    inputs, targets = torch.randn(8, 3, generator=torch.Generator()), torch.zeros(8).long()
    assert problems.tried(model, cross_entropy, accuracy, inputs, targets)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    mean = nn.functional.cross_entropy
    assert not problems.tried(model, mean, accuracy, inputs, targets)


def test_the_survey_of_a_user_s_file_is_made_once(written):
    path = written(GOOD)
    task = tasks.find(path)
    assert problems.survey(task) is problems.survey(task)
