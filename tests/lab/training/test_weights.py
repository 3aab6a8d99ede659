"""Averages of the weights and early stopping, against loops written by hand."""

import copy
import math

import pytest
import torch
from tiny import BASE, SAM, SSSAM, TASK, run, same_but_times

from sssam.lab.specs import ModelSpec
from sssam.lab.tasks import augment, models, splits
from sssam.lab.tasks.problem import run_model
from sssam.lab.training import checkpoints, evaluate, flatness, order, train
from sssam.lab.training.weights import decay as decay_of

EMA = BASE.model_copy(update={"label": "EMA", "average": "ema"})
SWA = BASE.model_copy(update={"label": "SWA", "average": "swa", "average_start": 0.5})
EARLY = BASE.model_copy(update={"label": "early", "patience": 1, "length": 3})
NORMED = TASK.model_copy(
    update={"model": ModelSpec(name="resnet8", widths=(2,)), "augment": "shifts"}
)
COMBINED = [
    method.model_copy(update={"average": average, "patience": patience})
    for method, average, patience in [
        (BASE, "ema", None),
        (SAM, "swa", None),
        (SSSAM, "ema", 2),
        (SAM, "sema", None),
        (BASE, "lawa", None),
        (BASE, "none", 1),
    ]
]


def _by_hand(steps, held_from, task=TASK):
    """The weights after each step of the base, whose rate stays from a step on; the test set."""
    split = splits.load(task.data, 0)
    model = models.build(task.model, split.form, 0)
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    rate = torch.optim.lr_scheduler.OneCycleLR(base, 0.1, total_steps=steps, cycle_momentum=False)
    after = []
    for epoch in range(steps // 3):
        for index in order.order(96, 0, epoch).split(32):
            base.zero_grad()
            images, labels = split.train.inputs[index], split.train.targets[index]
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            base.step()
            after.append(copy.deepcopy(model.state_dict()))
            if len(after) - 1 < held_from:
                rate.step()
    return model, after, split, base


def test_ema_is_the_exponential_mean_of_the_weights_after_each_step():
    record, (model, after, split, _) = train.train(run(EMA)), _by_hand(9, 9)
    mean, keep = after[0], 1 - 1 / (0.2 * 9)
    for weights in after[1:]:
        mean = {name: keep * mean[name] + (1 - keep) * weights[name] for name in mean}
    model.load_state_dict(mean)
    judged = evaluate.judge(model, split.train)
    assert record.train_loss == pytest.approx(judged.loss, rel=1e-5)
    assert record.correct == evaluate.judge(model, split.test).bits
    assert record.propagations == record.expected_propagations == 1
    assert record.train_loss != train.train(run(BASE)).train_loss


def test_swa_is_the_mean_of_the_later_weights_at_a_rate_that_is_held():
    record, (model, after, split, base) = train.train(run(SWA)), _by_hand(9, 5)
    mean = {name: torch.stack([w[name] for w in after[5:]]).mean(0) for name in after[0]}
    model.load_state_dict(mean)
    assert record.train_loss == pytest.approx(evaluate.judge(model, split.train).loss, rel=1e-5)
    assert record.correct == evaluate.judge(model, split.test).bits
    rate = base.param_groups[0]["lr"]
    assert [point.learning_rate for point in record.curve][-1] == pytest.approx(rate)
    assert rate > 0.03


def test_lawa_is_the_mean_of_the_ends_of_the_last_epochs_at_the_usual_rate():
    method = BASE.model_copy(update={"label": "LAWA", "average": "lawa", "average_start": 0.5})
    record, (model, after, split, _) = train.train(run(method)), _by_hand(9, 9)
    mean = {name: torch.stack([after[t][name] for t in (5, 8)]).mean(0) for name in after[0]}
    model.load_state_dict(mean)
    assert record.train_loss == pytest.approx(evaluate.judge(model, split.train).loss, rel=1e-5)
    assert record.correct == evaluate.judge(model, split.test).bits


def test_sema_goes_on_from_its_average_after_each_epoch():
    changed = {"label": "SEMA", "average": "sema", "average_horizon": 0.8}
    split = splits.load(TASK.data, 0)
    model = models.build(TASK.model, split.form, 0)
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    rate = torch.optim.lr_scheduler.OneCycleLR(base, 0.1, total_steps=9, cycle_momentum=False)
    keep, mean = 1 - 1 / (0.8 * 3), None
    for epoch in range(3):
        for index in order.order(96, 0, epoch).split(32):
            base.zero_grad()
            images, labels = split.train.inputs[index], split.train.targets[index]
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            base.step()
            rate.step()
            now = copy.deepcopy(model.state_dict())
            mean = mean or now
            mean = {name: keep * mean[name] + (1 - keep) * now[name] for name in now}
        model.load_state_dict(mean)
    record = train.train(run(BASE.model_copy(update=changed)))
    assert record.train_loss == pytest.approx(evaluate.judge(model, split.train).loss, rel=1e-5)
    assert record.correct == evaluate.judge(model, split.test).bits


@pytest.mark.parametrize(("horizon", "steps", "decay"), [(0.2, 100, 0.95), (0.2, 3, 0.0)])
def test_the_horizon_is_a_part_of_the_run(horizon, steps, decay):
    method = EMA.model_copy(update={"average_horizon": horizon})
    assert decay_of(method, steps) == pytest.approx(decay)


def test_an_average_leaves_the_training_as_it_is(tmp_path):
    """Dropout, augmentation and order are those of the run without it, batch norm's refresh too."""
    states = []
    for method in (BASE, EMA):
        path = tmp_path / f"{method.label}.pt"
        train.train(run(method, task=NORMED), checkpoint=path)
        states.append(checkpoints.load(path, run(method, task=NORMED)))
    for one, other in zip(*(state["model"].values() for state in states), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(states[0]["generator"], states[1]["generator"])


def test_batch_norm_is_refreshed_over_the_training_set_and_counted(tmp_path):
    path, asked = tmp_path / "run.pt", run(EMA, task=NORMED)
    record = train.train(asked, checkpoint=path)
    assert record.forwards == record.backwards + 3 == 12
    assert record.propagations == pytest.approx(1 + 3 / 3 / 9)
    assert record.expected_propagations == pytest.approx(record.propagations)
    assert record.curve[-1].propagations == pytest.approx(record.propagations * 9)
    assert record.curve[0].propagations == 3
    early = run(EMA.model_copy(update={"patience": 3}), task=NORMED)
    assert train.train(early).forwards == 9 + 3 * 3
    state = checkpoints.load(path, asked)
    weights = {k.removeprefix("module."): v for k, v in state["average"].items()}
    first = next(name for name in weights if name.endswith("running_mean"))
    assert not torch.equal(state["evaluated"][first], weights[first])
    torch.testing.assert_close(state["evaluated"][first], _statistics(state["evaluated"], first))


def _statistics(weights, name):
    """The mean over the last epoch's batches of the inputs to the first batch norm."""
    split = splits.load(NORMED.data, 0)
    model = models.build(NORMED.model, split.form, 0)
    model.load_state_dict(weights)
    norm = model.get_submodule(name.rpartition(".")[0])
    found = []
    norm.register_forward_pre_hook(lambda _, x: found.append(x[0].mean((0, 2, 3))))
    changed = augment.draw("shifts", 96, split.train.inputs, 0, 2)
    for index, inputs, _ in split.train.batches(order.order(96, 0, 2), 32):
        run_model(model.train(), changed(inputs, index))
    running = torch.zeros_like(found[0])
    for number, mean in enumerate(found, 1):
        running = running * (1 - 1 / number) + mean / number
    return running.detach()


def test_early_stopping_evaluates_the_best_epoch_and_costs_what_was_run(tmp_path):
    path = tmp_path / "run.pt"
    record = train.train(run(EARLY), checkpoint=path)
    scores = [point.validation_accuracy for point in record.curve]
    best = scores.index(max(scores))
    assert len(scores) == best + 2 < 9
    assert record.validation_accuracy == max(scores)
    assert record.train_loss == record.curve[best].train_loss
    assert (record.steps, record.propagations) == (3 * len(scores), 1)
    assert record.cost == len(scores) / 3
    assert record.sample_hash == train.train(run(BASE)).sample_hash
    _, after, split, _ = _by_hand(27, 27)
    model = models.build(TASK.model, split.form, 0)
    model.load_state_dict(after[3 * best + 2])
    assert record.correct == evaluate.judge(model, split.test).bits
    opened = flatness.opened(path, 8)
    pairs = zip(opened.model.state_dict().values(), after[3 * best + 2].values(), strict=True)
    for one, other in pairs:
        assert torch.equal(one, other)


def test_the_rate_is_annealed_over_the_whole_length():
    patient = train.train(run(EARLY.model_copy(update={"patience": 9})))
    whole = train.train(run(EARLY.model_copy(update={"patience": None})))
    assert patient.curve == whole.curve
    assert train.train(run(EARLY)).curve == whole.curve[: len(train.train(run(EARLY)).curve)]


@pytest.mark.parametrize("method", [EMA, EARLY], ids=lambda method: method.label)
def test_a_run_that_tunes_measures_the_same_but_no_test_set(method, monkeypatch):
    whole, seen, judge = train.train(run(method)), [], evaluate.judge
    monkeypatch.setattr(
        evaluate,
        "judge",
        lambda model, part, *how: seen.append(len(part)) or judge(model, part, *how),
    )
    tuned = train.train(run(method), test=False)
    assert set(seen) == {96, 32}  # of the training and validation set
    losses = [point.train_loss for point in tuned.curve]
    if method.patience is None:  # of epochs that can't be chosen no loss is asked for
        assert losses[:-1] == [None] * (len(losses) - 1)
        assert losses[-1] == whole.curve[-1].train_loss
        tuned = tuned.model_copy(update={"curve": whole.curve})
    fields = {"test_accuracy": None, "correct": "0x0", "test_size": 0, "test_hash": ""}
    fields["outcome"] = tuned.outcome  # near chance, of the validation set
    assert same_but_times(tuned) == same_but_times(whole).model_copy(update=fields)


@pytest.mark.parametrize("method", COMBINED, ids=lambda m: f"{m.label} {m.average} {m.patience}")
@pytest.mark.parametrize(("task", "length"), [(TASK, 2), (NORMED, 1)], ids=["plain", "batch norm"])
def test_a_run_cut_at_any_epoch_and_resumed_is_the_uncut_one(method, task, length, tmp_path):
    wanted = run(method.model_copy(update={"length": length}), task=task)
    whole = train.train(wanted)
    for cut in range(1, len(whole.curve) + 1):
        path = tmp_path / f"{cut}.pt"
        with pytest.raises(KeyboardInterrupt):
            train.train(wanted, checkpoint=path, on_epoch=_interrupting(cut))
        assert same_but_times(train.train(wanted, checkpoint=path)) == same_but_times(whole)


def _interrupting(cut):
    def interrupt(curve) -> None:
        if len(curve) == cut:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("average", ["ema", "swa"])
@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed", "16-mixed"])
def test_averages_in_every_precision_with_float32_weights_or_wider(average, precision):
    task = NORMED.model_copy(update={"precision": precision})
    record = train.train(run(SAM.model_copy(update={"average": average}), task=task))
    assert math.isfinite(record.train_loss)


def test_an_average_of_weights_in_bfloat16_is_refused():
    task = TASK.model_copy(update={"precision": "bf16-true"})
    with pytest.raises(ValueError, match=r"average of method 'EMA' is 'ema' .*take 'bf16-mixed'"):
        train.train(run(EMA, task=task))
