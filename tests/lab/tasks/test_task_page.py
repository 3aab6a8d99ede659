"""docs/tasks.md says what is there, and its example runs."""

import re
from pathlib import Path

import pytest
from tiny import SAM

from sssam.lab import tasks
from sssam.lab.specs import ModelSpec, Run, Task
from sssam.lab.tasks import models
from sssam.lab.tasks.models import Form
from sssam.lab.training import train

TEXT = (Path(__file__).parents[3] / "docs" / "tasks.md").read_text()


def test_the_example_is_a_task(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    assert len(block[block.index("def task") :].splitlines()) <= 10
    (tmp_path / "my_task.py").write_text(block)
    task = tasks.find(str(tmp_path / "my_task.py")).model_copy(update={"epochs": 5})
    record = train.train(Run(task=task, method=SAM, seed=0))
    assert record.test_size == 50
    assert record.test_accuracy > 0.9


def test_every_task_and_every_setting_is_there():
    settings = set(Task.model_fields) - {"name", "data", "model", "metric", "code"}
    for name in {*tasks.TASKS, *settings}:
        assert f"`{name}`" in TEXT, name
    for name, default in (("epochs", 40), ("batch_size", 64), ("learning_rate", 0.1)):
        assert Task.model_fields[name].default == default
        assert f"`{name}` ({default})" in TEXT


def test_every_model_is_there():
    for name in models.MODELS:
        assert name in TEXT or name.removeprefix("resnet") in TEXT


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (ModelSpec(name="mlp", widths=(256, 256)), "855,050"),
        (ModelSpec(name="resnet20"), "269,722"),
    ],
)
def test_sizes_are_those_of_the_models(spec, size):
    model = models.build(spec, Form((3, 32, 32), 10), seed=0)
    assert f"{sum(p.numel() for p in model.parameters()):,}" == size
    assert size in TEXT


def test_every_link_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (Path(__file__).parents[3] / "docs" / target).exists(), target
