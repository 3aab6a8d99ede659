"""Buffers and random generators, left by a step as a plain step would leave them."""

import pickle
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from sssam.core.vectors import local

Undo = Callable[[], None]


class Buffers:
    """Copies of a model's buffers, to be put back in place.

    Batch norm's running statistics, spectral norm's vectors, anything that a forward pass moves:
    no hook is set and no `momentum` changed, since either would recompile a compiled model.
    """

    def __init__(self, model: nn.Module) -> None:
        self._places = [
            (module, name, buffer)
            for module in model.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        movable = [local(b.detach()) for _, _, b in self._places if _can_be_written(b)]
        self._movable, self._copies = movable, [buffer.clone() for buffer in movable]

    @torch.no_grad()
    def put_back(self) -> None:
        """Write the copies over all buffers, and put replaced ones back.

        All of them: batch norm changes its statistics without a trace in their version counters.
        """
        for module, name, buffer in self._places:
            if module._buffers.get(name) is not buffer:
                module._buffers[name] = buffer
        if self._movable:
            torch._foreach_copy_(self._movable, self._copies)


def _can_be_written(buffer: Tensor) -> bool:
    # To what inference mode made (a table of positions, in an evaluation), and to one number that
    # is expanded (a mask), torch lets nobody write: no pass can have moved it.
    if buffer.is_inference():
        return False
    if buffer.layout is not torch.strided:
        return True
    return all(step or n < 2 for step, n in zip(buffer.stride(), buffer.shape, strict=True))


@contextmanager
def preserve_buffers(model: nn.Module) -> Iterator[None]:
    """Leave the model's buffers as they were found: for the second pass of a loop of one's own.

    Args:
        model: the module whose buffers (running statistics and the like) are put back at the end,
            in place, whatever happens inside.

    >>> norm = torch.nn.BatchNorm1d(2)
    >>> with preserve_buffers(norm):
    ...     _ = norm(torch.ones(4, 2))
    >>> norm.running_mean
    tensor([0., 0.])
    """
    kept = Buffers(model)
    try:
        yield
    finally:
        kept.put_back()


@dataclass(frozen=True)
class Generator:
    """A random generator: how its state is read and set, and whether it must always be put back."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    of_torch: bool = True


def _generators(devices: Iterable[torch.device]) -> list[Generator]:
    found = [Generator(torch.get_rng_state, torch.set_rng_state)]
    for device in devices:
        if device.type not in ("cpu", "meta"):
            module: Any = torch.get_device_module(device)
            write = partial(_swapped, module.set_rng_state, device)
            found.append(Generator(partial(module.get_rng_state, device), write))
    found.append(Generator(random.getstate, random.setstate, of_torch=False))
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        found.append(Generator(numpy.random.get_state, numpy.random.set_state, of_torch=False))
    return found


def _swapped(write: Callable[..., object], device: torch.device, state: Tensor) -> None:
    write(state, device)


class Generators:
    """Random generators that a pass may move, to be put back.

    Torch's, of the host and of the devices, always. Python's and NumPy's cost as much to read as a
    small model's pass, and few models draw from them: they are watched during the first pass, and
    from then on only if that pass moved them.
    """

    def __init__(self, devices: Iterable[torch.device]) -> None:
        self._all = _generators(devices)
        self._watched = False

    def note(self) -> Undo:
        """Note all states; the result puts them back."""
        states = [(generator, generator.read()) for generator in self._all]
        return partial(self._put_back, states)

    def _put_back(self, states: list[tuple[Generator, Any]]) -> None:
        if not self._watched:
            self._watched = True
            self._all = [g for g, state in states if g.of_torch or _differ(g.read(), state)]
        for generator, state in states:
            generator.write(state)


def _differ(one: Any, other: Any) -> bool:
    return pickle.dumps(one) != pickle.dumps(other)


Rng = Literal["restore", "same-mask"]
NO_MODEL = (
    "sssam: the extra passes move batch norm's running statistics (and any other buffer) too; "
    "give model=model to keep them as a plain step leaves them, or model=False if there are none"
)


class Guard:
    """Sees to it that one pass a step, the first over the whole batch, leaves its traces.

    Args:
        model: whose buffers are kept; None warns once that none are, False says that none matter.
        rng: "restore" puts random generators back after the extra passes; "same-mask" also starts
            every pass of a step from the same state, so that all see equal dropout masks.
    """

    def __init__(self, model: nn.Module | Literal[False] | None, rng: Rng) -> None:
        if rng not in get_args(Rng):
            raise ValueError(f"rng must be one of {', '.join(get_args(Rng))}, not {rng!r}")
        if not (model is None or model is False or isinstance(model, nn.Module)):
            raise TypeError(f"model must be a torch.nn.Module, None or False, not {model!r}")
        self.model, self.rng = model, rng
        self._warned = model is not None
        self._generators: Generators | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the step: what was noted is dropped, not put back."""
        self._undo: list[Undo] = []
        self._replay: Undo | None = None
        self._left_traces = False

    def start(self, params: Iterable[Tensor]) -> None:
        """A new step, before its first pass."""
        self.reset()
        if self._generators is None:
            self._generators = Generators({p.device for p in params})
        if self.rng == "same-mask":
            self._replay = self._generators.note()

    def enter(self, whole: bool) -> None:
        """Before a pass, over the whole batch or a part of it."""
        if self._left_traces or not whole:
            self._note()
        else:
            self._left_traces = True
        if self._replay is not None:
            self._replay()

    def leave(self) -> None:
        """After a pass: put back what it must not have moved."""
        for undo in self._undo:
            undo()
        self._undo = []

    def _note(self) -> None:
        self._undo = [] if self._generators is None else [self._generators.note()]
        if isinstance(self.model, nn.Module):
            self._undo.append(Buffers(self.model).put_back)
        elif not self._warned:
            self._warned = True
            warnings.warn(NO_MODEL, stacklevel=2)
