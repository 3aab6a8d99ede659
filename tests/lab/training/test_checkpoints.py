import errno
import os

import pytest
import torch
from tiny import BASE, LONG, PART, SAM, SSSAM, TASK, run, same_but_times

from sssam.lab.specs import ModelSpec, Run
from sssam.lab.training import train


@pytest.mark.parametrize("method", [BASE, LONG, SSSAM, PART], ids=lambda method: method.label)
@pytest.mark.parametrize("cut", [1, 2])
def test_a_run_cut_at_any_epoch_and_resumed_is_the_uncut_run(method, cut, tmp_path):
    path = tmp_path / "run.pt"
    _train_until(run(method), cut, path)
    resumed = train.train(run(method), checkpoint=path)
    assert same_but_times(resumed) == same_but_times(train.train(run(method)))


def _train_until(wanted: Run, cut: int, path) -> None:
    def interrupt(curve) -> None:
        if len(curve) == cut:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(wanted, checkpoint=path, on_epoch=interrupt)


def test_a_resumed_residual_network_with_augmentation_is_the_uncut_one(tmp_path):
    task = TASK.model_copy(
        update={
            "model": ModelSpec(name="resnet8", widths=(4,)),
            "augment": True,
            "optimizer": "adamw",
            "learning_rate": 1e-3,
            "anneal": "cosine",
            "epochs": 2,
        }
    )
    wanted, path = run(SAM, task=task), tmp_path / "run.pt"
    _train_until(wanted, 1, path)
    resumed = train.train(wanted, checkpoint=path)
    assert same_but_times(resumed) == same_but_times(train.train(wanted))


def test_a_finished_checkpoint_gives_the_record_again(tmp_path):
    path, seen = tmp_path / "run.pt", []
    first = train.train(run(SAM), checkpoint=path)
    again = train.train(run(SAM), checkpoint=path, on_epoch=seen.append)
    assert again.seconds == first.seconds
    assert same_but_times(again) == same_but_times(first)
    assert seen == []


def test_checkpoints_come_at_least_so_many_seconds_apart(tmp_path, monkeypatch):
    path, there, ticks = tmp_path / "run.pt", [], iter(range(0, 100, 10))
    monkeypatch.setattr(train, "monotonic", lambda: float(next(ticks)))
    note = lambda _: there.append(path.exists())  # noqa: E731
    train.train(run(), checkpoint=path, least_seconds=15, on_epoch=note)
    assert there == [False, True, True]


def test_a_checkpoint_of_another_run_names_what_differs(tmp_path):
    path = tmp_path / "run.pt"
    train.train(run(SAM, seed=1), checkpoint=path)
    wider = TASK.model_copy(update={"model": ModelSpec(name="mlp", widths=(9,))})
    text = r"another run: task\.model\.widths is \(8,\) there, not \(9,\)\. Give"
    with pytest.raises(ValueError, match=text):
        train.train(run(SAM, seed=1, task=wider), checkpoint=path)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04torn"])
def test_a_file_that_is_no_checkpoint(tmp_path, content):
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.pt' is no checkpoint"):
        train.train(run(), checkpoint=path)


def test_a_checkpoint_executes_nothing(tmp_path):
    path = tmp_path / "run.pt"
    torch.save({"format": ..., "call": print}, path)
    with pytest.raises(ValueError, match="is no checkpoint"):
        train.train(run(), checkpoint=path)


def test_a_full_disk_leaves_the_checkpoint_of_before(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    _train_until(run(SAM), 1, path)
    before = path.read_bytes()

    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"run\.pt' could not be written: No space left"):
        train.train(run(SAM), checkpoint=path)
    assert path.read_bytes() == before
