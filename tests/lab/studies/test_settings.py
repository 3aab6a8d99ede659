"""The values among which settings are tuned: of each kind's own range, and of what a task has."""

import pytest
from tiny import TASK

from sssam.lab import tasks
from sssam.lab.studies import settings
from sssam.lab.training import methods

TUNABLE = [kind for kind in methods.KINDS if methods.default_rho(kind)]


@pytest.mark.parametrize("kind", TUNABLE)
def test_every_radius_starts_within_a_grid_that_grows(kind):
    axis = settings.radii(kind)
    assert axis.grows
    assert list(axis.values) == sorted(axis.values)
    if kind != "random":
        assert axis.start == methods.default_rho(kind)
        assert max(axis.values) == pytest.approx(16 * axis.start, rel=0.01)


def test_a_random_perturbation_is_tried_up_to_40():
    assert max(settings.radii("random").values) == 40


def test_ire_has_no_radius_by_default_and_is_tried_at_sam_s():
    assert methods.default_rho("ire") == 0
    assert settings.radii("ire") == settings.radii("sam")


def test_a_perceptron_s_recipe_has_all_settings_and_starts_at_the_task_s():
    found = settings.recipe(TASK)
    starts = {name: axis.start for name, axis in found.items()}
    assert starts == {
        "learning_rate": TASK.learning_rate,
        "weight_decay": TASK.weight_decay,
        "label_smoothing": 0.0,
        "dropout": 0.0,
    }
    assert all(axis.grows for axis in found.values())


def test_a_task_without_weight_decay_may_get_some():
    axis = settings.recipe(tasks.changed(TASK, {"weight_decay": 0.0}))["weight_decay"]
    assert (axis.start, axis.values) == (0.0, (0.0, 5e-4, 5e-3))


def test_a_model_without_dropout_and_a_loss_of_one_s_own_have_fewer(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        "import torch\nfrom sssam.lab import Problem\ndef task(seed):\n"
        "    part = (torch.randn(8, 2), torch.zeros(8).long())\n"
        "    return Problem(torch.nn.Linear(2, 2), train=part, validation=part, test=part,\n"
        "                   loss=lambda o, t: o.square().sum(1),\n"
        "                   optimizer=lambda p, rate: torch.optim.SGD(p, rate))\n"
    )
    task = tasks.find(str(path))
    assert list(settings.recipe(task)) == ["learning_rate"]
    with pytest.raises(
        ValueError, match=r"dropout can't be tuned on task 'own'.* learning_rate can"
    ):
        settings.axis("dropout", "base", task)
