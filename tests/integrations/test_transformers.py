"""Trainer's steps are sharpness-aware, and all that it does around them is as it was."""

import copy
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.amp import GradScaler

import sssam
from sssam.schedules import constant
from tests.integrations import by_hand

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")
from sssam.integrations.transformers import SharpnessAwareTrainer  # noqa: E402

WORDS, LENGTH, SAMPLES, MICRO, SCALE = 12, 6, 40, 4, 2.0**8


def _model(dropout: float = 0.0) -> Any:
    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=WORDS,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=LENGTH,
        num_labels=3,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    return transformers.BertForSequenceClassification(config)


def _data() -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(WORDS, (SAMPLES, LENGTH), generator=generator)
    return [{"input_ids": row, "labels": int(row[0]) % 3} for row in tokens]


def _arguments(folder: Path, **more: Any) -> Any:
    settings: dict[str, Any] = {
        "use_cpu": True,
        "max_steps": 12,
        "per_device_train_batch_size": MICRO,
        "gradient_accumulation_steps": 2,
        "learning_rate": 1e-2,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_strategy": "no",
        "train_sampling_strategy": "sequential",
    }
    return transformers.TrainingArguments(str(folder), **{**settings, **more})


def _sharpness(p: float, **more: Any) -> Any:
    def wrap(base: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
        assert total_steps == 12
        schedule = constant(p)
        return sssam.SSSAM(base, schedule=schedule, total_steps=total_steps, model=model, **more)

    return wrap


def _trainer(
    folder: Path,
    kind: type = SharpnessAwareTrainer,
    *,
    dropout: float = 0.0,
    precision: str = "fp32",
    more: Any = None,
    **own: Any,
) -> Any:
    kinds = {"bf16": precision == "bf16", "fp16": precision == "fp16"}
    arguments = _arguments(folder, **kinds, **(more or {}))
    trainer = kind(_model(dropout), arguments, train_dataset=_data(), **own)
    if precision == "fp16":  # Accelerate makes a scaler on GPUs alone; all around it runs here too
        trainer.accelerator.scaler = GradScaler("cpu", init_scale=SCALE, growth_interval=4)
        trainer.accelerator.native_amp = True
    return trainer


@pytest.mark.parametrize(("mix", "part"), [(1.0, 1.0), (0.4, 1.0), (0.4, 0.5)])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_it_equals_a_loop_by_hand(tmp_path: Path, mix: float, part: float, precision: str) -> None:
    """Accumulated, clipped after the mix, with Trainer's own optimizer and warm-up."""
    more = {"max_grad_norm": 0.3, "warmup_steps": 3, "optim": "sgd", "learning_rate": 0.3}
    own = {"sharpness": _sharpness(0.5, rho=0.1, mix=mix, ascent_fraction=part)}
    trainer = _trainer(tmp_path, precision=precision, more=more, **own)
    model = copy.deepcopy(trainer.model).train()
    trainer.train()
    draws = sssam.Draws(constant(0.5), 12, seed=0)

    reference = _trainer(tmp_path, transformers.Trainer, more=more)
    reference.model = model
    base = reference.create_optimizer()
    scheduler = reference.create_scheduler(12, base)
    narrow, scale = torch.bfloat16, 1.0
    rows = _data()
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
        (SharpnessAwareTrainer, {"sharpness": _sharpness(0.0)}),
    ):
        more = {"train_sampling_strategy": "random"}
        trainer = _trainer(tmp_path, kind, dropout=0.2, more=more, **own)
        loss = trainer.train().training_loss
        ends.append((trainer.model, loss))
    by_hand.equal(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]


@pytest.mark.parametrize(("precision", "part"), [("fp32", 1.0), ("fp16", 1.0), ("fp32", 0.5)])
def test_a_run_resumed_equals_the_uncut_one(tmp_path: Path, precision: str, part: float) -> None:
    def build(folder: Path) -> Any:
        more = {"save_strategy": "steps", "save_steps": 5, "train_sampling_strategy": "random"}
        own = {"sharpness": _sharpness(0.5, mix=0.5, ascent_fraction=part)}
        return _trainer(folder, dropout=0.2, precision=precision, more=more, **own)

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
        own = {"sharpness": _sharpness(p), "callbacks": [notes], "precision": "fp16"}
        trainer = _trainer(tmp_path, Overflowing, **own)
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


def test_a_method_that_moves_before_the_first_pass(tmp_path: Path) -> None:
    def wrap(base: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
        return sssam.MSAM(torch.optim.SGD(base.param_groups, lr=0.01, momentum=0.9), model=model)

    trainer = _trainer(tmp_path, sharpness=wrap)
    trainer.train()
    sharp = sssam.unwrap(trainer.optimizer)
    assert (sharp.steps, sharp.counters.forwards, sharp.ascents) == (12, 12, 12)


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
    trainer = _trainer(tmp_path, sharpness=wrap, callbacks=[interrupts])
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
    trainer = _trainer(tmp_path, Short, more=more, sharpness=wrap, callbacks=[notes])
    trainer.train()
    first, second = made
    assert first.steps == 2
    assert torch.equal(weights[1], notes.weights[1])  # and not at w + e, where memory ended
    assert trainer.state.max_steps == second.steps == 14  # 40 samples by 3, after 10 steps by 4
    assert second.ascents == 7
    assert second.expected_propagations == 1.5


def test_trainer_without_ours_refuses_at_the_first_step(tmp_path: Path) -> None:
    model = _model()
    base = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer = sssam.SSSAM(base, schedule=constant(0), total_steps=12, model=model)
    trainer = transformers.Trainer(
        model, _arguments(tmp_path), train_dataset=_data(), optimizers=(optimizer, None)
    )
    with pytest.raises(RuntimeError, match=r"the second pass would never happen"):
        trainer.train()


def test_what_is_missing_or_can_not_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="give sharpness=lambda base, total_steps, model"):
        _trainer(tmp_path)
    given = sssam.SAM(torch.optim.SGD(_model().parameters(), lr=0.1), model=False)
    with pytest.raises(ValueError, match=r"auto_find_batch_size=True.*give sharpness= instead"):
        _trainer(tmp_path, more={"auto_find_batch_size": True}, optimizers=(given, None))
    trainer = _trainer(tmp_path, sharpness=_sharpness(0.0, rng="same-mask"))
    with pytest.raises(RuntimeError, match=r"ascend\(\) can't serve this optimizer"):
        trainer.train()
