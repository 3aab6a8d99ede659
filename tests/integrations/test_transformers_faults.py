"""Skipped steps, interrupts and a batch that does not fit, under Trainer."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from tests.integrations.transformers_runs import (
    SCALE,
    SharpnessAwareTrainer,
    build_trainer,
    transformers,
    wrapping,
)


class Overflowing(SharpnessAwareTrainer):
    """The passes of some optimizer steps bring infinities; notes weights, scale and rate after."""

    overflows: frozenset[int] = frozenset()

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        return super().compute_loss(*args, **kwargs) * (
            math.inf if self.state.global_step in self.overflows else 1.0
        )


class Notes(transformers.TrainerCallback):
    """What stands at the end of each step, where Trainer evaluates and saves."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.weights: list[torch.Tensor] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **of: Any) -> None:
        self.rates.append(of["lr_scheduler"].get_last_lr()[0])
        self.weights.append(torch.cat([p.detach().flatten() for p in of["model"].parameters()]))


def test_a_step_that_the_scaler_skips_is_skipped_whole(tmp_path: Path) -> None:
    """The weights are back at w before Trainer saves, and the schedule waits, as it would."""
    found: dict[float, Notes] = {}
    for p in (0.0, 1.0):
        notes = Notes()
        own = {"sharpness": wrapping(p), "callbacks": [notes], "precision": "fp16"}
        trainer = build_trainer(tmp_path, Overflowing, **own)
        trainer.overflows = frozenset({2, 3, 7})
        trainer.train()
        found[p] = notes
        assert sssam.unwrap(trainer.optimizer).steps == 9
        assert trainer.accelerator.scaler.get_scale() == SCALE / 2**3 * 2  # grown once, at the end
        for t in range(1, 12):
            skipped = torch.equal(notes.weights[t], notes.weights[t - 1])
            assert skipped == (t in trainer.overflows)
    assert found[0.0].rates == found[1.0].rates
    assert len(set(found[0.0].rates)) == 9


def test_an_interrupt_between_micro_batches_leaves_w(tmp_path: Path) -> None:
    class Interrupts(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_step_end(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
            self.before = nn.utils.parameters_to_vector(model.parameters()).detach()

        def on_substep_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 2:
                raise KeyboardInterrupt

    def wrap(base: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
        return sssam.MSAM(torch.optim.SGD(base.param_groups, lr=0.01, momentum=0.9), model=model)

    interrupts = Interrupts()
    trainer = build_trainer(tmp_path, sharpness=wrap, callbacks=[interrupts])
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    left = nn.utils.parameters_to_vector(trainer.model.parameters()).detach()
    assert torch.equal(left, interrupts.before)


class Short(SharpnessAwareTrainer):
    """A device whose memory ends in the second pass of the third step."""

    passes = 0

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        self.passes += 1
        if self.passes == 6:
            raise RuntimeError("CUDA out of memory.")
        return super().compute_loss(*args, **kwargs)


def test_a_smaller_batch_found_has_its_own_schedule_and_starts_at_w(tmp_path: Path) -> None:
    made: list[sssam.SharpnessAware] = []
    weights: list[torch.Tensor] = []

    def wrap(base: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
        late: dict[str, Any] = {"schedule": sssam.schedules.late(0.5), "total_steps": total_steps}
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
        kind, settings = (sssam.SSSAM, late) if made else (sssam.SAM, {})
        made.append(kind(base, model=model, **settings))
        return made[-1]

    notes = Notes()
    more: dict[str, Any] = {
        "max_steps": -1,
        "num_train_epochs": 1,
        "auto_find_batch_size": True,
        "optim": "sgd",
    }
    more["gradient_accumulation_steps"] = 1
    trainer = build_trainer(tmp_path, Short, more=more, sharpness=wrap, callbacks=[notes])
    trainer.train()
    first, second = made
    assert first.steps == 2
    assert torch.equal(weights[1], notes.weights[1])  # and not at w + e, where memory ended
    assert trainer.state.max_steps == second.steps == 14  # 40 samples by 3, after 10 steps by 4
    assert second.ascents == 7
    assert second.expected_propagations == 1.5
