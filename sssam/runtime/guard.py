"""Buffers and generators advance once per step; other passes are rolled back."""

import warnings
import weakref
from collections.abc import Callable
from functools import partial
from itertools import chain
from types import TracebackType
from typing import Literal, Protocol, get_args

from torch import Tensor, nn

from sssam.runtime.buffers import Buffers
from sssam.runtime.frozen import Frozen
from sssam.runtime.generators import Generators, Undo
from sssam.runtime.layout import Layout
from sssam.runtime.others import Others
from sssam.runtime.tensors import Extents, is_plain

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


class Owner(Protocol):
    """Whose guard it is."""

    def give_up(self, *, loaded: bool = False) -> None:
        """Give up the step in progress."""
        ...


def _nobody() -> None:
    """Stands in for a reference to the guard, of a model that no guard has rolled back."""


#: Which guard rolled a pass of a model back last.
_at_work: "weakref.WeakKeyDictionary[nn.Module, weakref.ref[Guard]]" = weakref.WeakKeyDictionary()


class Guard:
    """Buffers, frozen parameters and generators advance once a step; other passes are rolled back.

    What the first pass over the whole batch moves stays.

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
        self._layout = Layout(model if isinstance(model, nn.Module) else None)
        self._buffers, self._frozen = Buffers(self._layout), Frozen(self._layout)
        self._others, self.rolls_back = Others(), False
        self._generators: Generators | None = None
        self._params: list[Tensor] = []
        self._known: list[Tensor] = []
        self._foreign: list[Tensor] = []
        self._parameters: list[Tensor | None] = []
        self._plain: list[Tensor] = []
        self._addresses: list[int] = []
        self._trained = Extents()
        self.owner: Callable[[], Owner | None] = _nobody

    def __reduce__(self) -> tuple[type["Guard"], tuple[object, Rng]]:
        return type(self), (self.model, self.rng)  # a copy finds out for itself, by its own memory

    def begin(self, params: list[Tensor], *, may_shrink: bool) -> "Rollback":
        """A step begins, before its first pass.

        Args:
            params: the trained parameters.
            may_shrink: whether only the end of the first pass tells that it took the whole batch.
        """
        self._params = params
        self._frozen.suspect()
        replay = None if self.rng == "restore" else self._note()
        return Rollback(self, replay, may_shrink)

    def _note(self) -> Undo:
        self._layout.refresh()
        return self._know(self._params).note(self._layout.own)

    def _know(self, params: list[Tensor]) -> Generators:
        parameters = self._layout.parameters
        if params is not self._known or parameters is not self._parameters:
            known = set(map(id, params))
            own = {id(p): p for p in parameters if p is not None}
            self._foreign = [p for i, p in own.items() if i not in known]
            self._generators = None
        if self._generators is None or self._have_moved():
            self._known, self._parameters = params, parameters
            self._trained = Extents(params)
            self._plain = [p for p in params if is_plain(p)]
            self._addresses = [*map(Tensor.data_ptr, self._plain)]
            self._generators = Generators({p.device for p in chain(params, self._foreign)})
        return self._generators

    def _have_moved(self) -> bool:
        """Whether parameters lie elsewhere: the model was converted, or went to another device."""
        return [*map(Tensor.data_ptr, self._plain)] != self._addresses

    def snapshot(self) -> list[Undo]:
        """Note all that a pass may move, as it stands now; what is returned puts it back."""
        generators = self._note()
        self._buffers.note(self._trained)
        self._others.note(self._foreign)
        copies = self._frozen.note(self._foreign, self._params, self._trained)
        frozen = partial(self._frozen.put_back, copies)
        return [generators, self._buffers.put_back, self._others.put_back, frozen]

    def confirm(self) -> None:
        """After the pass that is not rolled back: note which frozen parameters it has moved."""
        self._frozen.confirm()

    def require_alone(self) -> None:
        """An error while another optimizer of the same model is amid a step: they share a loss."""
        if self._rival() is not None:
            raise RuntimeError(NOT_ALONE)
        if isinstance(self.model, nn.Module):
            _at_work[self.model] = weakref.ref(self)

    def take_over(self) -> None:
        """Give up the step of an earlier optimizer of the model: an interrupted cell left it so.

        What has been written over the weights since then stays.
        """
        rival = self._rival()
        owner = None if rival is None else rival.owner()
        if owner is not None:
            owner.give_up(loaded=True)

    def _rival(self) -> "Guard | None":
        """The guard of another optimizer of the model that is amid a step."""
        if not isinstance(self.model, nn.Module):
            return None
        rival = _at_work.get(self.model, weakref.ref(self))()
        return rival if rival is not None and rival is not self and rival.rolls_back else None

    def warn_once(self) -> None:
        """Say that buffers are not rolled back, where it is not known whether there are any."""
        if not self._warned:
            self._warned = True
            warnings.warn(NO_MODEL, stacklevel=2)


class Rollback:
    """A context around each pass of a step: what the first over the whole batch moves stays.

    What the others move is rolled back. Where the step is given up by `GeneratorExit`, nothing is
    put back: the program ends, or what is there now was loaded.

    Args:
        guard: of the training.
        replay: puts the generators where they are to stand before each pass; None: nowhere.
        may_shrink: whether `whole` may still be set at the end of the pass.

    Attributes:
        whole: whether the pass runs over the whole batch.

    Raises:
        RuntimeError: naming what could not be put back, after all else was.
    """

    def __init__(self, guard: Guard, replay: Undo | None, may_shrink: bool) -> None:
        self._guard, self._replay, self.may_shrink = guard, replay, may_shrink
        self.whole, self._left = True, False
        self._undo: list[Undo] = []

    @property
    def _stays(self) -> bool:
        return self.whole and not self._left

    def __enter__(self) -> None:
        if not self._stays:
            self._guard.warn_once()
            self._guard.require_alone()
        if not self._stays or self.may_shrink:
            self._undo = self._guard.snapshot()
            self._guard.rolls_back = not self._stays
        if self._replay is not None:
            self._replay()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        stays, undo, self._undo = self._stays, self._undo, []
        self._left |= self.whole
        self._guard.rolls_back = False
        if stays:
            self._guard.confirm()
            return
        if kind is GeneratorExit:
            return
        try:
            _put_back(undo)
        except RuntimeError as failure:
            if error is None or kind is GivenUpError:
                raise
            error.add_note(str(failure))
        self._guard.warn_once()


class GivenUpError(BaseException):
    """Thrown into a step that is given up, so that it rolls back what it has moved."""


def _put_back(undo: list[Undo]) -> None:
    """Put back all that can be; then raise the first error, if there was one."""
    failed: list[RuntimeError] = []
    for each in undo:
        try:
            each()
        except RuntimeError as error:
            failed.append(error)
    if failed:
        raise failed[0]
