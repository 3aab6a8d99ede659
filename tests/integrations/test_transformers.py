"""Trainer's steps are sharpness-aware, and all that it does around them is as it was."""

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from sssam.schedules import constant
from tests.integrations import by_hand
from tests.integrations.transformers_runs import (
    MICRO,
    SCALE,
    SharpnessAwareTrainer,
    build_trainer,
    small_model,
    token_data,
    training_arguments,
    transformers,
    wrapping,
)


@pytest.mark.parametrize(("mix", "part"), [(1.0, 1.0), (0.4, 1.0), (0.4, 0.5)])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_it_equals_a_loop_by_hand(tmp_path: Path, mix: float, part: float, precision: str) -> None:
    """Accumulated, clipped after the mix, with Trainer's own optimizer and warm-up."""
    more = {"max_grad_norm": 0.3, "warmup_steps": 3, "optim": "sgd", "learning_rate": 0.3}
    own = {"sharpness": wrapping(0.5, rho=0.1, mix=mix, ascent_fraction=part)}
    trainer = build_trainer(tmp_path, precision=precision, more=more, **own)
    model = copy.deepcopy(trainer.model).train()
    trainer.train()
    draws = sssam.Draws(constant(0.5), 12, seed=0)

    reference = build_trainer(tmp_path, transformers.Trainer, more=more)
    reference.model = model
    base = reference.create_optimizer()
    scheduler = reference.create_scheduler(12, base)
    narrow, scale = torch.bfloat16, 1.0
    rows = token_data()
    collate = transformers.default_data_collator
    for t in range(12):
        if precision == "fp16":
            narrow, scale = torch.float16, SCALE * 2 ** (t // 4)
        start = t % 5 * 2 * MICRO  # 40 samples are 5 steps of 2 micro-batches of 4

        def losses(
            n: int, start: int = start, narrow: torch.dtype = narrow, scale: float = scale
        ) -> list[Callable[[], torch.Tensor]]:
            def loss(first: int) -> torch.Tensor:
                batch = collate(rows[first : first + n])
                with torch.autocast("cpu", dtype=narrow, enabled=precision != "fp32"):
                    found: torch.Tensor = model(**batch, num_items_in_batch=2 * n).loss
                return found.float() * scale

            return [partial(loss, start), partial(loss, start + MICRO)]

        how: dict[str, Any] = {
            "sharp": draws(t),
            "rho": 0.1,
            "mix": mix,
            "clip": 0.3,
            "scale": scale,
        }
        ascent = losses(int(MICRO * part)) if part < 1 else None
        by_hand.step(model, base, losses(MICRO), ascent=ascent, **how)
        scheduler.step()
    sharp = sssam.unwrap(trainer.optimizer)
    by_hand.close(trainer.model, model)
    assert sharp.ascents == sum(draws(t) for t in range(12))
    assert sharp.counters.forwards == sharp.counters.backwards == 12 + part * sharp.ascents
    assert 0 < sharp.ascents < 12
    assert trainer.lr_scheduler.get_last_lr() == scheduler.get_last_lr()


def test_without_ascents_it_is_trainer_to_the_bit(tmp_path: Path) -> None:
    """Shuffled, with dropout and the losses that are logged."""
    ends = []
    for kind, own in (
        (transformers.Trainer, {}),
        (SharpnessAwareTrainer, {"sharpness": wrapping(0.0)}),
    ):
        more = {"train_sampling_strategy": "random"}
        trainer = build_trainer(tmp_path, kind, dropout=0.2, more=more, **own)
        loss = trainer.train().training_loss
        ends.append((trainer.model, loss))
    by_hand.equal(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]


@pytest.mark.parametrize(("precision", "part"), [("fp32", 1.0), ("fp16", 1.0), ("fp32", 0.5)])
def test_a_run_resumed_equals_the_uncut_one(tmp_path: Path, precision: str, part: float) -> None:
    def build(folder: Path) -> Any:
        more = {"save_strategy": "steps", "save_steps": 5, "train_sampling_strategy": "random"}
        own = {"sharpness": wrapping(0.5, mix=0.5, ascent_fraction=part)}
        return build_trainer(folder, dropout=0.2, precision=precision, more=more, **own)

    whole = build(tmp_path)
    whole.train()
    resumed = build(tmp_path)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-5"))
    by_hand.equal(whole.model, resumed.model)
    one, other = sssam.unwrap(whole.optimizer), sssam.unwrap(resumed.optimizer)
    assert (one.steps, one.ascents, one.counters.forwards) == (
        other.steps,
        other.ascents,
        other.counters.forwards,
    )
    assert one.steps == 12
    if precision == "fp16":
        assert whole.accelerator.scaler.get_scale() == SCALE * 2**3  # grown after 4, 8, 12 steps
        assert resumed.accelerator.scaler.get_scale() == SCALE * 2**3


def test_a_method_that_moves_before_the_first_pass(tmp_path: Path) -> None:
    def wrap(base: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
        return sssam.MSAM(torch.optim.SGD(base.param_groups, lr=0.01, momentum=0.9), model=model)

    trainer = build_trainer(tmp_path, sharpness=wrap)
    trainer.train()
    sharp = sssam.unwrap(trainer.optimizer)
    assert (sharp.steps, sharp.counters.forwards, sharp.ascents) == (12, 12, 12)


def test_trainer_without_ours_refuses_at_the_first_step(tmp_path: Path) -> None:
    model = small_model()
    base = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer = sssam.SSSAM(base, schedule=constant(0), total_steps=12, model=model)
    trainer = transformers.Trainer(
        model,
        training_arguments(tmp_path),
        train_dataset=token_data(),
        optimizers=(optimizer, None),
    )
    with pytest.raises(RuntimeError, match=r"the second pass would never happen"):
        trainer.train()


def test_what_is_missing_or_can_not_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="give sharpness=lambda base, total_steps, model"):
        build_trainer(tmp_path)
    given = sssam.SAM(torch.optim.SGD(small_model().parameters(), lr=0.1), model=False)
    with pytest.raises(ValueError, match=r"auto_find_batch_size=True.*give sharpness= instead"):
        build_trainer(tmp_path, more={"auto_find_batch_size": True}, optimizers=(given, None))
    trainer = build_trainer(tmp_path, sharpness=wrapping(0.0, rng="same-mask"))
    with pytest.raises(RuntimeError, match=r"ascend\(\) can't serve this optimizer"):
        trainer.train()
