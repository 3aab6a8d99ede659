"""Random generators, put back where a pass has moved them: the global ones and a model's own."""

import ctypes
import random
import struct
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
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
        self._devices = {d for d in devices if d.type not in ("cpu", "meta")}
        self._python, self._numpy = _Python(), _NumPy()
        self._modules: Sequence[nn.Module] = ()
        self._searched: list[nn.Module] = []
        self._quiet: list[dict[str, Any]] = []
        self._sizes: list[int] = []

    def note(self, modules: Sequence[nn.Module] = ()) -> Undo:
        """Note all states; the result puts them back.

        Args:
            modules: whose own generators are noted too; the same object as long as they are.
        """
        undo: list[Undo] = [partial(torch.set_rng_state, torch.get_rng_state())]
        undo += map(_of_device, self._devices | _current())
        undo.append(self._python.note())
        if "numpy" in sys.modules:
            undo.append(self._numpy.note())
        if modules is not self._modules or [*map(len, self._quiet)] != self._sizes:
            self._look(modules)
        undo += map(_of_own, held_by(self._searched))
        return partial(_all, undo)

    def _look(self, modules: Sequence[nn.Module]) -> None:
        """Find the modules that may hold generators: not torch's own layers that hold data alone.

        What is added to these shows in their size.
        """
        quiet = [*filter(_is_quiet, modules)]
        known = {*map(id, quiet)}
        self._searched = [module for module in modules if id(module) not in known]
        self._quiet = [module.__dict__ for module in quiet]
        self._sizes = [*map(len, self._quiet)]
        self._modules = modules


def _is_quiet(module: nn.Module) -> bool:
    """Whether a layer of torch's holds nothing that could come to hold a generator."""
    return type(module).__module__.startswith("torch.nn.") and all(
        name in _OF_TORCH or _is_data(value) for name, value in vars(module).items()
    )


def _is_data(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_data, value))
    return type(value) in _HOOKS or isinstance(value, _NOT_SEARCHED)


def _current() -> set[torch.device]:
    """Where passes may run though no parameter lies there: offloaded ones wait on the host."""
    cuda: Any = torch.cuda
    return {torch.device("cuda", cuda.current_device())} if cuda.is_initialized() else set()


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
        return partial(generator.set_state, generator.get_state(legacy=False))
    return partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)


class _Python:
    """Python's global generator. To read its state takes as long as all the others' together.

    So its words are noted as they lie in its memory, if they lie there as they are known to: the
    state is made of them only where some were drawn.
    """

    def __init__(self) -> None:
        self._of: Any = random.getstate.__self__  # type: ignore[attr-defined]
        self._start = _start_of_words(self._of)

    def note(self) -> Undo:
        if self._start is None:
            return partial(random.setstate, random.getstate())
        words = ctypes.string_at(self._start, _WORDS.size)
        return partial(self._put_back, self._start, words, self._of.gauss_next)

    def _put_back(self, start: int, words: bytes, normal: float | None) -> None:
        if ctypes.string_at(start, _WORDS.size) != words:
            position, *state = _WORDS.unpack(words)
            random.setstate((3, (*state, position), normal))
        elif self._of.gauss_next != normal:
            self._of.gauss_next = normal

    def __reduce__(self) -> tuple[type["_Python"], tuple[()]]:
        return type(self), ()  # an address is of no use elsewhere


#: The position among the words of a Mersenne twister, and the words.
_WORDS = struct.Struct("=i624I")


def _start_of_words(generator: Any) -> int | None:
    """Where in memory a generator of Python's has its words; None if it is not as CPython's."""
    _, (*state, position), _ = generator.getstate()
    if sys.implementation.name != "cpython":
        return None
    memory = ctypes.string_at(id(generator), type(generator).__basicsize__)
    at = memory.find(_WORDS.pack(position, *state))
    return None if at < 0 else id(generator) + at


class _NumPy:
    """NumPy's global generator. To read its state takes as long as a small model's pass.

    So the state read last is taken again while the words of the generator, at the address that
    NumPy gives out, are the same; a normal number kept for the next call does not show there.
    """

    def __init__(self) -> None:
        self._words = b""
        self._state: dict[str, Any] = {}

    def note(self) -> Undo:
        numpy: Any = sys.modules["numpy"]
        words = self._read(numpy)
        if not self._stands(words):
            self._words, self._state = words, numpy.random.get_state(legacy=False)
        return partial(self._put_back, numpy, words, self._state)

    def _put_back(self, numpy: Any, words: bytes, state: Any) -> None:
        if not (self._state is state and self._stands(self._read(numpy))):
            numpy.random.set_state(state)
            self._words, self._state = words, state

    def _stands(self, words: bytes) -> bool:
        return bool(words) and words == self._words and not self._state["has_gauss"]

    def _read(self, numpy: Any) -> bytes:
        generator = numpy.random.get_bit_generator()
        if type(generator) is not numpy.random.MT19937:
            return b""
        return ctypes.string_at(generator.ctypes.state_address, _MT19937)


#: The size of its struct: 624 words of state, and the position among them.
_MT19937 = 4 * 625
#: What is in every module's dictionary, and what holds no generator: all modules are searched at
#: each pass, since generators come and go.
_OF_TORCH = frozenset(vars(nn.Module()))
_DATA = {bool, int, float, complex, str, bytes, type(None), Tensor, nn.Parameter, torch.Size}
_HOOKS = _DATA | {OrderedDict}
_LISTS = (list, tuple, set)
_CODE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_NOT_SEARCHED = (nn.Module, Tensor, *_CODE)


def held_by(modules: Iterable[nn.Module]) -> list[Any]:
    """The generators that modules hold, by themselves or up to two levels deep."""
    kinds, generators = _kinds(), []
    for module in modules:
        for name, value in vars(module).items():
            if type(value) not in _HOOKS and name not in _OF_TORCH:
                generators += _within(value, kinds, 2)
    return generators


def _within(value: Any, kinds: tuple[type, ...], depth: int) -> list[Any]:
    if isinstance(value, _LISTS):
        elements = islice(value, 100)  # a long one holds data
    elif isinstance(value, dict):
        elements = islice(value.values(), 100)
    elif isinstance(value, kinds):
        return [] if isinstance(value, random.SystemRandom) else [value]  # that has no state
    elif isinstance(value, _NOT_SEARCHED):
        return []
    else:
        elements = islice(getattr(value, "__dict__", {}).values(), 100)
    nested = [each for each in elements if type(each) not in _DATA]
    return [one for each in nested if depth for one in _within(each, kinds, depth - 1)]


def _kinds() -> tuple[type, ...]:
    numpy: Any = sys.modules.get("numpy")
    own = (torch.Generator, random.Random)
    return own if numpy is None else (*own, numpy.random.Generator, numpy.random.RandomState)
