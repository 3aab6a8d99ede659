"""A schedule-free base under Trainer: steps in train mode, evaluation in eval mode."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from tests.integrations.transformers_runs import build_trainer, token_data


class Modes(torch.optim.SGD):
    """Like schedule-free optimizers, it refuses to step unless it was told to train."""

    mode, evaluated = "eval", 0

    def train(self) -> None:
        self.mode = "train"

    def eval(self) -> None:
        self.mode, self.evaluated = "eval", self.evaluated + 1

    def step(self, closure: Any = None) -> Any:
        assert self.mode == "train"
        return super().step(closure)


@pytest.mark.parametrize("part", [1.0, 0.5])
def test_trainer_sets_the_modes_and_no_step_is_given_up(tmp_path: Path, part: float) -> None:
    def wrap(base: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
        modes = Modes(base.param_groups, lr=0.01)
        return sssam.SAM(modes, ascent_fraction=part, model=model)

    more = {"eval_strategy": "steps", "eval_steps": 6}
    trainer = build_trainer(tmp_path, more=more, sharpness=wrap, eval_dataset=token_data())
    trainer.train()
    sharp: Any = sssam.unwrap(trainer.optimizer)
    assert (sharp.steps, sharp.ascents, sharp.counters.forwards) == (12, 12, 12 * (1 + part))
    assert sharp.bases[0].evaluated == 2
