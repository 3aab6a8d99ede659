"""The recipe of a run beyond its method: length, weight decay, label smoothing."""

import pytest
import torch
from tiny import BASE, SAM, TASK, run

from sssam.lab.tasks import models
from sssam.lab.tasks import splits as data
from sssam.lab.tasks.problem import cross_entropy
from sssam.lab.training import evaluate, order
from sssam.lab.training.prepare import base_optimizer, set_dropout, training_loss
from sssam.lab.training.train import train


def test_a_recipe_of_its_own_is_the_bare_loop_with_it():
    recipe = {"weight_decay": 0.02, "label_smoothing": 0.3, "length": 2 / 3, "learning_rate": 0.2}
    record = train(run(BASE.model_copy(update=recipe)))
    split = data.load(TASK.data, 0)
    model = models.build(TASK.model, split.form, 0)
    base = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=0.02)
    rate = torch.optim.lr_scheduler.OneCycleLR(base, 0.2, total_steps=6, cycle_momentum=False)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=0.3)
    for epoch in range(2):
        for index in order.order(96, 0, epoch).split(32):
            base.zero_grad()
            loss(model(split.train.inputs[index]), split.train.targets[index]).backward()
            base.step()
            rate.step()
    judged = evaluate.judge(model, split.test)
    assert record.steps == 6
    assert (record.correct, record.test_accuracy) == (judged.bits, judged.accuracy)
    assert record.train_loss == pytest.approx(evaluate.judge(model, split.train).loss)


@pytest.mark.parametrize("length", [1 / 3, 2])
def test_runs_of_any_length_share_their_samples_and_anneal_to_their_end(length):
    record = train(run(SAM.model_copy(update={"length": length})))
    assert record.sample_hash == train(run(BASE)).sample_hash
    assert record.steps == 9 * length
    assert record.curve[-1].learning_rate < 1e-5


def test_an_optimizer_of_the_task_s_own_takes_no_weight_decay():
    decayed = run(BASE.model_copy(update={"weight_decay": 0.1}))
    with pytest.raises(ValueError, match=r"weight_decay of method 'base' is 0\.1, must be left"):
        base_optimizer(decayed, torch.nn.Linear(1, 1), torch.optim.SGD)


def test_dropout_is_that_of_every_layer_and_zero_is_none_at_all():
    zero, half = (train(run(BASE.model_copy(update={"dropout": p}))) for p in (0.0, 0.5))
    plain = train(run(BASE))
    assert zero.curve == plain.curve != half.curve
    assert zero.initial_hash == plain.initial_hash == half.initial_hash
    dropped = run(BASE.model_copy(update={"dropout": 0.5}))
    model = torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.Dropout2d(0.2))
    set_dropout(dropped, model)
    assert [layer.p for layer in model] == [0.5, 0.5]
    with pytest.raises(ValueError, match=r"dropout of method 'base' is 0\.5, must be left out"):
        set_dropout(dropped, torch.nn.Linear(1, 1))


def test_a_loss_of_the_task_s_own_takes_no_label_smoothing():
    smoothed = run(BASE.model_copy(update={"label_smoothing": 0.1}))
    with pytest.raises(ValueError, match=r"label_smoothing of method 'base' is 0\.1, must be 0"):
        training_loss(smoothed, lambda outputs, targets: outputs)
    assert training_loss(run(), cross_entropy) is cross_entropy
