"""What a step adds to its passes and the base's update: operators and fresh memory, exactly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import sssam
from sssam.schedules import constant

#: Two large tensors and four small ones.
SHAPES = [(64, 96), (96,), (96, 64), (64,), (64, 4), (4,)]
N = sum(torch.Size(shape).numel() for shape in SHAPES)
SMALL = N - 2 * 64 * 96


class Counts(TorchDispatchMode):
    """Counts operators, and the numbers in memory that none of their arguments had."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[str] = []
        self.fresh = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operators.append(func.overloadpacket.__name__)
        known = {*map(_memory, filter(_is_tensor, tree_leaves((args, kwargs))))}
        for x in filter(_is_tensor, tree_leaves(result)):
            if _memory(x) not in known:
                self.fresh += x.numel()
        return result


def _is_tensor(x: object) -> bool:
    return isinstance(x, Tensor)


def _memory(x: Tensor) -> int:
    return x.untyped_storage().data_ptr()


class Loop:
    """A training whose passes cost nothing: they give the parameters gradients made before."""

    def __init__(self, build: Callable[[Optimizer], Any]) -> None:
        torch.manual_seed(0)
        self.params = [nn.Parameter(torch.randn(shape)) for shape in SHAPES]
        self.base = torch.optim.SGD(self.params, lr=0.1, momentum=0.9)
        self.optimizer = build(self.base)
        self.loss = torch.zeros(())
        self.counts = Counts()

    def closure(self) -> Tensor:
        """A pass."""
        with self._uncounted():
            for p in self.params:
                p.grad = torch.randn_like(p)
        return self.loss

    @contextmanager
    def _uncounted(self) -> Iterator[None]:
        before = len(self.counts.operators), self.counts.fresh
        yield
        del self.counts.operators[before[0] :]
        self.counts.fresh = before[1]

    def step(self) -> tuple[list[str], int]:
        """Operators and fresh numbers of one step, less those of its passes and of the update."""
        counts = self.counts = Counts()
        around: list[Any] = []

        def begin(*args: object) -> None:
            around.append(self._uncounted())
            around[-1].__enter__()

        def end(*args: object) -> None:
            around.pop().__exit__(None, None, None)

        hooks = self.base.register_step_pre_hook(begin), self.base.register_step_post_hook(end)
        with counts:
            self.optimizer.step(self.closure)
        for hook in hooks:
            hook.remove()
        mine = [name for name in counts.operators if not name.startswith("_record_function")]
        return mine, counts.fresh


def _never(base: Optimizer) -> Any:
    return sssam.SSSAM(base, schedule=constant(0), total_steps=100, model=False)


#: The optimizer; the step that is looked at; operators, and numbers in fresh memory. All methods
#: put the small tensors together for each norm or product, in SMALL fresh numbers; what else is
#: fresh beyond single numbers is of N: T of ASAM, the noise, what is kept (S2-SAM, LookSAM,
#: Friendly SAM), d (Friendly SAM), u(g_s) (GSAM), g_s - g (WSAM), what v is made from (LookSAM).
TABLE: dict[str, tuple[Callable[[Optimizer], Any], int, int, int]] = {
    "SSSAM, p = 0": (_never, 4, 0, 0),
    "SAM": (lambda base: sssam.SAM(base, model=False), 4, 10, SMALL + 9),
    "SAM, rho = 0": (lambda base: sssam.SAM(base, rho=0, model=False), 4, 6, SMALL + 9),
    "SAM, mixed": (lambda base: sssam.SAM(base, mix=0.5, model=False), 4, 12, SMALL + 9),
    "ASAM": (lambda base: sssam.ASAM(base, model=False), 4, 20, N + SMALL + 9),
    "USAM": (lambda base: sssam.USAM(base, model=False), 4, 10, SMALL + 9),
    "MSAM": (lambda base: sssam.MSAM(base, model=False), 4, 10, SMALL + 9),
    "AsyncSAM": (lambda base: sssam.AsyncSAM(base, model=False), 4, 10, SMALL + 9),
    "S2SAM": (lambda base: sssam.S2SAM(base, model=False), 4, 16, N + SMALL + 9),
    "RandomPerturbation": (
        lambda base: sssam.RandomPerturbation(base, model=False),
        4,
        16,
        N + SMALL + 9,
    ),
    "GSAM": (lambda base: sssam.GSAM(base, alpha=0.1, model=False), 4, 39, N + 4 * SMALL + 28),
    "WSAM": (lambda base: sssam.WSAM(base, model=False), 4, 21, N + 2 * SMALL + 20),
    "FriendlySAM": (
        lambda base: sssam.FriendlySAM(base, model=False),
        4,
        19,
        2 * N + 2 * SMALL + 18,
    ),
    "LookSAM, a SAM step": (
        lambda base: sssam.LookSAM(base, k=2, model=False),
        4,
        45,
        2 * N + 5 * SMALL + 37,
    ),
    "LookSAM, between": (lambda base: sssam.LookSAM(base, k=2, model=False), 5, 8, SMALL + 10),
}


@pytest.mark.skipif(
    torch.__version__.split(".")[:2] != ["2", "13"], reason="the table is of torch 2.13"
)
@pytest.mark.parametrize("name", TABLE)
def test_a_step_adds_so_many_operators_and_so_much_fresh_memory(name: str) -> None:
    build, at, operators, fresh = TABLE[name]
    loop = Loop(build)
    for _ in range(at):
        loop.step()
    found = loop.step()
    assert (len(found[0]), found[1]) == (operators, fresh), found[0]


def test_the_first_move_takes_the_memory_that_is_kept() -> None:
    loop = Loop(TABLE["SAM"][0])
    assert loop.step()[1] >= N
    assert loop.step()[1] < N
    loop.optimizer.release()
    assert loop.step()[1] >= N


def test_operators_do_not_grow_with_the_number_of_steps_or_small_tensors() -> None:
    loop = Loop(TABLE["SAM"][0])
    second = (loop.step(), loop.step())[1]
    for _ in range(20):
        last = loop.step()
    assert last == second
