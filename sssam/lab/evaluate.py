"""What a model is worth at its weights as they stand: evaluation mode, no gradients."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sssam.lab.data import Examples

#: How many training examples the curves' loss is taken on, the first ones of the training set.
FIXED_SUBSET = 512

_BATCH = 1024


class Judged(NamedTuple):
    """Which examples were right (bool, on the CPU), and the mean cross-entropy in nats."""

    right: Tensor
    loss: float

    @property
    def accuracy(self) -> float:
        """The share that was right, in [0, 1]."""
        return self.right.double().mean().item()

    @property
    def bits(self) -> str:
        """`right` as a bit set in hexadecimal text: bit i is example i."""
        return bit_set(self.right)


def judge(model: nn.Module, examples: Examples) -> Judged:
    """Evaluates a model and leaves it in training mode; a non-finite output is never right."""
    model.eval()
    right, loss = [], torch.zeros((), dtype=torch.float64)
    with torch.no_grad():
        for images, labels in zip(*(torch.split(part, _BATCH) for part in examples), strict=True):
            logits: Tensor = model(images)
            finite = logits.isfinite().all(1)
            right.append(((logits.argmax(1) == labels) & finite).cpu())
            loss += cross_entropy(logits.float(), labels, reduction="sum").cpu()
    model.train()
    return Judged(torch.cat(right), loss.item() / len(examples))


def chance(examples: Examples) -> float:
    """The accuracy of the best constant answer: the share of the most frequent label."""
    return examples.labels.bincount().max().item() / len(examples)


def bit_set(flags: Tensor) -> str:
    """Flags as hexadecimal text; bit i of `int(text, 16)` is flag i.

    >>> bit_set(torch.tensor([True, False, False, False, True]))
    '0x11'
    """
    digits = "".join("1" if flag else "0" for flag in reversed(flags.tolist()))
    return hex(int(digits or "0", 2))
