import hashlib
import math
import platform
import subprocess
import sys
import warnings
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest
import torch
from lightning_fabric.plugins import precision
from tiny import ALL, BASE, LONG, PART, SAM, SSSAM, TASK, run, same_but_times

from sssam.lab.specs import DataSpec, Method, Precision, Record
from sssam.lab.tasks import splits as data
from sssam.lab.training import hardware, order, train
from sssam.schedules.draws import Draws

EVERY = pytest.mark.parametrize("method", ALL, ids=lambda method: method.label)


@EVERY
def test_the_same_run_gives_the_same_record(method):
    one, two = train.train(run(method)), train.train(run(method))
    assert same_but_times(one) == same_but_times(two)
    assert Record.model_validate_json(one.model_dump_json()) == one


def test_methods_of_a_seed_share_weights_order_and_labels():
    records = [train.train(run(method, seed=5)) for method in ALL]
    assert len({record.sample_hash for record in records}) == 1
    assert len({record.initial_hash for record in records}) == 1
    assert len({record.test_hash for record in records}) == 1
    other = train.train(run(BASE, seed=6))
    assert other.sample_hash != records[0].sample_hash
    assert other.initial_hash != records[0].initial_hash
    assert other.test_hash == records[0].test_hash


def test_the_hash_sees_the_order_and_the_labels_that_were_trained_on():
    split, expected = data.load(TASK.data, 0), ""
    for epoch in range(TASK.epochs):
        sequence = order.order(96, 0, epoch)
        seen = split.train.targets[sequence].numpy().tobytes()
        expected = hashlib.sha256(expected.encode() + sequence.numpy().tobytes() + seen).hexdigest()
    assert train.train(run(BASE)).sample_hash == expected


@EVERY
def test_the_counters_count_what_was_run(method):
    record = train.train(run(method))
    assert record.steps == 9 * method.length == len(record.curve) * 3
    assert [point.step for point in record.curve] == list(range(3, record.steps + 1, 3))
    assert record.forwards == record.backwards == record.propagations * record.steps
    assert record.curve[-1].propagations == pytest.approx(record.forwards)
    assert record.test_size == 1797 // 5
    assert int(record.correct, 16).bit_count() == round(record.test_accuracy * record.test_size)


