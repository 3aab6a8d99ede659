"""What a model is worth at its weights as they stand: evaluation mode, no gradients."""

import hashlib
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sssam.lab.tasks.examples import Examples, Streamed, leaves, raw
from sssam.lab.tasks.problem import Judgement, accuracy, cross_entropy, run_model, scores

#: How many training examples the curves' loss is taken on, the first ones of the training set.
FIXED_SUBSET = 512

#: A larger batch of images leaves the cache of a CPU, and takes up to four times as long.
_BATCH = 128


class Judged(NamedTuple):
    """Scores on the CPU, bool or float64 in [0, 1], one an example; and the mean loss.

    `chance` is the score of the best constant answer, the share of the most frequent class; None
    where the metric is not the default accuracy. `targets` is the SHA-256 of all targets.
    """

    scores: Tensor
    loss: float
    chance: float | None
    targets: str

    @property
    def accuracy(self) -> float:
        """The mean score, in [0, 1]."""
        return self.scores.double().mean().item()

    @property
    def guessing(self) -> bool:
        """Whether a constant answer would have scored as much."""
        return self.chance is not None and self.accuracy <= self.chance + 1e-12

    @property
    def bits(self) -> str:
        """Right answers as a bit set in hexadecimal text: bit i is example i; "0x0" for shares."""
        flags = self.scores.tolist() if self.scores.dtype == torch.bool else []
        return hex(sum(1 << i for i, is_right in enumerate(flags) if is_right))


def judge(
    model: nn.Module,
    examples: Examples | Streamed,
    loss: Judgement = cross_entropy,
    metric: Judgement = accuracy,
) -> Judged:
    """Evaluates a model and leaves it in training mode; a non-finite output scores 0.

    Raises:
        ValueError: the metric's scores are not one an example, or leave [0, 1].
    """
    scored, total = [], torch.zeros((), dtype=torch.float64)
    counts, digest = Counter[int](), hashlib.sha256()
    model.eval()
    with torch.no_grad():
        for index, inputs, targets in examples.batches(torch.arange(len(examples)), _BATCH, 0):
            outputs = run_model(model, inputs)
            scored.append(scores(metric, outputs, targets, len(index)).cpu())
            if isinstance(outputs, Tensor):
                outputs = outputs.float()  # a loss in half precision would be coarse
            total += loss(outputs, targets).mean().double().cpu() * len(index)
            for leaf in leaves(targets):
                digest.update(raw(leaf))
            if metric is accuracy:
                counts.update(targets.flatten().tolist())
    model.train()
    chance = max(counts.values()) / counts.total() if counts else None
    return Judged(torch.cat(scored), total.item() / len(examples), chance, digest.hexdigest())
