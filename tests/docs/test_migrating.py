"""The loops of docs/migrating.md, before and after, end at the same weights."""

import importlib
import sys
from typing import Any

import pytest
import torch

import sssam
from tests.docs import stand_ins
from tests.test_code_blocks import BLOCK, HEADING, PAGES, Names, run, section, theirs

PAGE = "docs/migrating.md"
SAME = ["davda54/sam, two calls", "davda54/sam, a closure", "pytorch_optimizer"]


@pytest.fixture(autouse=True)
def _other_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries that are installed, and stand-ins of the others."""
    for name, module in stand_ins.modules().items():
        try:
            importlib.import_module(name)
        except ImportError:
            monkeypatch.setitem(sys.modules, name, module)


def _names(**others: Any) -> Names:
    """The reader's names, in float64, from the same weights each time."""
    names = theirs() | others
    names["model"].double()
    x, y = names["loader"].dataset.tensors
    data = torch.utils.data.TensorDataset(x.double(), y)
    names["loader"] = torch.utils.data.DataLoader(data, batch_size=16)
    return names


def _ends(title: str, **others: Any) -> list[Names]:
    before, after = section(PAGE, title)
    return [run([block], _names(**others)) for block in (before, after)]


@pytest.mark.parametrize("title", SAME)
def test_the_new_loop_trains_as_the_old_one(title: str) -> None:
    before, after = (list(names["model"].parameters()) for names in _ends(title))
    start = list(_names()["model"].parameters())
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)
    assert all(
        not torch.equal(one, first) for one, first in zip(before[-2:], start[-2:], strict=True)
    )


def test_every_kth_step_of_composer() -> None:
    before, after = _ends("Composer")
    optimizer = after["optimizer"]
    assert optimizer.steps == 12
    assert optimizer.ascents == 3
    algorithm = before["trainer"].algorithm
    assert algorithm.ascents == 3


def test_the_old_and_the_new_loop_of_optax() -> None:
    """A linear model without a bias, by squared error."""
    pytest.importorskip("optax", reason="optax is not installed")
    import jax.numpy as jnp

    x, y = torch.randn(3, 8, 4), torch.randn(3, 8, 1)
    model = torch.nn.Linear(4, 1, bias=False)
    w = jnp.asarray(model.weight.detach().numpy().T)
    before, after = section(PAGE, "optax")
    arrays = [(jnp.asarray(a.numpy()), jnp.asarray(b.numpy())) for a, b in zip(x, y, strict=True)]
    theirs = {"w": w, "loss": lambda w, x, y: jnp.mean((x @ w - y) ** 2), "batches": arrays}
    ours = {"torch": torch, "sssam": sssam, "model": model, "criterion": torch.nn.MSELoss()}
    old = run([before], theirs)["w"]
    run([after], ours | {"batches": list(zip(x, y, strict=True))})
    torch.testing.assert_close(
        torch.tensor(old.tolist()).T, model.weight.detach(), atol=1e-5, rtol=0
    )


def test_every_section_is_run() -> None:
    titles = [text.splitlines()[0][3:] for text in HEADING.split(PAGES[PAGE].read_text())[1:]]
    assert titles == [*SAME, "Composer", "optax"]
    assert len(BLOCK.findall(PAGES[PAGE].read_text())) == 2 * len(titles)
