"""Random generators, put back where a pass has moved them: the global ones and a model's own."""

import ctypes
import random
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

Undo = Callable[[], object]


class Generators:
    """Random generators that a pass may move, to be put back.

    Torch's, of the host and of the devices; Python's; NumPy's; and those that a model holds in
    its modules' attributes, in lists, dicts and objects there. One that a model reaches only by a
    global name is not found.
    """

    def __init__(self, devices: Iterable[torch.device]) -> None:
        self._devices = [d for d in set(devices) if d.type not in ("cpu", "meta")]
        self._numpy = _NumPy()

    def note(self, model: object = None) -> Undo:
        """Note all states; the result puts them back.

        Args:
            model: whose own generators are noted too, where it is a module.
        """
        undo = [partial(torch.set_rng_state, torch.get_rng_state())]
        undo += map(_of_device, self._devices)
        undo.append(partial(random.setstate, random.getstate()))
        if "numpy" in sys.modules:
            undo.append(self._numpy.note())
        if isinstance(model, nn.Module):
            undo += map(_of_own, held_by(model))
        return partial(_all, undo)


def _all(undo: list[Undo]) -> None:
    for one in undo:
        one()


def _of_device(device: torch.device) -> Undo:
    module: Any = torch.get_device_module(device)
    return partial(module.set_rng_state, module.get_rng_state(device), device)


def _of_own(generator: Any) -> Undo:
    if isinstance(generator, torch.Generator):
        return partial(generator.set_state, generator.get_state())
    if isinstance(generator, random.Random):
        return partial(generator.setstate, generator.getstate())
    if hasattr(generator, "get_state"):
        return partial(generator.set_state, generator.get_state())
    return partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)


class _NumPy:
    """NumPy's global generator. To read its state takes as long as a small model's pass.

    So the state read last is taken again while the words of the generator, at the address that
    NumPy gives out, are the same; a normal number kept for the next call does not show there.
    """

    def __init__(self) -> None:
        self._words, self._state = b"", (None, None, None, 1, 0.0)

    def note(self) -> Undo:
        numpy: Any = sys.modules["numpy"]
        words = self._read(numpy)
        if not self._stands(words):
            self._words, self._state = words, numpy.random.get_state()
        return partial(self._put_back, numpy, words, self._state)

    def _put_back(self, numpy: Any, words: bytes, state: Any) -> None:
        if not (self._state is state and self._stands(self._read(numpy))):
            numpy.random.set_state(state)
            self._words, self._state = words, state

    def _stands(self, words: bytes) -> bool:
        keeps_normal = self._state[3]
        return bool(words) and words == self._words and not keeps_normal

    def _read(self, numpy: Any) -> bytes:
        generator = numpy.random.get_bit_generator()
        if type(generator) is not numpy.random.MT19937:
            return b""
        return ctypes.string_at(generator.ctypes.state_address, _MT19937)


#: The size of its struct: 624 words of state, and the position among them.
_MT19937 = 4 * 625
#: What is in every module's dictionary, and what holds no generator.
_OF_TORCH = frozenset(vars(nn.Module()))
_DATA = (bool, int, float, complex, str, bytes, type(None), Tensor)
_CODE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_EMPTY = (*_DATA, *_CODE, nn.Module)


def held_by(model: nn.Module) -> Iterator[Any]:
    """The generators that a model's modules hold, by themselves or up to two levels deep."""
    for module in model.modules():
        for name, value in vars(module).items():
            if name not in _OF_TORCH:
                yield from _within(value, 2)


def _within(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, _EMPTY):
        return
    if isinstance(value, _kinds()):
        if not isinstance(value, random.SystemRandom):  # it has no state
            yield value
    elif depth:
        for each in islice(_elements(value), 100):  # a long list holds data
            yield from _within(each, depth - 1)


def _elements(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple | set):
        return value
    return getattr(value, "__dict__", {}).values()


def _kinds() -> tuple[type, ...]:
    numpy: Any = sys.modules.get("numpy")
    own = (torch.Generator, random.Random)
    return own if numpy is None else (*own, numpy.random.Generator, numpy.random.RandomState)
