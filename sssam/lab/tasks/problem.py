"""A `Problem`: model, data, loss and metric, as a function in a file of one's own returns them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sssam.lab.tasks.examples import Examples, ProblemError, Samples, Streamed, checked, leaves

#: Outputs of the model and targets -> one number a sample.
Judgement = Callable[[Any, Any], Tensor]

#: Parameters and the peak learning rate -> a torch optimizer.
OwnOptimizer = Callable[[Iterable[nn.Parameter], float], Optimizer]


def cross_entropy(outputs: Any, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """The cross-entropy of each sample in nats, the mean over its positions where it has several.

    Args:
        outputs: scores (n, classes), or (n, length, classes) with one prediction a position; or
            an object with such `logits`, as the models of Transformers return it.
        targets: the classes, whole numbers of shape (n,) or (n, length).
        label_smoothing: the share of each target that goes to all classes alike, in [0, 1).

    Returns:
        Losses of shape (n,).
    """
    scores = _scores(outputs, targets)
    losses = nn.functional.cross_entropy(
        scores.flatten(0, -2),
        targets.flatten().long(),
        reduction="none",
        label_smoothing=label_smoothing,
    )
    return losses if targets.ndim == 1 else losses.view(len(targets), -1).mean(1)


def accuracy(outputs: Any, targets: Tensor) -> Tensor:
    """Whether the highest score is the target's; the share of positions where there are several.

    Args and shapes as for `cross_entropy`; returns bool, or float64 in [0, 1], of shape (n,).
    """
    right = _scores(outputs, targets).argmax(-1) == targets
    return right if targets.ndim == 1 else right.double().flatten(1).mean(1)


def _scores(outputs: Any, targets: Any) -> Tensor:
    scores = getattr(outputs, "logits", outputs)
    if not isinstance(scores, Tensor) or not isinstance(targets, Tensor):
        raise ProblemError(
            f"the default loss and metric take a tensor of scores and one of classes, got "
            f"{type(outputs).__name__} and {type(targets).__name__}: give a loss and a metric"
        )
    if scores.shape[:-1] != targets.shape or targets.is_floating_point():
        raise ProblemError(
            f"outputs of shape {tuple(scores.shape)} do not fit targets of shape "
            f"{tuple(targets.shape)} and type {targets.dtype}: the default loss and metric want "
            "scores (n, classes) and whole numbers (n,), or (n, length, classes) and (n, length); "
            "for anything else give a loss and a metric"
        )
    return scores


@dataclass(frozen=True, eq=False)
class Problem:
    """What is trained and how it is judged; the whole interface of a task of one's own.

    Training, validation and test samples are each a pair `(inputs, targets)` of tensors, or of any
    nesting of tuples, lists and dicts of tensors, whose first dimension counts the samples: it is
    kept in memory. Or they are a map-style torch `Dataset` of such pairs, one a sample: its batches
    are made anew each epoch by torch's `DataLoader`, in an order that depends on seed and epoch
    alone. (A `TensorDataset` is taken into memory.) Draw its augmentations from torch's generator.

    The model is called as `model(inputs)`; a dict's entries are passed by their names, those of a
    tuple or list in their order.

    Args:
        model: the module to train. Built inside the function, after torch's, NumPy's and Python's
            generators were seeded with the run's seed: so equal seeds give equal weights.
        train: the training samples.
        validation: those that tuning looks at.
        test: those that a run looks at once, at its end.
        loss: `loss(outputs, targets)` -> losses of shape (n,), one a sample; default cross-entropy.
            A scalar is allowed; then methods that choose samples (ESAM, K-SAM) are refused.
        metric: `metric(outputs, targets)` -> scores of shape (n,), bool or float in [0, 1], higher
            is better; default: whether the class with the highest score is right.
        metric_name: what tables call the metric's mean over the test set.
        optimizer: `optimizer(parameters, learning_rate)` -> a torch optimizer, in the place of the
            one that the settings name.
        num_workers: processes that read a `Dataset`, at least 0.

    Raises:
        ProblemError: samples, the model or a function are not what is described above; the text
            names it and says how to fix it.
    """

    model: nn.Module
    train: Samples
    validation: Samples
    test: Samples
    loss: Judgement = cross_entropy
    metric: Judgement = accuracy
    metric_name: str = "accuracy"
    optimizer: OwnOptimizer | None = None
    num_workers: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.model, nn.Module):
            raise ProblemError(f"model is a {type(self.model).__name__}, must be a torch.nn.Module")
        if not any(weight.requires_grad for weight in self.model.parameters()):
            raise ProblemError("model has no parameter that needs gradients: nothing to train")
        for name in ("loss", "metric", "optimizer"):
            function = getattr(self, name)
            if not (callable(function) or (name == "optimizer" and function is None)):
                raise ProblemError(f"{name} is {function!r}, must be a function")
        for name in ("train", "validation", "test"):
            object.__setattr__(self, name, checked(name, getattr(self, name), self.num_workers))

    @property
    def parts(self) -> tuple[Examples | Streamed, Examples | Streamed, Examples | Streamed]:
        """Training, validation and test samples, as the laboratory reads them."""
        return self.train, self.validation, self.test  # type: ignore[return-value]


def run_model(model: nn.Module, inputs: Any) -> Any:
    """The model's outputs: a dict's entries by their names, a tuple's or list's in their order."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


def scores(metric: Judgement, outputs: Any, targets: Any, n: int) -> Tensor:
    """The metric of each of n samples, checked: 0 where an output of the sample is not finite.

    Raises:
        ProblemError: it has another shape, is NaN or leaves [0, 1].
    """
    values = metric(outputs, targets)
    if not isinstance(values, Tensor) or values.shape != (n,):
        got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise ProblemError(
            f"metric gave {got} for {n} samples, must give a tensor of shape ({n},): one score a "
            "sample, not their mean"
        )
    values = torch.where(_finite(outputs, n), values, torch.zeros_like(values))
    wrong = values[~((values >= 0) & (values <= 1))]
    if len(wrong):
        raise ProblemError(
            f"metric gave the score {wrong[0].item():g}, must be in [0, 1], higher is better: "
            "scale it, or give whether the sample is right"
        )
    return values


def _finite(outputs: Any, n: int) -> Tensor:
    """Which samples have finite outputs alone, as far as they are tensors of n samples."""
    each = [leaf for leaf in leaves(outputs) if isinstance(leaf, Tensor) and leaf.shape[:1] == (n,)]
    finite = [leaf.reshape(n, -1).isfinite().all(1) for leaf in each]
    return torch.stack(finite).all(0) if finite else torch.ones(n, dtype=torch.bool)
