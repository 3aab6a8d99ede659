"""What the functions of this package are given, checked before anything is measured."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sssam.runtime.batches import size

#: (outputs, targets) -> a mean over the batch, or one number a sample.
Criterion = Callable[[Any, Any], Tensor]

_PRECISE = (torch.float32, torch.float64)


def pair(batch: Any) -> tuple[Any, Any]:
    """A batch as inputs and targets.

    Raises:
        TypeError: it is no pair.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(
            f"batches must give (inputs, targets), not {type(batch).__name__}; a model of several "
            "inputs takes them as one tuple or dict"
        )
    return batch[0], batch[1]


def summed(name: str, score: Criterion, outputs: Any, targets: Any) -> tuple[Tensor, int]:
    """The sum of a score over a batch, in float64 on the host, and how many numbers it sums.

    In float32 the rounding of a sum would hide the small rises of an average over directions.

    Raises:
        TypeError: the score is no tensor of at most one axis.
        ValueError: it is a mean over samples that can't be counted.
    """
    scores = score(outputs, targets)
    if not isinstance(scores, Tensor) or scores.ndim > 1:
        what = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else repr(scores)
        raise TypeError(f"{name} must return a scalar tensor or one number a sample, not {what}")
    scores = scores.cpu().double()
    if scores.ndim:
        return scores.sum(), len(scores)
    count = size(targets) or size(outputs)
    if not count:
        raise ValueError(f"no samples were found in a batch: let {name} return one number each")
    return scores * count, count


def walkable(batches: Iterable[Any]) -> Iterable[Any]:
    """The batches, if they can be walked again and again.

    Raises:
        TypeError: they can't.
    """
    if not isinstance(batches, Iterable):
        raise TypeError(f"batches must be a list or a DataLoader, not {type(batches).__name__}")
    if isinstance(batches, Iterator):
        raise TypeError(
            "batches is an iterator, which can be walked once only; give list(batches), or the "
            "DataLoader itself"
        )
    return batches


def parameters(model: nn.Module, params: Iterable[Tensor] | None) -> list[Tensor]:
    """The chosen parameters of the model; all that need gradients for None.

    Raises:
        TypeError: no module, or weights in another type than float32 and float64.
        ValueError: no parameters, foreign ones, or some that need no gradients.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    own = list(model.parameters())
    chosen = own if params is None else list(dict.fromkeys(params))
    if params is not None and {id(p) for p in chosen} - {id(p) for p in own}:
        raise ValueError("params holds tensors that are no parameters of the model")
    chosen = [p for p in chosen if p.requires_grad or params is not None]
    if not chosen:
        raise ValueError("params is empty: give parameters that need gradients")
    if frozen := [tuple(p.shape) for p in chosen if not p.requires_grad]:
        raise ValueError(f"params of shapes {frozen} need no gradients: call requires_grad_()")
    for p in chosen:
        if p.dtype not in _PRECISE:
            raise TypeError(
                f"the weights are {p.dtype}, in which curvature and small rises are lost to "
                "rounding; measure a copy in float32: copy.deepcopy(model).float()"
            )
    return chosen
