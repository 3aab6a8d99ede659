"""One pass a step leaves its traces in buffers and generators; the others are rolled back."""

import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal, get_args

from torch import Tensor, nn

from sssam.runtime.buffers import Buffers
from sssam.runtime.frozen import Frozen
from sssam.runtime.generators import Generators
from sssam.runtime.others import Others
from sssam.runtime.tensors import Extents

Rng = Literal["restore", "same-mask"]
NO_MODEL = (
    "sssam: the extra passes move batch norm's running statistics (and any other buffer) too; "
    "give model=model to keep them as a plain step leaves them, or model=False if there are none"
)

NOT_ALONE = (
    "another sharpness-aware optimizer of the same model is amid a step: each one's extra pass "
    "would add to the other's gradients. Give one optimizer a list of the base optimizers, end the "
    "other's step first, or give it up by its restore()"
)
#: Which guard rolled a pass of a model back last.
_at_work: "weakref.WeakKeyDictionary[nn.Module, weakref.ref[Guard]]" = weakref.WeakKeyDictionary()


class Snapshot:
    """Buffers, others' gradients and the like as they stood, to be put back."""

    def __init__(self, undo: list[Callable[[], object]]) -> None:
        self._undo = undo

    def put_back(self) -> None:
        """Put back all that can be; then raise the first error, if there was one."""
        failed: list[RuntimeError] = []
        for undo in self._undo:
            try:
                undo()
            except RuntimeError as error:
                failed.append(error)
        if failed:
            raise failed[0]


class Guard:
    """Buffers, frozen parameters and generators advance once a step; other passes are rolled back.

    The first pass over the whole batch is the one that leaves its traces.

    Args:
        model: whose buffers are kept; None warns once that none are, False says that none matter.
        rng: "restore" puts random generators back after the extra passes; "same-mask" also starts
            every pass of a step from the same state, so that all see equal dropout masks.

    Raises:
        ValueError: an unknown `rng`.
        TypeError: a `model` of another type.
    """

    def __init__(self, model: nn.Module | Literal[False] | None, rng: Rng) -> None:
        if rng not in get_args(Rng):
            raise ValueError(f"rng must be one of {', '.join(get_args(Rng))}, not {rng!r}")
        if not (model is None or model is False or isinstance(model, nn.Module)):
            raise TypeError(f"model must be a torch.nn.Module, None or False, not {model!r}")
        self.model, self.rng = model, rng
        self._warned = model is not None
        self._frozen = Frozen(self._modules())
        self._generators: Generators | None = None
        self._params: list[Tensor] = []
        self._trained = Extents()
        self._open: Snapshot | None = None
        self._replay: Callable[[], object] | None = None
        self._left_traces = False

    def __reduce__(self) -> tuple[type["Guard"], tuple[object, Rng]]:
        return type(self), (self.model, self.rng)  # a copy finds out for itself, by its own memory

    def snapshot(self, params: Iterable[Tensor]) -> Snapshot:
        """Note all that a pass may move, as it stands now. Changes nothing.

        Args:
            params: the trained parameters.
        """
        generators, modules = self._know(list(params)), self._modules()
        undo: list[Callable[[], object]] = [generators.note(module for _, module in modules)]
        undo.append(Buffers(modules, self._trained).put_back)
        undo.append(Others(modules, self._params).put_back)
        copies = self._frozen.note(modules, self._params, self._trained)
        undo.append(partial(self._frozen.put_back, copies))
        return Snapshot(undo)

    def _modules(self) -> list[tuple[str, nn.Module]]:
        return list(self.model.named_modules()) if isinstance(self.model, nn.Module) else []

    def _know(self, params: list[Tensor]) -> Generators:
        known = self._params
        if len(known) != len(params) or any(map(_are_two, known, params)):
            self._params, self._trained = params, Extents(params)
        if self._generators is None:
            self._generators = Generators(p.device for p in params)
        return self._generators

    def begin(self, params: Iterable[Tensor]) -> None:
        """A step begins, before its first pass: all earlier notes are forgotten.

        Args:
            params: the trained parameters.
        """
        generators = self._know(list(params))
        self.end()
        self._frozen.suspect()
        if self.rng == "same-mask":
            self._replay = generators.note(module for _, module in self._modules())

    @contextmanager
    def around(self, whole: bool, noted: Snapshot | None = None) -> Iterator[None]:
        """Around one pass: the first over the whole batch leaves its traces, others leave none.

        Args:
            whole: whether the pass runs over the whole batch.
            noted: a snapshot from before the pass, where that has run or begun already; it is
                what is put back.

        Raises:
            RuntimeError: naming what could not be put back, after all else was.
        """
        leaves_traces = whole and not self._left_traces
        self._left_traces |= whole
        if leaves_traces:
            with self._watched():
                yield
        else:
            with self._rolled_back(noted):
                yield

    @contextmanager
    def _watched(self) -> Iterator[None]:
        if self._replay is not None:
            self._replay()
        try:
            yield
        finally:
            self._frozen.confirm()

    @contextmanager
    def _rolled_back(self, noted: Snapshot | None) -> Iterator[None]:
        if not self._warned:
            self._warned = True
            warnings.warn(NO_MODEL, stacklevel=2)
        self._require_alone()
        snapshot = self._open = noted or self.snapshot(self._params)
        try:
            if self._replay is not None:
                self._replay()
            yield
        except GeneratorExit:  # the program ends amid a step, or the optimizer is let go
            raise
        except BaseException as error:
            try:
                self._close(snapshot)
            except RuntimeError as failure:
                error.add_note(str(failure))
            raise
        self._close(snapshot)

    def _require_alone(self) -> None:
        """An error while another optimizer of the same model is amid a step: they share a loss."""
        if not isinstance(self.model, nn.Module):
            return
        rival = _at_work.get(self.model, weakref.ref(self))()
        if rival is not None and rival is not self and rival._open is not None:
            raise RuntimeError(NOT_ALONE)
        _at_work[self.model] = weakref.ref(self)

    def _close(self, snapshot: Snapshot) -> None:
        if self._open is snapshot:  # else the step was dropped, what is there now was loaded
            try:
                snapshot.put_back()
            except RuntimeError:  # once said, it is over; after an interrupt `end` tries again
                self._open = None
                raise
            self._open = None

    def end(self, loaded: bool = False) -> None:
        """The step is over or dropped: what was noted is forgotten.

        Args:
            loaded: whether buffers, generators and weights may have been loaded within a pass,
                which are then kept; else one whose end was interrupted is rolled back now.
        """
        if self._open is not None and not loaded:
            self._close(self._open)
        self._open = self._replay = None
        self._left_traces = False


def _are_two(one: Tensor, other: Tensor) -> bool:
    return one is not other