def test_a_record_holds_what_came_of_the_run_and_where_it_was_made():
    record, here = train.train(run(SSSAM)), Path(hardware.__file__).parents[3]
    assert [point.step for point in record.curve] == [3, 6, 9]
    assert record.curve[-1].train_loss == record.train_loss < record.curve[0].train_loss
    assert 0 < record.validation_accuracy < 1
    assert record.seconds > 0
    assert record.peak_memory is None  # on CUDA alone
    made = record.environment
    assert made.cores >= made.threads == 1
    assert made.device == "cpu, 32-true"
    assert all((made.time, made.processor, made.platform))
    assert made.versions["torch"] == version("torch")  # without "+cu128"
    assert made.versions["python"] == platform.python_version()
    asked = ["git", "-C", str(here), "rev-parse", "--short=12", "HEAD"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    assert made.commit == (found if found and (here / ".git").exists() else None)


def test_ascended_steps_are_the_trials():
    record = train.train(run(SSSAM))
    trial = Draws(SSSAM.scheduling_function(), 9, 0, "bernoulli")
    assert [bool(int(record.ascended, 16) >> t & 1) for t in range(9)] == [
        trial(t) for t in range(9)
    ]
    assert int(train.train(run(SAM)).ascended, 16) == 2**9 - 1
    assert int(train.train(run(BASE)).ascended, 16) == 0


def test_an_ascent_on_part_of_the_batch_costs_its_part():
    record = train.train(run(PART))
    assert record.propagations == record.expected_propagations == 1.125


def test_a_run_that_diverges_is_a_record():
    record = train.train(run(BASE, task=TASK.model_copy(update={"learning_rate": 1e30})))
    assert record.outcome == "diverged"
    assert record.steps == 3 < 9
    assert record.train_loss is None
    assert 0 <= record.test_accuracy <= 0.2


def test_a_run_that_learns_nothing_is_diverged_with_its_accuracy():
    record = train.train(run(BASE, task=TASK.model_copy(update={"learning_rate": 1e-9})))
    assert record.outcome == "diverged"
    assert record.steps == 9
    assert record.train_loss == pytest.approx(2.3, abs=0.2)


def test_progress_is_told_at_each_epoch():
    seen = []
    record = train.train(run(LONG), on_epoch=seen.append)
    assert seen == [record.curve[:epoch] for epoch in range(1, 7)]


def test_the_global_generator_and_the_threads_stay_as_they_were():
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    one = train.train(run(SSSAM))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    torch.manual_seed(4)
    assert same_but_times(train.train(run(SSSAM))) == same_but_times(one)


def test_bad_runs_are_refused_before_training(tmp_path):
    lost = TASK.model_copy(update={"data": DataSpec(name="folder", path=str(tmp_path / "absent"))})
    with pytest.raises(FileNotFoundError, match="does not exist"):
        train.train(run(task=lost))
    with pytest.raises(ValueError, match="needs a schedule"):
        train.train(run(Method(label="mine", kind="sssam")))


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("method", [BASE, SSSAM], ids=lambda method: method.label)
def test_every_precision_trains(method, precision):
    asked = run(method, task=TASK.model_copy(update={"precision": precision, "epochs": 6}))
    record = train.train(asked)
    assert record.steps == 18
    assert record.train_loss < record.curve[0].train_loss
    assert record.environment.device == f"cpu, {precision}"
    assert (asked.id == run(method, task=TASK.model_copy(update={"epochs": 6})).id) == (
        precision == "32-true"
    )


@pytest.mark.parametrize("method", [BASE, SAM], ids=lambda method: method.label)
def test_the_rate_waits_for_steps_that_the_scaler_skips(method, monkeypatch):
    """The scale halves at each overflow, from far above what float16 can represent."""
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**20)
    monkeypatch.setattr(
        precision, "MixedPrecision", partial(precision.MixedPrecision, scaler=scaler)
    )
    task = TASK.model_copy(update={"precision": "16-mixed"})
    record = train.train(run(method, task=task))
    skipped = 20 - round(math.log2(scaler.get_scale()))
    assert 0 < skipped < 9
    base = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    rate = torch.optim.lr_scheduler.OneCycleLR(base, 0.1, total_steps=9, cycle_momentum=False)
    for _ in range(8 - skipped):
        base.step()
        rate.step()
    assert record.curve[-1].learning_rate == pytest.approx(rate.get_last_lr()[0])
    assert record.steps == 9
    assert int(record.ascended, 16).bit_count() == (9 - skipped if method is SAM else 0)


def test_the_constant_rate_stays_and_one_cycle_ends_near_zero():
    for anneal, last in (("constant", 0.1), ("one-cycle", 4e-7), ("cosine", 0.0030154)):
        record = train.train(run(task=TASK.model_copy(update={"anneal": anneal})))
        assert record.curve[-1].learning_rate == pytest.approx(last, rel=1e-4)


def test_a_login_node_of_slurm_s_is_like_any_machine(tmp_path, monkeypatch):
    srun = tmp_path / "srun"
    srun.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert train.train(run()).steps == 9


def test_the_order_is_a_function_of_seed_and_epoch_and_visits_every_example():
    one, same, other, next_one = (order.order(50, *key) for key in ((0, 0), (0, 0), (1, 0), (0, 1)))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one, next_one)
    assert sorted(one.tolist()) == list(range(50))


def test_mixed_precision_prints_nothing(capfd):
    code = "from sssam.lab.training.hardware import fabric; fabric('cpu', 'bf16-mixed')"
    # In a process of its own, since pytest would take what is logged.
    subprocess.run([sys.executable, "-c", code], check=True)
    assert capfd.readouterr() == ("", "")
