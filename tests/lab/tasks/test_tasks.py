import datasets
import numpy as np
import pytest
import torch
from PIL import Image

from sssam.lab import tasks
from sssam.lab.runs import checks
from sssam.lab.specs import DataSpec, Method, ModelSpec, Run
from sssam.lab.tasks import models, splits
from sssam.lab.tasks.models import Form
from sssam.lab.training import train


def test_the_default_task_is_the_one_of_the_study():
    task = tasks.find("noisy-digits")
    chosen = DataSpec(name="digits", train=800, validation=400, test=597, label_noise=0.4)
    assert task.data == splits.identified(chosen)
    assert task.model == ModelSpec(name="mlp", widths=(256, 256))
    assert (task.epochs, task.batch_size, task.learning_rate) == (20, 64, 0.1)
    assert (task.momentum, task.weight_decay, task.anneal) == (0.9, 5e-4, "one-cycle")
    assert task.margin == 1.0


@pytest.mark.parametrize("task", tasks.TASKS.values(), ids=lambda task: task.name)
def test_every_task_can_be_built(task):
    tasks.check(task)
    shapes = {"digits": (1, 8, 8), "fashion-mnist": (1, 28, 28)}
    shape = shapes.get(task.data.name, (3, 32, 32))
    model = models.build(task.model, Form(shape, 10), seed=0)
    assert model(torch.zeros(2, *shape)).shape == (2, 10)


def test_a_noisy_task_is_the_clean_one_but_for_its_labels():
    same = {"name": "fashion-mnist", "label_noise": 0.0}
    assert tasks.changed(tasks.TASKS["noisy-fashion-mnist"], same) == tasks.TASKS["fashion-mnist"]


def test_digits_few_has_few_clean_images_and_one_test_set():
    task = tasks.find("digits-few")
    one, other = (splits.load(task.data, seed) for seed in (0, 1))
    assert [len(part) for part in one[:3]] == [200, 800, 797]
    assert torch.equal(one.test.inputs, other.test.inputs)
    assert Run(task=task, method=Method(label="b", kind="base"), seed=0).total_steps(200) == 100


def test_settings_change_the_task_its_data_or_its_model():
    task = tasks.find("digits", changes={"model": "resnet14", "train": 300, "epochs": 3})
    assert (task.model, task.data.train, task.epochs) == (ModelSpec(name="resnet14"), 300, 3)
    assert task.data.fingerprint == tasks.find("digits").data.fingerprint
    narrow = {"name": "resnet8", "widths": [4]}
    assert tasks.changed(task, {"model": narrow}).model.widths == (4,)
    for wrong, text in (
        ({"label_nose": 0.1}, "'digits': unknown setting 'label_nose': did you mean 'label_noise'"),
        ({"path": "x"}, "unknown setting 'path'"),
        ({"train": 0}, "train must be greater than or equal to 1, not 0"),
        ({"epochs": True}, "epochs must be a valid integer, not True"),
        ({"epochs": "3"}, "epochs must be a valid integer, not '3'"),
        ({"epochs": 2.0}, r"epochs must be a valid integer, not 2\.0"),
        ({"augment": 1}, "augment must be .none., .shifts. or .shifts and flips., not 1"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number, not nan"),
        ({"model": "resnet9"}, "unknown model 'resnet9': did you mean 'resnet8'"),
        ({"model": 3}, "model must be a table, not 3"),
        ({"model": {"nam": "mlp"}}, "unknown key 'nam': did you mean 'name'"),
        ({"model": {"name": "mlp", "widths": ["8"]}}, "model.widths.0 must be a valid integer"),
        ({"optimizer": "own"}, "optimizer 'own' is for a Problem that gives one"),
    ):
        with pytest.raises(ValueError, match=text):
            tasks.find("digits", changes=wrong)


def test_a_table_s_target_can_be_a_setting(tmp_path):
    table = tmp_path / "flowers.csv"
    table.write_text("size,species\n" + "1.5,x\n2.5,y\n" * 20)
    asked = tasks.find(str(table), changes={"target": "species"})
    assert asked == tasks.find(f"{table}:species")
    with pytest.raises(ValueError, match=r"as in .*flowers\.csv:species"):
        tasks.find(str(table))


def test_a_path_is_a_task(tmp_path):
    table, folder = tmp_path / "wine.csv", tmp_path / "animals"
    table.write_text("a,kind,target\n" + "1,x,0\n2,y,1\n" * 20)
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        for i in range(8):
            picture = Image.fromarray(np.full((8, 8, 3), 20 * i, np.uint8))
            picture.save(folder / kind / f"{i}.png")
    found = {str(w): tasks.find(str(w)) for w in (table, f"{table}:kind", folder)}
    assert [task.name for task in found.values()] == ["wine", "wine", "animals"]
    assert [task.model.name for task in found.values()] == ["mlp", "mlp", "resnet20"]
    assert {task.data.target for task in found.values()} == {None, "kind"}
    for task in found.values():
        short = tasks.changed(task, {"epochs": 1, "train": 9, "validation": 2})
        checks.check(short, [Method(label="SAM", kind="sam", rho=0.1)])
        record = train.train(Run(task=short, method=Method(label="a", kind="sam", rho=0.1), seed=0))
        assert record.steps == 1
    with pytest.raises(ValueError, match="takes no path of data, got 'x': leave it out"):
        tasks.find(str(table), "x")
    with pytest.raises(ValueError, match="there is no such file or folder either"):
        tasks.find(str(tmp_path / "absent.csv"))
    (tmp_path / "book.txt").write_text("a text")
    with pytest.raises(
        ValueError, match=r"neither a folder nor one of \*\.csv.* task file of your"
    ):
        tasks.find(str(tmp_path / "book.txt"))


def test_a_name_on_the_hub_is_a_task(monkeypatch):
    rows = {"words": [3, 4] * 20, "mood": [1, 0] * 20}
    parts = {"train": datasets.Dataset.from_dict(rows)}
    monkeypatch.setattr(datasets, "load_dataset", lambda *words, **named: parts)
    splits._read.cache_clear()
    task = tasks.find("hub:org/films:mood")
    assert (task.name, task.data.name, task.data.target) == ("org-films", "hub:org/films", "mood")
    assert task.model.name == "mlp"


def test_a_model_that_does_not_fit_the_data_is_refused_before_training(tmp_path):
    table = tmp_path / "wine.csv"
    table.write_text("a,y\n" + "1,0\n2,1\n" * 20)
    wrong = tasks.find(str(table), changes={"model": "resnet8"})
    with pytest.raises(ValueError, match=r"'resnet8' takes images, the data have features"):
        checks.check(wrong, [])
    with pytest.raises(ValueError, match=r"has 1200 examples .* got train=1796"):
        checks.check(tasks.find("digits", changes={"train": 1796}), [])


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
