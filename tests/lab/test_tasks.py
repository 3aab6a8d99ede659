import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from tiny import TASK

from sssam.lab import data, models, tasks, tuned
from sssam.lab.specs import DataSpec, ModelSpec


def test_the_default_task_is_the_one_of_the_study():
    task = tasks.find("noisy-digits")
    chosen = DataSpec(name="digits", train=1000, validation=200, label_noise=0.4)
    assert task.data == data.identified(chosen)
    assert task.model == ModelSpec(name="mlp", widths=(256, 256))
    assert (task.epochs, task.batch_size, task.learning_rate) == (40, 64, 0.1)
    assert (task.momentum, task.weight_decay, task.anneal) == (0.9, 5e-4, "one-cycle")
    assert task.margin == 1.0


@pytest.mark.parametrize("task", tasks.TASKS.values(), ids=lambda task: task.name)
def test_every_task_can_be_built(task):
    tasks.check(task)
    shape = {"digits": (1, 8, 8), "fashion-mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
    model = models.build(task.model, shape[task.data.name], 10, seed=0)
    assert model(torch.zeros(2, *shape[task.data.name])).shape == (2, 10)


def test_an_unknown_task_gives_the_nearest_ones():
    with pytest.raises(ValueError, match="unknown task 'noisy-digit': did you mean 'noisy-digits'"):
        tasks.find("noisy-digit")


def test_a_data_path_goes_into_the_task(tmp_path):
    pictures = np.zeros((6, 4, 4, 3), np.uint8)
    images = [Image.fromarray(picture) for picture in pictures]
    rows = datasets.Dataset.from_dict({"img": images, "label": [0, 1] * 3})
    rows = rows.cast_column("img", datasets.Image())
    for where in ("here", "there"):
        (tmp_path / where).mkdir()
        rows.to_parquet(tmp_path / where / "train.parquet")
    here, there = (tasks.find("cifar10", str(tmp_path / where)).data for where in ("here", "there"))
    assert here.path == str(tmp_path / "here")
    assert here.fingerprint == there.fingerprint
    with pytest.raises(FileNotFoundError, match="absent"):
        tasks.find("cifar10", str(tmp_path / "absent"))


def test_rows_are_distinct_and_their_counts_those_of_the_study():
    rows = tasks.untuned_rows(TASK)
    assert len({row.label for row in rows}) == len(rows) == 11
    assert not any("," in row.label for row in rows)
    part = [row for row in rows if row.ascent_fraction < 1]
    assert len(part) == 3


def test_every_default_row_has_a_rho_that_was_tuned():
    values = tuned.read("noisy-digits")
    for row in tasks.default_rows(tasks.find("noisy-digits")):
        assert row.rho == (0.0 if row.kind == "base" else values.rho(row.label))
        assert (row.rho > 0) == (row.kind != "base")


def test_a_task_without_tuned_values_takes_those_of_noisy_digits():
    assert tuned.read("tiny") == tuned.read("noisy-digits")
    assert tasks.default_rows(TASK) == tasks.default_rows(tasks.find("noisy-digits"))


def test_tuned_values_are_the_best_of_their_scores_and_no_end_of_the_grid():
    values = tuned.read("noisy-digits")
    assert min(values.seeds) >= 1000
    for row in values.rows:
        if len(row.scores) > 1:
            assert row.rho == max(row.scores, key=lambda score: (score.mean, -score.rho)).rho
            assert values.grid[0] < row.rho < values.grid[-1]


def test_a_row_that_was_not_tuned_says_how():
    with pytest.raises(ValueError, match=r"'mine' has no tuned rho .* python -m sssam\.lab\.tune"):
        tuned.read("noisy-digits").rho("mine")
