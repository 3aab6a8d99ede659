"""The loss on the straight line between two solutions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from sssam.sharpness.arguments import Criterion
from sssam.sharpness.landscape import columns, coordinates
from sssam.sharpness.objective import Mode, Objective

State = Mapping[str, Any]

FROM_END_TO_END = tuple(i / 20 for i in range(21))


@dataclass(frozen=True)
class Line:
    """The loss between two solutions, float64 on the CPU.

    Attributes:
        x: coordinates, shape (n,): 0 is the first solution, 1 the second.
        loss: L there, shape (n,), in the units of the loss; not finite where L is not.
        metric: the mean of the metric there, shape (n,); None if no metric was given.
    """

    x: Tensor
    loss: Tensor
    metric: Tensor | None

    @property
    def barrier(self) -> float:
        """The largest rise above the straight line between the losses at both ends, at least 0.

        Near 0, the two lie in one basin: "Linear Mode Connectivity and the Lottery Ticket
        Hypothesis", Frankle et al., 2020, arXiv 1912.05671.

        Raises:
            ValueError: 0 or 1 is not among the coordinates.
        """
        ends = [self.loss[self.x == end] for end in (0.0, 1.0)]
        if not all(len(end) for end in ends):
            raise ValueError("x must hold 0 and 1 for a barrier, not only points between them")
        between = (self.x >= 0) & (self.x <= 1)
        rises = self.loss - torch.lerp(ends[0][0], ends[1][0], self.x)
        return max(0.0, rises[between].max().item())


def loss_line(
    model: nn.Module,
    loss: Criterion,
    batches: Iterable[Any],
    first: State,
    second: State,
    *,
    x: Sequence[float] = FROM_END_TO_END,
    metric: Criterion | None = None,
    statistics: Iterable[Any] | None = None,
    mode: Mode = "eval",
) -> Line:
    """L at (1 - x) first + x second: a forward pass over the batches for each coordinate.

    Weights and floating-point buffers are interpolated, batch norm's running statistics among
    them (beyond the ends they keep the end's: a variance must not become negative); whole numbers
    are the first's. The statistics of a mixture are not the mixture of the statistics, so that a
    barrier can be theirs: give `statistics` to find them anew at each point ("REPAIR", Jordan et
    al., arXiv 2211.08403). The model's own state is put back bit for bit, and gradients, training
    flags and random generators are left as found, whatever is raised.

    Args:
        model, loss, batches, mode: as for `Hessian`; the model is where the solutions are run.
        first, second: two state dicts of this model. Between solutions trained from other first
            weights there is nearly always a barrier.
        x: the coordinates; 0 is `first` and 1 is `second`, exactly.
        metric: `metric(outputs, targets)`, a mean or one number a sample.
        statistics: (inputs, targets) over which batch norm's statistics are averaged anew at each
            point, in training mode and batch by batch, by `torch.optim.swa_utils.update_bn`;
            training data, not test data. None: interpolated.

    Raises:
        ValueError: states of other keys or shapes than the model's; no coordinates.
        TypeError: as `Hessian`.
    """
    objective = Objective(model, loss, batches, mode=mode)
    points = coordinates("x", x)
    ends = _copied("first", first, model), _copied("second", second, model)
    anew = None if statistics is None else Objective(model, loss, statistics)
    values = []
    with _state_kept(model):
        for at in points.tolist():
            _interpolate(model, *ends, at)
            if anew is not None:
                _estimate(anew)
            values.append(objective.measured(metric))
    return Line(points, *columns(values))


def _copied(name: str, state: State, model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a state, copied: it may be the model's own, which is about to move."""
    own, given = _tensors(model.state_dict()), _tensors(state)
    if strange := sorted(own.keys() ^ given.keys()):
        more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
        named = ", ".join(strange[:3]) + more
        raise ValueError(f"{name} is no state of this model: they differ in {named}")
    for key, tensor in own.items():
        if tensor.shape != given[key].shape:
            raise ValueError(
                f"{name} is no state of this model: {key} has shape {tuple(given[key].shape)}, "
                f"the model's {tuple(tensor.shape)}"
            )
    return {key: tensor.clone() for key, tensor in given.items()}


def _tensors(state: State) -> dict[str, Tensor]:
    return {key: value.detach() for key, value in state.items() if isinstance(value, Tensor)}


@contextmanager
def _state_kept(model: nn.Module) -> Iterator[None]:
    own = _tensors(model.state_dict())
    copies = {key: tensor.clone() for key, tensor in own.items()}
    try:
        yield
    finally:
        for key, tensor in own.items():
            tensor.copy_(copies[key])
        torch.clear_autocast_cache()


def _interpolate(
    model: nn.Module, first: dict[str, Tensor], second: dict[str, Tensor], at: float
) -> None:
    weights = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    for key, tensor in _tensors(model.state_dict()).items():
        if tensor.is_floating_point():
            where = at if key in weights else min(max(at, 0.0), 1.0)
            tensor.copy_(torch.lerp(first[key].to(tensor), second[key].to(tensor), where))
        else:
            tensor.copy_(first[key])
    torch.clear_autocast_cache()


def _estimate(statistics: Objective) -> None:
    """Batch norm's running statistics, as the mean over batches at the weights as they stand."""
    norms = [norm for norm in statistics.model.modules() if isinstance(norm, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    try:
        with statistics.undisturbed():
            update_bn(statistics.batches, statistics.model)
            means = [{k: b.clone() for k, b in norm.named_buffers(recurse=False)} for norm in norms]
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    for norm, estimated in zip(norms, means, strict=True):
        for key, value in estimated.items():
            norm.get_buffer(key).copy_(value)
